package handlers_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"rally"
	"rally/handlers"
	"rally/live"
	"rally/match"
)

// calls gives where a page's viewer is called to.
func (p *page) calls() (path string, goes bool) {
	p.t.Helper()
	p.socket.settled()
	p.catchUp()
	for _, link := range p.find("#call a") {
		for _, a := range link.Attr {
			if a.Key == "href" {
				path = a.Val
			}
		}
	}
	return path, len(p.find("#call [data-hx-trigger]")) > 0
}

// TestCalledLater: whoever had no socket when they were paired is called as soon
// as they have one.
func TestCalledLater(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.member(t, "Ada"), s.member(t, "Bea")
	ada.post("/play").leadsTo("/play")
	list := ada.get("/friends") // shown, and its socket not open yet
	list.wants(http.StatusOK)
	bea.post("/play").wants(http.StatusSeeOther)
	until(t, "both to be paired", func() bool { _, ok := s.registry.Playing(ada.user.ID); return ok })
	id, _ := s.registry.Playing(ada.user.ID)
	court := "/matches/" + string(id)

	late := &page{t: t, socket: ada.open(), root: list.parsed()}
	if path, goes := late.calls(); path != court || !goes {
		t.Errorf("called to %q, by itself: %v", path, goes)
	}
	bea.post("/preferences", "locale", "ko")
	korean := bea.opens("/settings")
	if path, goes := korean.calls(); path != court || !goes || len(korean.find("#call p")) != 1 {
		t.Errorf("in Korean: called to %q, by itself: %v", path, goes)
	}
	// Nobody is called to where they are, however often they come, …
	own := ada.opens(court)
	for range 2 {
		if path, _ := own.calls(); path != "" {
			t.Errorf("called away from the court to %q", path)
		}
		own.socket = ada.open()
		own.done = 0
	}
	// … nor while they are there on another page, …
	own.socket.join(id)
	own.socket.waitWelcome()
	until(t, "Ada on the court", func() bool { info, _ := s.registry.Find(id); return info.Players[info.Of(ada.user.ID)].Connected })
	if path, _ := ada.opens("/friends").calls(); path != "" {
		t.Errorf("called to %q while there", path)
	}
	// … nor from somebody else's.
	if path, _ := s.member(t, "Cea").opens("/friends").calls(); path != "" {
		t.Errorf("somebody else is called to %q", path)
	}
	ada.post(court + "/resign")
	until(t, "the end", func() bool { _, ok := s.registry.Playing(bea.user.ID); return !ok })
	if path, _ := bea.opens("/friends").calls(); path != "" {
		t.Errorf("called to %q, which is over", path)
	}
}

// TestCalledBack: whoever has left the court in the middle of a match is shown
// the way back, and may go elsewhere.
func TestCalledBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.Points = 21 })
	ada := s.member(t, "Ada")
	court := ada.post("/practice", "level", "1").Header.Get("Location")
	id := rally.MatchID(strings.TrimPrefix(court, "/matches/"))
	own := ada.open()
	own.join(id)
	until(t, "the countdown", func() bool { info, _ := s.registry.Find(id); return info.Phase != match.Waiting })
	_ = own.conn.CloseNow()
	until(t, "Ada gone", func() bool { info, _ := s.registry.Find(id); return !info.Players[info.Of(ada.user.ID)].Connected })
	if path, goes := ada.opens("/friends").calls(); path != court || goes {
		t.Errorf("called to %q, by itself: %v", path, goes)
	}
	if path, _ := ada.opens(court).calls(); path != "" {
		t.Errorf("called away from the court to %q", path)
	}
}

// stuck is a database that does not answer what waits for one user.
type stuck struct {
	handlers.Notices
	mu     sync.Mutex
	user   rally.UserID
	asked  chan struct{}
	answer chan struct{}
}

func (n *stuck) Inbox(ctx context.Context, user rally.UserID) (rally.Inbox, error) {
	n.mu.Lock()
	held := user == n.user
	n.mu.Unlock()
	if held {
		n.asked <- struct{}{}
		<-n.answer
	}
	return n.Notices.Inbox(ctx, user)
}

// TestUrgentNewsWaitsForNothing: while the database does not answer, those who
// are called to a match are, panels change, and sockets close.
func TestUrgentNewsWaitsForNothing(t *testing.T) {
	t.Parallel()
	n := &stuck{asked: make(chan struct{}, 1), answer: make(chan struct{})}
	s := newSite(t, func(c *handlers.Config) { n.Notices, c.Notices = c.Notices, n })
	ada, bea, cea := s.member(t, "Ada"), s.member(t, "Bea"), s.member(t, "Cea")
	adas, beas := ada.open(), bea.open()
	cea.open()
	n.mu.Lock()
	n.user = cea.user.ID
	n.mu.Unlock()
	s.publish(rally.Event{Kind: rally.Noticed, Users: []rally.UserID{cea.user.ID}})
	<-n.asked
	t.Cleanup(func() { close(n.answer) })

	ada.post("/play").leadsTo("/play")
	adas.waitText("#queue", "/play/leave")
	bea.post("/play").wants(http.StatusSeeOther)
	adas.waitText("#call", "/matches/")
	beas.waitText("#call", "/matches/")
	id, _ := s.registry.Playing(ada.user.ID)
	court := "/matches/" + string(id)
	adas.join(id)
	adas.waitWelcome()
	ada.post(court + "/ready").leadsTo(court)
	beas.waitText("#match-panel", "is-ready")
	ada.post(court + "/resign").leadsTo(court)
	beas.waitText("#match-panel", "panel-over")
	if code := beas.closed(); code != 0 {
		t.Fatalf("closed with %d", code)
	}
	bea.post("/sign-out").leadsTo("/")
	beas.closesAtOnce(live.CodeSessionEnded)
	s.publish(rally.Event{Kind: rally.PlaceTaken, Users: []rally.UserID{ada.user.ID}, Session: "another"})
	adas.closesAtOnce(live.CodeElsewhere)
}
