package views_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/views"
)

// framed is a member's page with people in its frame.
func framed(waiting int, online ...rally.FriendState) views.Page {
	p := member("/play")
	p.Inbox = rally.Inbox{Requests: waiting, Notices: waiting, Messages: waiting}
	p.Online = online
	return p
}

func aFriend(id rally.UserID, state rally.PresenceState) rally.FriendState {
	f := rally.FriendState{User: id, Name: "Joon", Presence: rally.Presence{State: state}}
	if state == rally.PresencePlaying || state == rally.PresenceReconnecting {
		f.Match = someMatch
	}
	if state == rally.PresenceOffline {
		f.SeenAt = noon
	}
	return f
}

// A number in the header says what it counts to those who do not see where it
// stands, and nothing at all where there is nothing.
func TestCounts(t *testing.T) {
	t.Parallel()
	for waiting, want := range map[int]string{0: "", 3: "3", 99: "99", 100: "99+", 120: "99+"} {
		var online []rally.FriendState
		for i := range waiting {
			online = append(online, aFriend(rally.UserID(100+i), rally.PresenceOnline))
		}
		d := render(t, "en", views.Play(views.PlayPage{Page: framed(waiting, online...)}))
		for id, words := range map[string]string{
			"notice-count": "unread", "message-count": "unread", "request-count": "requests", "online-count": "online",
		} {
			if got := rawText(d.one("header #" + id)); got != want {
				t.Errorf("%d are %q in #%s", waiting, got, id)
			}
			d.says("#"+id+" + .visually-hidden", words)
		}
		if n := len(d.all("#online > li")); n != waiting {
			t.Errorf("%d on the list, want %d", n, waiting)
		}
	}
	d := render(t, "en", views.Play(views.PlayPage{Page: framed(3)}))
	if got := textOf(d.one("a[href='/notices']")); got != "Notices 3 unread" {
		t.Errorf("the bell is %q", got)
	}
}

// Visitors and those who have something to settle first have nobody in their
// frame.
func TestWhoHasPeopleInTheFrame(t *testing.T) {
	t.Parallel()
	for _, p := range []views.Page{anybody("/"), owing("/"), away("/")} {
		p.Online, p.Inbox = framed(3, aFriend(8, rally.PresenceOnline)).Online, framed(3).Inbox
		d := render(t, "en", views.Landing(views.LandingPage{Page: p}))
		d.lacks("header details", "#online", "#invites", ".count", "a[href='/friends']", "a[href='/chat']", "[data-hx-get='/live/inbox']")
	}
}

// A badge says in words what it shows, and has a way to a match that can be
// watched.
func TestBadges(t *testing.T) {
	t.Parallel()
	for state, want := range map[rally.PresenceState]map[string]string{
		rally.PresenceOnline:       {"en": "Online", "ko": "접속 중"},
		rally.PresenceAway:         {"en": "Away", "ko": "자리 비움"},
		rally.PresencePlaying:      {"en": "Playing Watch", "ko": "경기 중 관전하기"},
		rally.PresenceReconnecting: {"en": "Reconnecting", "ko": "다시 연결하는 중"},
		rally.PresenceOffline: {
			"en": "Offline · last seen 22 Nov 2026, 12:00 UTC", "ko": "오프라인 · 마지막 접속 2026. 11. 22. 12:00 UTC",
		},
	} {
		for locale, words := range want {
			d := render(t, locale, views.PushBadge(aFriend(42, state)))
			badge := d.one("[data-hx-target=\"[data-badge='42']\"] > .badge[data-badge='42']")
			if got := textOf(badge); got != words || attr(badge, "data-state") != string(state) {
				t.Errorf("%s is %q and %s, want %q", state, got, attr(badge, "data-state"), words)
			}
			if watch := len(d.all(".badge a[href='/matches/"+string(someMatch)+"']")) > 0; watch != (state == rally.PresencePlaying) {
				t.Errorf("%s: can be watched is %v", state, watch)
			}
			d.lacks("[aria-live]", "[role]", "[autofocus]")
		}
	}
	never := aFriend(42, rally.PresenceOffline)
	never.SeenAt = time.Time{}
	if got := textOf(render(t, "en", views.PushBadge(never)).one(".badge")); got != "Offline" {
		t.Errorf("somebody who was never seen is %q", got)
	}
}

