package handlers_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"rally"
	"rally/handlers"
	"rally/live"
)

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
	s.settled(t)
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
