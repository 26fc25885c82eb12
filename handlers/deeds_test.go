package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
)

// does posts what somebody does about somebody else.
func (b *browser) does(what string, about rally.UserID, fields ...string) *answer {
	b.t.Helper()
	return b.post("/people/"+itoa(about)+"/"+what, fields...)
}

// befriends makes friends of the two, without the forms.
func (b *browser) befriends(other *browser) {
	b.t.Helper()
	for _, ask := range [][2]rally.UserID{{b.user.ID, other.user.ID}, {other.user.ID, b.user.ID}} {
		if _, err := b.site.store.Ask(b.t.Context(), ask[0], ask[1]); err != nil {
			b.t.Fatal(err)
		}
	}
}

// stands says how the browser's user stands to somebody.
func (b *browser) stands(other *browser) rally.Relation {
	b.t.Helper()
	p, err := b.site.store.FindPerson(b.t.Context(), b.user.ID, other.user.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return p.Relation
}

// person selects the row of somebody in a list of the friends page.
func person(list string, b *browser) string {
	return "#friends ." + list + " .person:has([href='/players/" + itoa(b.user.ID) + "'])"
}

// Without JavaScript: each press is a form that leads back to its page, and the
// page then shows what has come of it.
func TestFriendshipByForms(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon := s.insider(t, "Mina"), s.insider(t, "Joon")

	mina.get("/friends").has(".own-friends .empty")
	mina.does("ask", joon.user.ID, "next", "/people?q=jo").leadsTo("/people?q=jo")
	mina.get("/people?q=jo").has("[data-person='" + itoa(joon.user.ID) + "'] form[action$='/withdraw']")
	mina.get("/friends").has(person("asked", joon) + " form[action$='/withdraw']")
	page := joon.get("/friends")
	for _, what := range []string{"accept", "decline", "block"} {
		page.has(person("requests", mina) + " form[method=post][action='/people/" + itoa(mina.user.ID) + "/" + what + "']")
	}

	mina.does("withdraw", joon.user.ID).leadsTo("/friends")
	joon.get("/friends").hasNot(".requests")
	mina.does("ask", joon.user.ID)
	joon.does("decline", mina.user.ID).leadsTo("/friends")
	mina.get("/friends").hasNot(".asked")
	mina.does("ask", joon.user.ID)
	joon.does("accept", mina.user.ID, "next", "/friends").leadsTo("/friends")
	page = joon.get("/friends")
	page.has(person("own-friends", mina) + " [data-badge='" + itoa(mina.user.ID) + "'][data-state=offline]")
	page.has(person("own-friends", mina) + " a[href='/challenges/new?to=" + itoa(mina.user.ID) + "']")
	page.has(person("own-friends", mina) + " a[href='/chat/" + itoa(mina.user.ID) + "']")
	page.hasNot(".requests")
	page.hasNot(".asked")

	mina.does("remove", joon.user.ID).leadsTo("/friends")
	joon.get("/friends").has(".own-friends .empty")
	joon.does("block", mina.user.ID, "next", "/players/"+itoa(mina.user.ID)).leadsTo("/players/" + itoa(mina.user.ID))
	joon.get("/friends/blocked").has(".person form[action='/people/" + itoa(mina.user.ID) + "/unblock']")
	joon.does("unblock", mina.user.ID, "next", "/friends/blocked").leadsTo("/friends/blocked")
	joon.get("/friends/blocked").hasNot(".person")
}

// With htmx a press is answered with the part of its page that is different then.
func TestFriendshipByFragments(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon := s.insider(t, "Mina"), s.insider(t, "Joon")
	path := func(b *browser, what string) string { return "/people/" + itoa(b.user.ID) + "/" + what }

	res := mina.postWith(partial(), path(joon, "ask"), "next", "/players/"+itoa(joon.user.ID))
	res.wants(http.StatusOK)
	res.has("[data-person='" + itoa(joon.user.ID) + "'] form[action$='/withdraw'] input[name=next][value='/players/" + itoa(joon.user.ID) + "']")
	res.has("hx-partial[data-hx-target='#status']")
	res.hasNot("#friends")
	res.hasNot("html[lang]")

	res = joon.postWith(partial(), path(mina, "accept"), "next", "/friends")
	res.wants(http.StatusOK)
	res.has("#friends[data-focus='person-" + itoa(mina.user.ID) + "'] .own-friends #person-" + itoa(mina.user.ID))
	res.hasNot("main")
	res.hasNot(".requests")
	if !strings.Contains(res.text, "You and Mina are friends now.") {
		t.Errorf("it is not said what was done: %s", res.text)
	}

	res = mina.get(path(joon, "actions"), append(partial(), header{"HX-Current-URL", s.URL + "/people?q=jo"})...)
	res.wants(http.StatusOK)
	res.has("[data-person] form[action$='/remove'] input[name=next][value='/people?q=jo']")
	res.hasNot("main")
	mina.get(path(joon, "actions")).leadsTo("/players/" + itoa(joon.user.ID))
	// Where a page says it comes from is no way out of the site.
	res = mina.get(path(joon, "actions"), append(partial(), header{"HX-Current-URL", "https://example.org/friends"})...)
	res.has("input[name=next][value='/']")
}

// Requests that cross make friends, also at the same moment.
func TestRequestsCross(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for round := range 10 {
		a, b := s.insider(t, "Left"+strconv.Itoa(round)), s.insider(t, "Right"+strconv.Itoa(round))
		var both sync.WaitGroup
		for _, ask := range []func() *answer{
			func() *answer { return a.postWith(partial(), "/people/"+itoa(b.user.ID)+"/ask", "next", "/people") },
			func() *answer { return b.postWith(partial(), "/people/"+itoa(a.user.ID)+"/ask", "next", "/people") },
		} {
			both.Go(func() {
				if res := ask(); res.StatusCode != http.StatusOK {
					t.Errorf("got %d: %s", res.StatusCode, res.text)
				}
			})
		}
		both.Wait()
		if a.stands(b) != rally.RelationFriends || b.stands(a) != rally.RelationFriends {
			t.Errorf("they stand as %q and %q", a.stands(b), b.stands(a))
		}
	}
	// One after the other: the second one is told that they are friends.
	a, b := s.insider(t, "First"), s.insider(t, "Second")
	a.does("ask", b.user.ID)
	res := b.postWith(partial(), "/people/"+itoa(a.user.ID)+"/ask", "next", "/players/1")
	res.has("[data-person] form[action$='/remove']")
	if !strings.Contains(res.text, "You and First are friends now.") {
		t.Errorf("crossing is not said: %s", res.text)
	}
}

// What cannot be done has a status and words, and changes nothing.
func TestDeedsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon, kai := s.insider(t, "Mina"), s.insider(t, "Joon"), s.insider(t, "Kai")
	mina.does("block", kai.user.ID).leadsTo("/friends")
	self, other := itoa(mina.user.ID), itoa(joon.user.ID)
	for _, c := range []struct {
		path   string
		status int
		words  string
	}{
		{"/people/" + self + "/ask", 422, "That is you"},
		{"/people/" + self + "/accept", 422, "That is you"},
		{"/people/" + self + "/remove", 422, "That is you"},
		{"/people/" + self + "/block", 422, "That is you"},
		{"/people/" + self + "/unblock", 422, "That is you"},
		{"/people/999999/ask", 404, "nothing at this address"},
		{"/people/999999/block", 404, "nothing at this address"},
		{"/people/0/ask", 404, ""},
		{"/people/-1/ask", 404, ""},
		{"/people/99999999999999999999/ask", 404, ""},
		{"/people/1%00/ask", 404, ""},
		{"/people/" + other + "e0/ask", 404, ""},
		{"/people/" + other + "/marry", 404, ""},
		{"/people/" + other + "/accept", 404, "no longer there"},
		{"/people/" + itoa(kai.user.ID) + "/ask", 409, "Unblock them first"},
	} {
		res := mina.post(c.path, "next", "/friends")
		if res.StatusCode != c.status || !strings.Contains(res.text, c.words) {
			t.Errorf("%s: got %d, want %d with %q\n%s", c.path, res.StatusCode, c.status, c.words, res.text)
		}
		res = mina.postWith(partial(), c.path, "next", "/friends")
		if res.StatusCode != c.status || res.Header.Get("HX-Reswap") != "none" || len(res.find("hx-partial[data-hx-target='#status']")) != 1 {
			t.Errorf("%s with htmx: %d\n%s", c.path, res.StatusCode, res.text)
		}
	}
	// Nothing there is to take back or to end is no mistake.
	for _, what := range []string{"decline", "withdraw", "remove", "unblock"} {
		mina.does(what, joon.user.ID).leadsTo("/friends")
	}
	if mina.stands(joon) != rally.RelationNone || joon.stands(mina) != rally.RelationNone {
		t.Error("something came of it")
	}
	// A form has no say in who acts, and leads nowhere else.
	res := joon.does("ask", kai.user.ID, "user", self, "from", self, "id", self, "next", "//evil.example/friends")
	res.leadsTo("/friends")
	if mina.stands(kai) != rally.RelationBlocked || joon.stands(kai) != rally.RelationAsked {
		t.Error("somebody else has asked")
	}
	for _, path := range []string{"/people/" + other + "/ask", "/people/" + other + "/block"} {
		mina.get(path).wants(http.StatusMethodNotAllowed)
		mina.postWith([]header{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}}, path).wants(http.StatusForbidden)
	}
}