// Whoever is on the list already only gets another badge: a push names an
// element for a new entry only where that friend has none.
func TestBadgeAddsOrRemovesOne(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.PushBadge(aFriend(42, rally.PresenceAway)))
	add := d.one("hx-partial[data-hx-swap='beforeend strip:true']")
	if got := attr(add, "data-hx-target"); got != "#online:not(:has(#online-42))" {
		t.Errorf("a new entry goes to %q", got)
	}
	d.has("hx-partial[data-hx-swap^=beforeend] > ul:only-child > li#online-42 > a[href='/players/42'] > [data-name='42']", "li#online-42 > [data-badge='42']")
	d.lacks("hx-partial[data-hx-swap=delete]")

	d = render(t, "en", views.PushBadge(aFriend(42, rally.PresenceOffline)))
	if got := attr(d.one("hx-partial[data-hx-swap=delete]"), "data-hx-target"); got != "#online-42" {
		t.Errorf("what is deleted is %q", got)
	}
	d.lacks("li", "hx-partial[data-hx-swap^=beforeend]")

	// The list as a page has it and as it is pushed are the same.
	friends := []rally.FriendState{aFriend(42, rally.PresencePlaying), aFriend(43, rally.PresenceOnline)}
	page := render(t, "en", views.Play(views.PlayPage{Page: framed(0, friends...)}))
	push := render(t, "en", views.PushOnline(friends))
	list := push.text[strings.Index(push.text, "<ul"):strings.Index(push.text, "</hx-partial>")]
	if !strings.Contains(page.text, list) {
		t.Errorf("the page has not\n%s\nbut\n%s", list, page.text)
	}
}

// A name is what it was before but for the name, wherever it stands, and never
// another element.
func TestNamesInPlace(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Mina": "Mina", "<img src=x>": "<img src=x>", "김하늘": "김하늘", "שלום": "\u2068שלום\u2069",
	} {
		d := render(t, "en", views.PushName(42, name))
		into := d.one("hx-partial")
		if attr(into, "data-hx-target") != "[data-name='42']" || attr(into, "data-hx-swap") != "innerHTML" || rawText(into) != want {
			t.Errorf("%q is pushed as %s", name, d.text)
		}
		d.lacks("hx-partial *")
	}
	// Those who watch a match get both names with its panel.
	m := aMatch(views.PhasePlaying)
	m.You = rally.NoSide
	d := render(t, "en", views.MatchUpdate(m))
	d.has("#match-panel")
	for side, id := range []string{"7", "8"} {
		if got := rawText(d.one("hx-partial[data-hx-target=\"[data-name='" + id + "']\"]")); got != m.Players[side].Name {
			t.Errorf("player %s is %q", id, got)
		}
	}
	for locale, want := range map[string]string{"en": "Mina against Joon", "ko": "Mina 대 Joon"} {
		d := render(t, locale, views.Match(m))
		d.has("h1 [data-name='7']", "h1 [data-name='8']")
		if got := strings.TrimSpace(rawText(d.one("h1"))); got != want {
			t.Errorf("the heading is %q, want %q", got, want)
		}
	}
	m.Players[1] = views.MatchPlayer{Bot: rally.BotEasy}
	if n := len(render(t, "en", views.MatchUpdate(m)).all("hx-partial")); n != 1 {
		t.Errorf("%d names in a match with a bot, want 1", n)
	}
}

// What friends are called is inert in the header and in what is pushed.
func TestHostileFriends(t *testing.T) {
	t.Parallel()
	const evil = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{.}}"
	f := aFriend(42, rally.PresencePlaying)
	f.Name, f.Match = evil, evil
	p := framed(1, f)
	p.Viewer.User.Name = evil
	for name, d := range map[string]document{
		"page":  render(t, "en", views.Play(views.PlayPage{Page: p})),
		"badge": render(t, "en", views.PushBadge(f)),
		"list":  render(t, "en", views.PushOnline([]rally.FriendState{f})),
		"name":  render(t, "en", views.PushName(42, evil)),
	} {
		checkHarmless(t, d)
		d.lacks("[onerror]", "header img[src=x]", "hx-partial img", "hx-partial script")
		if !strings.Contains(d.text, "&lt;img") {
			t.Errorf("%s has lost the name", name)
		}
	}
}

// TestBytesOfABadge keeps what every friend gets for every change small.
func TestBytesOfABadge(t *testing.T) {
	t.Parallel()
	for _, state := range []rally.PresenceState{
		rally.PresenceOnline, rally.PresenceAway, rally.PresencePlaying, rally.PresenceReconnecting, rally.PresenceOffline,
	} {
		f := aFriend(1<<31, state)
		f.Name = strings.Repeat("M", 20)
		n := len(render(t, "ko", views.PushBadge(f)).text)
		t.Logf("%4d bytes: %s", n, state)
		if n > 900 {
			t.Errorf("%s: %d bytes", state, n)
		}
	}
	var friends []rally.FriendState
	for i := range 50 {
		friends = append(friends, rally.FriendState{
			User: rally.UserID(100_000 + i), Name: "Name " + strconv.Itoa(i), Presence: rally.Presence{State: rally.PresenceOnline},
		})
	}
	t.Logf("%4d bytes: a list of %d", len(render(t, "en", views.PushOnline(friends)).text), len(friends))
}
