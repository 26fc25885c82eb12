package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/live"
	"rally/match"
	"rally/pong"
)

// TestTwoPlay: two people enter the queue, are called to their match on every
// open page, press ready, see the countdown and the result.
func TestTwoPlay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.member(t, "Ada"), s.member(t, "Bea")
	bea.post("/preferences", "locale", "ko")
	adaSocket, beaSocket := ada.open(), bea.open()

	ada.post("/play").leadsTo("/play")
	waiting := ada.get("/play")
	waiting.has("#queue.waiting")
	adaSocket.waitText("#queue", "waiting")
	bea.postWith(partial(), "/play").wants(http.StatusOK)

	call := adaSocket.waitText("#call", "/matches/")
	parses(t, call)
	korean := beaSocket.waitText("#call", "/matches/")
	if call == korean {
		t.Error("both languages say the same")
	}
	id, ok := s.registry.Playing(ada.user.ID)
	if !ok || !strings.Contains(call, "/matches/"+string(id)) {
		t.Fatalf("Ada plays %q, and was called to %s", id, call)
	}
	path := "/matches/" + string(id)
	ada.get("/play").leadsTo(path)
	if got := bea.get("/play", partial()...).Header.Get("HX-Redirect"); got != path {
		t.Errorf("HX-Redirect is %q", got)
	}
	ada.post("/play").leadsTo(path)
	ada.post("/practice", "level", "1").leadsTo(path)

	for _, b := range []*browser{ada, bea} {
		page := b.get(path)
		page.wants(http.StatusOK)
		page.has(`#court[data-match="` + string(id) + `"]`)
		page.has("#match-panel form[action$='/ready']")
		info, _ := s.registry.Find(id)
		if got, want := page.attr("#court", "data-side"), map[rally.Side]string{rally.Left: "0", rally.Right: "1"}[info.Of(b.user.ID)]; got != want {
			t.Errorf("data-side is %q, want %q", got, want)
		}
	}
	// A stranger has to sign in, a member who does not play may look on.
	s.browser(t).get(path).leadsTo("/sign-in?next=%2Fmatches%2F" + string(id) + "&reason=needed")
	cea := s.member(t, "Cea")
	looking := cea.get(path)
	looking.has(`#court[data-side="-1"]`)
	looking.hasNot("#match-panel form")
	cea.post(path + "/ready").wants(http.StatusForbidden)
	cea.post(path + "/resign").wants(http.StatusForbidden)
	cea.post(path + "/rematch").wants(http.StatusForbidden)

	adaSocket.join(id)
	beaSocket.join(id)
	if a, b := adaSocket.waitWelcome(), beaSocket.waitWelcome(); a == b || a < 0 || b < 0 {
		t.Errorf("the sides are %d and %d", a, b)
	}
	part := ada.postWith(partial(), path+"/ready")
	part.wants(http.StatusOK)
	part.has("#match-panel.panel-waiting")
	part.hasNot("form[action$='/ready']")
	beaSocket.waitText("#match-panel", "panel-waiting", "is-ready")
	bea.post(path + "/ready").leadsTo(path)
	for _, socket := range []*socket{adaSocket, beaSocket} {
		parses(t, socket.waitText("#match-panel", "panel-countdown"))
		socket.waitFrame("the countdown", func(f pong.Frame) bool { return f.Phase == pong.Countdown })
		socket.waitText("#match-panel", "panel-playing")
		socket.waitFrame("the serve", func(f pong.Frame) bool { return f.Live })
	}
	ada.get("/players/" + itoa(bea.user.ID)).has(`a[href="` + path + `"]`)

	// Ada gives up: the result, the ratings and the record, on both pages.
	over := ada.postWith(partial(), path+"/resign")
	over.has("#match-panel.panel-over")
	adaSocket.waitText("#match-panel", "panel-over")
	stored := beaSocket.waitText("#match-panel", "panel-over", "→")
	parses(t, stored)
	s.browser(t).get(path).has("#match-panel .record")
	profile := s.browser(t).get("/players/" + itoa(bea.user.ID))
	profile.has(`table.history a[href="` + path + `"]`)
	profile.has(`table.history a[href="/players/` + itoa(ada.user.ID) + `"]`)
	ada.get("/play").wants(http.StatusOK)

	// Both want to play again.
	ada.post(path + "/rematch").leadsTo(path)
	ada.get(path).hasNot("form[action$='/rematch']")
	beaSocket.waitText("#match-panel", "panel-over", "Ada", "/rematch")
	again := bea.postWith(partial(), path+"/rematch")
	next, ok := s.registry.Playing(bea.user.ID)
	if !ok || again.Header.Get("HX-Redirect") != "/matches/"+string(next) {
		t.Errorf("the rematch is %q and leads to %q", next, again.Header.Get("HX-Redirect"))
	}
	adaSocket.waitText("#call", "/matches/"+string(next))
	adaSocket.waitText("#match-panel", "panel-over", "/matches/"+string(next))
	ada.post("/matches/" + string(next) + "/resign").leadsTo("/matches/" + string(next))
}

