package handlers_test

// noticeWalk: see walkTable.
var noticeWalk = map[string]walked{}