// The pages of both are told to ask again, and nobody else's.
func TestFriendsPushed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon, lea := s.insider(t, "Mina"), s.insider(t, "Joon"), s.insider(t, "Lea")
	minas, joons, leas := mina.open(), joon.open(), lea.open()
	about := func(b *browser) []string {
		return []string{`data-hx-target="#friends-ask"`, `[data-asks=&#34;` + itoa(b.user.ID) + `&#34;]`, `data-hx-get="/people/` + itoa(b.user.ID) + `/actions"`}
	}
	for _, c := range []struct {
		by   *browser
		what string
		to   *browser
	}{{mina, "ask", joon}, {joon, "accept", mina}, {mina, "remove", joon}, {joon, "ask", mina}, {joon, "withdraw", mina}} {
		for _, p := range []*socket{minas, joons, leas} {
			p.forget()
		}
		c.by.does(c.what, c.to.user.ID).leadsTo("/friends")
		parses(t, minas.waitText(about(joon)...))
		parses(t, joons.waitText(about(mina)...))
	}
	// After all that one thing that concerns Lea: it is all she has heard.
	mina.does("ask", lea.user.ID)
	leas.waitText(about(mina)...)
	leas.mu.Lock()
	defer leas.mu.Unlock()
	for _, text := range leas.texts {
		if strings.Contains(text, "/people/"+itoa(joon.user.ID)+"/") {
			t.Errorf("Lea was told of Joon: %s", text)
		}
	}
}

// forget forgets what has come so far.
func (s *socket) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = nil
}

// Nobody can knock at every door.
func TestAskingIsThrottled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon := s.insider(t, "Mina"), s.insider(t, "Joon")
	for range 30 {
		mina.does("ask", joon.user.ID).wants(http.StatusSeeOther)
		mina.does("withdraw", joon.user.ID).wants(http.StatusSeeOther)
	}
	res := mina.does("ask", joon.user.ID)
	res.wants(http.StatusTooManyRequests)
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 20 {
		t.Errorf("Retry-After is %q", res.Header.Get("Retry-After"))
	}
	if mina.stands(joon) != rally.RelationNone {
		t.Error("she has asked")
	}
	res = mina.postWith(partial(), "/people/"+itoa(joon.user.ID)+"/ask", "next", "/friends")
	res.wants(http.StatusTooManyRequests)
	res.has("hx-partial[data-hx-target='#status'] .problem")
	joon.does("ask", mina.user.ID).wants(http.StatusSeeOther)
	mina.does("accept", joon.user.ID).wants(http.StatusSeeOther) // answering costs nothing
	s.clock.forward(time.Hour)
	mina.does("ask", joon.user.ID).wants(http.StatusSeeOther)
}