func itoa(id rally.UserID) string {
	return strconv.FormatInt(int64(id), 10)
}

func TestQueueLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	page := ada.open()
	entered := ada.postWith(partial(), "/play")
	entered.wants(http.StatusOK)
	entered.has("#queue.waiting")
	if strings.Contains(entered.text, "<html") {
		t.Error("htmx got the whole page")
	}
	ada.post("/play").leadsTo("/play") // twice is once
	if n := s.queue.Len(); n != 1 {
		t.Errorf("%d wait", n)
	}
	page.waitText("#queue", "/play/leave")
	ada.get("/play").has(`noscript`)
	left := ada.postWith(partial(), "/play/leave")
	left.hasNot("#queue.waiting")
	ada.post("/play/leave").leadsTo("/play")
	until(t, "the empty queue on the other page", func() bool {
		page.mu.Lock()
		defer page.mu.Unlock()
		return len(page.texts) > 0 && !strings.Contains(page.texts[len(page.texts)-1], "/play/leave")
	})
	if n := s.queue.Len(); n != 0 {
		t.Errorf("%d wait", n)
	}
}

func TestPractice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	ada.post("/play").leadsTo("/play")
	res := ada.post("/practice", "level", "2")
	id, ok := s.registry.Playing(ada.user.ID)
	if !ok {
		t.Fatal("there is no match")
	}
	res.leadsTo("/matches/" + string(id))
	if n := s.queue.Len(); n != 0 {
		t.Errorf("%d wait", n)
	}
	info, _ := s.registry.Find(id)
	if info.Kind != rally.Practice || info.Points != 1 || info.Players[rally.Right].Bot != rally.BotMedium || info.Players[rally.Left].Name != "Ada" {
		t.Errorf("the match is %+v", info)
	}
	socket := ada.open()
	socket.join(id)
	socket.waitFrame("the serve", func(f pong.Frame) bool { return f.Live })
	ada.post("/matches/" + string(id) + "/resign").leadsTo("/matches/" + string(id))
	until(t, "the result", func() bool {
		info, ok := s.registry.Find(id)
		return ok && info.Stored
	})
	page := ada.get("/matches/" + string(id))
	page.has(".panel-over")
	page.has("form[action$='/rematch']")
	ada.get("/players/" + itoa(ada.user.ID)).hasNot("table.history")
	bot := ada.post("/matches/" + string(id) + "/rematch")
	next, _ := s.registry.Playing(ada.user.ID)
	bot.leadsTo("/matches/" + string(next))
}

