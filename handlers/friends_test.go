package handlers_test

import "rally/handlers"

// friendWalk: see walkTable.
var friendWalk = map[string]walked{
	"GET /friends":              {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"GET /friends/blocked":      {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"GET /people":               {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"GET /people/:id/actions":   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /people/:id/ask":      {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /people/:id/accept":   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /people/:id/decline":  {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /people/:id/withdraw": {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /people/:id/remove":   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /people/:id/block":    {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /people/:id/unblock":  {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
}
