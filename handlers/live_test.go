package handlers_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// TestOneLiveSession: who is live on one device and signs in on another is told
// so there, only after everything that signing in takes, and can go on there;
// the first device is told why it is signed out.
func TestOneLiveSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.member(t, "Ada")
	secret, _ := first.codes()

	// Requirement 9: nobody learns who is online without the password and the
	// code.
	before := func() (told string) {
		wrong := s.browser(t).post("/sign-in", "email", "Ada", "password", "wrong horse battery")
		wrong.wants(http.StatusUnauthorized)
		owing := s.owing(t, "Ada")
		code := owing.post("/sign-in/code", "code", "000000")
		code.wants(http.StatusUnauthorized)
		return wrong.text + owing.get("/sign-in/code").text + code.text
	}
	offline := before()
	window := first.open()
	tab := first.open() // two tabs never fight
	if before() != offline {
		t.Error("what is told before the code differs for somebody who is online")
	}

	second := s.browser(t)
	second.signIn("Ada", "next", "/settings").leadsTo("/sign-in/code?next=%2Fsettings")
	second.post("/sign-in/code", "code", codeAt(t, secret, time.Now()), "next", "/settings").leadsTo("/sign-in/elsewhere?next=%2Fsettings")

	second.get("/settings").leadsTo("/sign-in/elsewhere?next=%2Fsettings")
	second.post("/play").leadsTo("/sign-in/elsewhere")
	page := second.get("/sign-in/elsewhere?next=%2Fsettings")
	page.wants(http.StatusOK)
	page.has(`form[method=post][action="/sign-in/elsewhere"] input[name=next][value="/settings"]`)
	page.has(`form[action="/sign-out"]`)
	if code := second.open().waitClose(); code != live.CodeElsewhere {
		t.Errorf("the second device's socket closes with %d", code)
	}
	first.get("/settings").wants(http.StatusOK)

	second.post("/sign-in/elsewhere", "next", "/settings").leadsTo("/settings")
	for _, gone := range []*socket{window, tab} {
		gone.closesAtOnce(live.CodeSessionEnded)
	}
	second.get("/settings").wants(http.StatusOK)
	second.open()
	first.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	first.get("/sign-in?reason=moved&next=%2Fplay").has(".notice")
	second.get("/sign-in/elsewhere?next=%2Fsettings").leadsTo("/settings")
	second.post("/sign-in/elsewhere").leadsTo("/play")
}

// TestFiftySignInsAtOnce: requirement 9. Of fifty sessions that open their
// sockets at the same moment one is live.
func TestFiftySignInsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Ada").post("/sign-out").leadsTo("/")
	const people = 50
	sockets := make([]*socket, people)
	browsers := make([]*browser, people)
	var wait sync.WaitGroup
	for i := range people {
		b := s.browser(t)
		browsers[i] = b
		wait.Go(func() {
			if res := b.signIn("Ada"); res.StatusCode != http.StatusSeeOther {
				t.Errorf("a sign-in gave %d", res.StatusCode)
				return
			}
			if opened, _, err := b.dial(); err != nil {
				t.Errorf("a socket was refused: %v", err)
			} else {
				sockets[i] = opened
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	var open []int
	until(t, "all sockets but one to be closed", func() bool {
		open = open[:0]
		for i, one := range sockets {
			switch code := one.closed(); code {
			case 0:
				open = append(open, i)
			case live.CodeElsewhere:
			default:
				t.Fatalf("a socket closed with %d", code)
			}
		}
		return len(open) <= 1
	})
	if len(open) != 1 {
		t.Fatalf("%d sockets stay", len(open))
	}
	for i, b := range browsers {
		if i == open[0] {
			b.get("/play").wants(http.StatusOK)
		} else {
			b.get("/play").leadsTo("/sign-in/elsewhere?next=%2Fplay")
		}
	}
}

// TestTheGameMovesAlong: a match in progress survives the move to another
// device.
func TestTheGameMovesAlong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	socket := ada.open()
	ada.post("/practice", "level", "1").wants(http.StatusSeeOther)
	id, ok := s.registry.Playing(ada.user.ID)
	if !ok {
		t.Fatal("there is no match")
	}
	socket.join(id)
	socket.waitWelcome()

	second := ada.again()
	path := "/matches/" + string(id)
	second.get("/play").leadsTo("/sign-in/elsewhere?next=%2Fplay")
	second.get("/sign-in/elsewhere").has("p.notice") // there is a match
	second.post("/sign-in/elsewhere", "next", path).leadsTo(path)
	socket.waitClose()
	moved := second.open()
	moved.join(id)
	if side := moved.waitWelcome(); side < 0 {
		t.Errorf("on the other device they are on side %d", side)
	}
	if now, ok := s.registry.Playing(ada.user.ID); !ok || now != id {
		t.Errorf("they play %q", now)
	}
}

// TestTheTokenOfASocketExpires: requirement 34. A socket whose token has run out
// is closed, comes back with a fresh one, and one for which the page asks in
// time stays.
func TestTheTokenOfASocketExpires(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, func(s *site) { s.checkEvery = 200 * time.Millisecond })
	b := s.member(t, "Ada")
	socket := b.open()
	s.clock.forward(9 * time.Minute)
	b.post("/live/token").wants(http.StatusNoContent)
	s.clock.forward(9 * time.Minute)
	b.post("/live/token").wants(http.StatusNoContent)
	if code := socket.closed(); code != 0 {
		t.Fatalf("the socket of a page that asks for tokens closed with %d", code)
	}
	s.clock.forward(11 * time.Minute)
	if code := socket.waitClose(); code != live.CodeRenew {
		t.Errorf("the close code is %d", code)
	}
	before := b.cookie(tokenCookie)
	again := b.open()
	if b.cookie(tokenCookie) == before {
		t.Error("the handshake brought no fresh token")
	}
	if code := again.closed(); code != 0 {
		t.Errorf("it closed with %d", code)
	}
	// A session that is revoked where no event tells of it is found as well.
	if err := s.sessions.EndID(t.Context(), b.session(), ""); err != nil {
		t.Fatal(err)
	}
	if code := again.waitClose(); code != live.CodeSessionEnded {
		t.Errorf("the close code is %d", code)
	}
	b.post("/live/token").leadsTo("/sign-in?reason=needed")
}

// TestPlaceTakenClosesElsewhere: an event that another session is live closes
// the sockets of this one.
func TestPlaceTakenClosesElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	socket := b.open()
	s.publish(rally.Event{Kind: rally.PlaceTaken, Users: []rally.UserID{b.user.ID}, Session: b.session()})
	s.settled(t)
	if code := socket.closed(); code != 0 {
		t.Errorf("the session's own socket closed with %d", code)
	}
	s.publish(rally.Event{Kind: rally.PlaceTaken, Users: []rally.UserID{b.user.ID}, Session: "another"})
	if code := socket.waitClose(); code != live.CodeElsewhere {
		t.Errorf("the close code is %d", code)
	}
}