// TestHistory: a profile shows twenty matches and asks for older ones.
func TestHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.member(t, "Ada"), s.member(t, "Bea")
	begin := time.Now().Add(-24 * time.Hour)
	const matches = 45
	ids := map[string]bool{}
	for i := range matches {
		m := rally.Match{
			ID: rally.NewMatchID(), Kind: rally.Casual, Points: 11, Outcome: rally.Won, Winner: rally.Left,
			Players: [2]rally.Player{
				{User: ada.user.ID, Before: rally.NewRating(), Score: 11},
				{User: bea.user.ID, Before: rally.NewRating(), Score: i % 11},
			},
			StartedAt: begin.Add(time.Duration(i) * time.Minute), FinishedAt: begin.Add(time.Duration(i)*time.Minute + 40*time.Second),
			Ticks: 2400, Rules: []byte{1}, Recording: []byte{1},
		}
		if err := s.store.KeepMatch(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		ids["/matches/"+string(m.ID)] = true
	}
	path := "/players/" + itoa(ada.user.ID)
	page := s.browser(t).get(path)
	seen := map[string]bool{}
	rounds := 0
	for {
		rounds++
		for _, link := range page.find(`td a[href^="/matches/"]`) {
			for _, a := range link.Attr {
				if a.Key == "href" {
					seen[a.Val] = true
				}
			}
		}
		older := page.attr("tr.older a", "href")
		if older == "" || rounds > 5 {
			break
		}
		page = s.browser(t).get(older)
	}
	if rounds != 3 || len(seen) != matches {
		t.Errorf("%d pages with %d matches", rounds, len(seen))
	}
	for link := range seen {
		if !ids[link] {
			t.Errorf("there is a match %s that nobody played", link)
		}
	}
	// htmx gets the rows alone.
	first := s.browser(t).get(path)
	rows := s.browser(t).get(first.attr("tr.older a", "href"), partial()...)
	if strings.Contains(rows.text, "<html") || !strings.Contains(rows.text, "<tr") {
		t.Errorf("htmx got %s", rows.text)
	}
	for _, before := range []string{"nonsense", "%00", strings.Repeat("x", 3000)} {
		if res := s.browser(t).get(path + "?before=" + before); res.StatusCode >= 500 {
			t.Errorf("%q gave %d", before, res.StatusCode)
		}
	}
}

func TestSocketIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	refused := func(name string, b *browser, headers ...header) {
		t.Helper()
		socket, res, err := b.dial(headers...)
		if err == nil {
			t.Errorf("%s: the socket opened", name)
			_ = socket.conn.CloseNow()
			return
		}
		if res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", name, res)
		}
	}
	refused("nobody", s.browser(t))
	refused("foreign origin", ada, header{"Origin", "https://evil.example"})
	refused("no origin", ada, header{"Origin", ""})
	refused("null origin", ada, header{"Origin", "null"})
	ada.open()
	noToken := s.member(t, "Bea")
	noToken.setCookie(tokenCookie, "")
	refused("no token", noToken)
	forged := s.member(t, "Cea")
	forged.setCookie(tokenCookie, "a.b.c")
	refused("a forged token", forged)
	otp := s.browser(t)
	otp.setCookie(sessionCookie, s.openSession(t, ada.user.ID, rally.StageOTP))
	refused("stage otp", otp)
}

// TestSignOutClosesSockets: signing out, or a token that shows a theft, ends
// all sockets of the session (requirement 5).
func TestSignOutClosesSockets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	first, second := ada.open(), ada.open()
	ada.post("/sign-out").leadsTo("/")
	for _, socket := range []*socket{first, second} {
		if code := socket.waitClose(); code != live.CodeSessionEnded {
			t.Errorf("the close code is %d", code)
		}
	}
	bea := s.member(t, "Bea")
	third := bea.open()
	bea.setCookie(tokenCookie, "a.b.c")
	bea.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=ended")
	if code := third.waitClose(); code != live.CodeSessionEnded {
		t.Errorf("the close code is %d", code)
	}
}

func TestEventsForNobody(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	// Events that concern nobody here, or nothing there is, do nothing.
	for _, kind := range []rally.EventKind{rally.MatchPaired, rally.MatchChanged, rally.MatchStored, rally.QueueChanged, rally.SessionEnded, "of.another.version"} {
		for _, listen := range s.handlers.Listeners() {
			listen(rally.Event{Kind: kind, Match: "abcdefghijkl", Users: []rally.UserID{1, 2}, Session: "x"})
		}
	}
	if info, ok := s.registry.Find("abcdefghijkl"); ok || info.Phase != match.Waiting {
		t.Errorf("there is a match %+v", info)
	}
}
