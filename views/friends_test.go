package views_test

import (
	"strings"
	"testing"

	"github.com/a-h/templ"

	"rally"
	"rally/views"
)

// aCard is somebody as Mina sees them.
func aCard(id rally.UserID, name string, r rally.Relation) views.PersonCard {
	c := views.PersonCard{Person: rally.Person{User: rally.User{ID: id, Name: name, Rating: rally.NewRating()}, Relation: r}}
	if r == rally.RelationFriends {
		c.Presence = rally.Presence{State: rally.PresenceOffline, SeenAt: noon}
	}
	return c
}

func somePeople(more string, r rally.Relation, first rally.UserID, names ...string) views.PeopleList {
	l := views.PeopleList{More: more}
	for i, name := range names {
		l.People = append(l.People, aCard(first+rally.UserID(i), name, r))
	}
	return l
}

func someFriends() views.FriendsPage {
	return views.FriendsPage{
		Page:     member("/friends"),
		Requests: somePeople("1", rally.RelationAskedBy, 20, "Lea", "김민준"),
		Friends:  somePeople("a&b=<c>", rally.RelationFriends, 30, "Joon", "דניאל"),
		Asked:    somePeople("", rally.RelationAsked, 40, "Emil"),
	}
}

// friendPages and friendFragments are those about how people stand to each
// other.
func friendPages() map[string]templ.Component {
	found := views.PeoplePage{Page: member("/people?q=jo"), Query: "jo", Looked: true, Found: somePeople("x", rally.RelationNone, 50, "Joe", "Jon")}
	found.Found.People[1].Relation = rally.RelationBlocked
	later := views.FriendsPage{Page: member("/friends?list=friends&after=x"), Only: views.ListFriends, Friends: someFriends().Friends}
	return map[string]templ.Component{
		"friends":         views.Friends(someFriends()),
		"friends, none":   views.Friends(views.FriendsPage{Page: member("/friends")}),
		"friends, later":  views.Friends(later),
		"blocked":         views.Blocked(views.BlockedPage{Page: member("/friends/blocked"), Blocked: somePeople("x", rally.RelationBlocked, 60, "Kai")}),
		"blocked, nobody": views.Blocked(views.BlockedPage{Page: member("/friends/blocked")}),
		"people":          views.People(views.PeoplePage{Page: member("/people")}),
		"people, found":   views.People(found),
		"people, none":    views.People(views.PeoplePage{Page: member("/people?q=xx"), Query: `"><i>xx`, Looked: true}),
		"people, wait":    views.People(views.PeoplePage{Page: member("/people?q=xx"), Query: "xx", Problem: "error.throttled", Wait: 7}),
	}
}

func friendFragments() map[string]templ.Component {
	all := map[string]templ.Component{
		"friend lists": views.FriendLists(someFriends()),
		"friend rows":  views.FriendRows(someFriends(), views.ListFriends, someFriends().Friends),
		"blocked rows": views.BlockedRows(views.BlockedPage{Blocked: somePeople("x", rally.RelationBlocked, 60, "Kai")}),
		"people rows":  views.PeopleRows(views.PeoplePage{Page: member("/people?q=e"), Query: "e", Found: somePeople("x", rally.RelationNone, 50, "Joe")}),
		"push friends": views.PushFriends([]rally.UserID{30}, true),
	}
	for _, what := range []string{"ask", "accept", "decline", "withdraw", "remove", "block", "unblock"} {
		d := views.Deed{What: what, Name: "Joon"}
		all["friends, having "+what] = views.FriendsActed(someFriends(), d)
		all["person, having "+what] = views.PersonActed(aCard(8, "Joon", rally.RelationNone), "/players/8", d)
	}
	return all
}

// Each relation offers what makes sense by it, with the name of who it is about,
// and comes back to where it was pressed.
func TestWhatCanBeDone(t *testing.T) {
	t.Parallel()
	for r, want := range map[rally.Relation]string{
		rally.RelationNone:    "ask block",
		rally.RelationAsked:   "withdraw block",
		rally.RelationAskedBy: "accept decline block",
		rally.RelationFriends: "remove block",
		rally.RelationBlocked: "unblock",
	} {
		d := render(t, "en", views.PersonActions(aCard(8, "<b>Joon", r), "/players/8?before=x&y"))
		var got []string
		for _, form := range d.all("form[method=post]") {
			got = append(got, strings.TrimPrefix(attr(form, "action"), "/people/8/"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q offers %v, want %s", r, got, want)
		}
		for _, next := range d.all("input[name=next]") {
			if attr(next, "value") != "/players/8?before=x&y" {
				t.Errorf("%q leads to %q", r, attr(next, "value"))
			}
		}
		for _, control := range d.all("button, a, summary") {
			if !strings.HasSuffix(textOf(control), " <b>Joon") {
				t.Errorf("%q does not say whom it is about", textOf(control))
			}
		}
		d.one("[data-person='8'] [data-asks='8']")
		if n := len(d.all("form > button[data-focus], a[data-focus]")); n != 1 {
			t.Errorf("%q has %d places for focus to go", r, n)
		}
		if friends := len(d.all("a[href='/challenges/new?to=8'] + a[href='/chat/8']")) == 1; friends != (r == rally.RelationFriends) {
			t.Errorf("%q: challenge and message are there: %v", r, friends)
		}
	}
}

// Focus goes to who stands beside whom it was about, else follows them to where
// they stand now, else goes to the heading.
func TestFriendListsFocus(t *testing.T) {
	t.Parallel()
	p := someFriends()
	for _, c := range []struct {
		acted, near rally.UserID
		want        string
	}{
		{0, 0, "friends-title"},
		{31, 0, "person-31"},
		{40, 0, "person-40"},
		{99, 0, "friends-title"}, // removed, and was the only one
		{99, 98, "friends-title"},
		{31, 21, "person-21"}, // accepted, and the next one waits
		{99, 30, "person-30"},
	} {
		p.Acted, p.Near = c.acted, c.near
		d := render(t, "en", views.Friends(p))
		if got := attr(d.one("#friends"), "data-focus"); got != c.want {
			t.Errorf("after %d near %d focus goes to %s, want %s", c.acted, c.near, got, c.want)
		}
		d.one("#" + c.want)
	}
	d := render(t, "en", views.Friends(p))
	for who, near := range map[string]string{"20": "21", "21": "20", "30": "31", "31": "30"} {
		forms := len(d.all("form[action^='/people/" + who + "/']"))
		beside := len(d.all("form[action^='/people/" + who + "/'] > input[name=near][value='" + near + "']"))
		if forms == 0 || beside != forms {
			t.Errorf("beside %s stands %s in %d of %d forms", who, near, beside, forms)
		}
	}
	d.lacks("form[action='/people/40/withdraw'] [name=near]")
}

// The lists say how many rows of each are there, so that a page asks for as many
// when it asks anew.
func TestFriendListsSayHowMany(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Friends(someFriends()))
	for list, want := range map[string]string{"requests": "2", "friends": "2", "asked": "1"} {
		if got := attr(d.one("#friends li:first-child > input[data-shown][name="+list+"]"), "value"); got != want {
			t.Errorf("%s says %s, want %s", list, got, want)
		}
	}
	d.one("#friends[data-hx-get='/friends'][data-hx-include='#friends [data-shown]']")
	d.one("span#friends-ask[hidden]")
	later := render(t, "en", friendPages()["friends, later"])
	later.lacks("#friends[data-hx-get]", "#friends-ask")
	later.one("a[href='/friends?after=a%26b%3D%3Cc%3E&list=friends']")
}
