package views

import (
	"strconv"

	"github.com/a-h/templ"

	"rally"
)

// userNumber writes an id as attributes and addresses have it.
func userNumber(id rally.UserID) string { return strconv.FormatInt(int64(id), 10) }

// personURL is where something is done about somebody.
func personURL(id rally.UserID, what string) string { return "/people/" + userNumber(id) + "/" + what }

// askToPlayURL is where somebody is challenged, chatURL where one talks to them.
func askToPlayURL(id rally.UserID) templ.SafeURL {
	return templ.SafeURL("/challenges/new?to=" + userNumber(id))
}

func chatURL(id rally.UserID) templ.SafeURL { return templ.SafeURL("/chat/" + userNumber(id)) }

// PersonActions is personActions, to answer a press of one of them.
func PersonActions(c PersonCard, next string) templ.Component { return personActions(c, next) }
