package handlers_test

// presenceWalk: see walkTable.
var presenceWalk = map[string]walked{}
