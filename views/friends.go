package views

import (
	"net/url"

	"github.com/a-h/templ"

	"rally"
)

// Where the pages are.
const (
	friendsPath = "/friends"
	blockedPath = "/friends/blocked"
	peoplePath  = "/people"
)

// shownRows selects what says how far down the lists of the friends page are
// shown.
const shownRows = "#friends [data-shown]"

func peopleStyles() []string { return []string{"css/form.css", "css/people.css"} }

// withAfter is the address of the part of a list that comes after a cursor.
func withAfter(path, cursor string) string {
	return path + "?" + url.Values{"after": {cursor}}.Encode()
}

func friendsMoreURL(list, cursor string) string {
	return friendsPath + "?" + url.Values{"list": {list}, "after": {cursor}}.Encode()
}

func peopleURL(query, cursor string) string {
	return peoplePath + "?" + url.Values{"q": {query}, "after": {cursor}}.Encode()
}

// personPlace is the id of somebody's name in a list, where focus goes when it
// has to.
func personPlace(id rally.UserID) string { return "person-" + userID(id) }

// friendsFocus says where focus goes when what had it is gone: to whom it was
// about, wherever they stand now, else to the page's heading.
func friendsFocus(p FriendsPage) string {
	for _, l := range []PeopleList{p.Requests, p.Friends, p.Asked} {
		for _, c := range l.People {
			if c.User.ID == p.Acted {
				return personPlace(p.Acted)
			}
		}
	}
	return "friends-title"
}

// personURL is where something is done about somebody.
func personURL(id rally.UserID, what string) string { return "/people/" + userID(id) + "/" + what }

// askToPlayURL is where somebody is challenged, chatURL where one talks to them.
func askToPlayURL(id rally.UserID) templ.SafeURL {
	return templ.SafeURL("/challenges/new?to=" + userID(id))
}

func chatURL(id rally.UserID) templ.SafeURL { return templ.SafeURL("/chat/" + userID(id)) }
