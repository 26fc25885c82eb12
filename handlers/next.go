package handlers

import (
	"net/url"

	"github.com/labstack/echo/v4"
)

// withNext is the address of a form that leads on to next.
func withNext(form, next string) string {
	if next == "" {
		return form
	}
	return form + "?" + url.Values{"next": {next}}.Encode()
}

// afterwards gives where someone goes who has signed in: to next, which
// nextOf or formNext gave, and to the lobby if that is empty.
func afterwards(next string) string {
	if next == "" {
		return "/play"
	}
	return next
}

// nextOf gives what a page's address asks its form to remember: "" for nothing
// and for pages one only passes.
func nextOf(c echo.Context) string { return nextFrom(c.QueryParam("next")) }

// formNext is nextOf for a form that was sent.
func formNext(c echo.Context) string { return nextFrom(c.Request().PostForm.Get("next")) }

// anyNext is formNext or nextOf, by what the request has.
func anyNext(c echo.Context) string {
	if next := formNext(c); next != "" {
		return next
	}
	return nextOf(c)
}

func nextFrom(s string) string {
	if s == "" {
		return ""
	}
	if s = localPath(s); onTheWay(s) {
		return ""
	}
	return s
}
