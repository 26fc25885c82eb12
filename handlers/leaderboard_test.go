package handlers_test

// rankingWalk: see walkTable.
var rankingWalk = map[string]walked{}
