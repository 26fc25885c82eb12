package views

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"rally"
)

// matchURL, profileURL and olderURL are where things are found.
func matchURL(id rally.MatchID) templ.SafeURL {
	return templ.SafeURL("/matches/" + url.PathEscape(string(id)))
}

func matchAction(id rally.MatchID, what string) string {
	return string(matchURL(id)) + "/" + what
}

// panelOf selects the panel of one match: a player may have a page of an
// earlier one open as well.
func panelOf(id rally.MatchID) string { return `#match-panel[data-match="` + string(id) + `"]` }

// callFrom selects the place of a call to a match on pages that do not show it.
func callFrom(id rally.MatchID) string {
	return `body:not(:has([data-match="` + string(id) + `"])) #call`
}

func profileURL(id rally.UserID) templ.SafeURL { return templ.SafeURL("/players/" + userID(id)) }

// userID is a user's id as addresses and attributes have it.
func userID(id rally.UserID) string { return strconv.FormatInt(int64(id), 10) }

// countText is a number in the header, "" for none.
func countText(n int) string {
	switch {
	case n <= 0:
		return ""
	case n >= rally.InboxMax:
		return strconv.Itoa(rally.InboxMax-1) + "+"
	default:
		return strconv.Itoa(n)
	}
}

func olderURL(id rally.UserID, cursor string) string {
	return string(profileURL(id)) + "?before=" + url.QueryEscape(cursor)
}

// providerURL is where signing in with an account elsewhere begins.
func providerURL(name string) string { return "/sign-in/with/" + url.PathEscape(name) }

// avatarURL is a person's picture; its name changes with its content.
func avatarURL(u rally.User) string {
	return "/avatars/" + strconv.FormatInt(int64(u.ID), 10) + "/" + url.PathEscape(u.Avatar) + ".png"
}

// otpauth is the address of a secret for an app that makes codes: no scheme
// but that one.
func otpauth(link string) templ.SafeURL {
	if !strings.HasPrefix(link, "otpauth://") {
		return templ.SafeURL("#")
	}
	return templ.SafeURL(link)
}

// title is a page's <title>: its own name before the site's.
func title(page string) string { return page + " · Rally" }

// current is the aria-current of a link on page p.
func current(p Page, path string) string {
	at, _, _ := strings.Cut(p.Path, "?")
	if at == path {
		return "page"
	}
	return "false"
}

// currentSection is the aria-current of a link to a section of the settings:
// the page itself, or something within the section.
func currentSection(p Page, section, path string) string {
	if current(p, path) == "page" {
		return "page"
	}
	return strconv.FormatBool(section == path)
}

// pressed is the aria-pressed of a button that is one of several choices.
func pressed(on bool) string { return strconv.FormatBool(on) }

// languageName gives a language's name in that language.
func languageName(locale string) string {
	if locale == "ko" {
		return "한국어"
	}
	return "English"
}
