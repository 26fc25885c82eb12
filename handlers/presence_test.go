package handlers_test

import "rally/handlers"

// presenceWalk: see walkTable.
var presenceWalk = map[string]walked{
	"POST /live/active": {handlers.Full, "/sign-in", "/sign-in/code", "204", "204", "204"},
	"GET /live/inbox":   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
}
