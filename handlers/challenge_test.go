package handlers_test

// challengeWalk: see walkTable.
var challengeWalk = map[string]walked{}
