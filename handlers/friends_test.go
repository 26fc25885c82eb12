package handlers_test

// friendWalk: see walkTable.
var friendWalk = map[string]walked{}
