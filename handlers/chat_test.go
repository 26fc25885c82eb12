package handlers_test

// chatWalk: see walkTable.
var chatWalk = map[string]walked{}
