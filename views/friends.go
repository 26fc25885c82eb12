package views

import (
	"net/url"
	"slices"

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

func peopleStyles() []string { return []string{"css/people.css"} }

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

// friendPlace is where the forms about one of a list on the friends page stand.
func friendPlace(l PeopleList, i int) place {
	p := place{next: friendsPath, target: "#friends", shown: true}
	switch {
	case i+1 < len(l.People):
		p.near = l.People[i+1].User.ID
	case i > 0:
		p.near = l.People[i-1].User.ID
	}
	return p
}

// friendsFocus says where focus goes when what had it is gone: to who stood
// beside it, so that one can go on down the list, else to whom it was about,
// wherever they stand now, else to the page's heading.
func friendsFocus(p FriendsPage) string {
	lists := slices.Concat(p.Requests.People, p.Friends.People, p.Asked.People)
	for _, id := range []rally.UserID{p.Near, p.Acted} {
		if slices.ContainsFunc(lists, func(c PersonCard) bool { return c.User.ID == id }) {
			return personPlace(id)
		}
	}
	return "friends-title"
}

// pushed gives the trigger of what asks anew as soon as it is on a page; of a
// change of one's own, once the answer to the press is there as well.
func pushed(own bool) string {
	if own {
		return "load delay:400ms"
	}
	return "load"
}

// personURL is where something is done about somebody.
func personURL(id rally.UserID, what string) string { return "/people/" + userID(id) + "/" + what }

// chatURL is where one talks to somebody.
func chatURL(id rally.UserID) templ.SafeURL { return templ.SafeURL("/chat/" + userID(id)) }
