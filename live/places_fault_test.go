package live_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally"
	"rally/live"
)

// A handshake that fails leaves no place behind.
func TestFailedHandshakeFreesPlace(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	s := newPlacedSite(t, n, live.Config{Linger: time.Hour})
	for range 3 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/live"+as(1, "a"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", s.server.URL)
		res, err := s.server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	until(t, "the place is given back", func() bool { return n.holder(1) == "" && s.hub.Places() == 0 })
}

// While Places cannot be asked, nobody new comes in, those who are in stay,
// and what is to be given back is, later.
func TestPlacesAway(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	s := newPlacedSite(t, n, live.Config{})
	c, e := s.dial(t, as(1, "a"))
	leaving, leavingEnd := s.dial(t, as(2, "x"))
	until(t, "the first beat was given", func() bool { claims, _ := n.counts(); return claims == 2 })

	n.goAway(true)
	unchanged := func(r string) string { return r }
	if status, header, _ := ask(t, s, as(3, "n"), unchanged); status != 503 || header.Get("Upgrade") != "" {
		t.Errorf("status %d, %v", status, header)
	}
	hears(t, c, e)
	tab, tabEnd := s.dial(t, as(1, "a")) // nobody need be asked about
	hears(t, tab, tabEnd)
	_ = leaving.Close(websocket.StatusGoingAway, "")
	within(t, leavingEnd.closed)
	until(t, "giving back was tried", func() bool { _, failed := n.counts(); return failed >= 2 })
	if got := n.holder(2); got != "x" {
		t.Errorf("%q has the place", got)
	}

	n.goAway(false)
	until(t, "the place is given back", func() bool { return n.holder(2) == "" })
	until(t, "nobody is remembered in vain", func() bool { return s.hub.Places() == 1 })
	c, e = s.dial(t, as(3, "n"))
	hears(t, c, e)
}

// A session that comes back while its place is still to be given back has it
// afterwards.
func TestComesBackBeforeRelease(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	s := newPlacedSite(t, n, live.Config{})
	c, e := s.dial(t, as(1, "a"))
	n.goAway(true)
	_ = c.Close(websocket.StatusGoingAway, "")
	within(t, e.closed)
	until(t, "giving back was tried", func() bool { _, failed := n.counts(); return failed >= 1 })
	if status, _, _ := ask(t, s, as(1, "a"), func(r string) string { return r }); status != 503 {
		t.Errorf("status %d", status)
	}
	n.goAway(false)
	c, e = s.dial(t, as(1, "a"))
	hears(t, c, e)
	// What was left to do is done in the meantime, and the place is still
	// there.
	other, otherEnd := s.dial(t, as(2, "x"))
	_ = other.Close(websocket.StatusGoingAway, "")
	within(t, otherEnd.closed)
	until(t, "the other one's is given back", func() bool { return n.holder(2) == "" })
	hears(t, c, e)
	if got := n.holder(1); got != "a" {
		t.Errorf("%q has the place", got)
	}
}

// A question about one user that is not answered keeps nobody else waiting.
func TestSlowClaimIsOnesOwn(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	asked, answer := make(chan struct{}, 1), make(chan struct{})
	n.claiming = func(_ context.Context, user rally.UserID, _ rally.SessionID, _ bool) {
		if user == 1 {
			asked <- struct{}{}
			<-answer
		}
	}
	s := newPlacedSite(t, n, live.Config{})
	slow := make(chan *websocket.Conn)
	go func() { slow <- s.knock(t, as(1, "a")) }()
	within(t, asked)
	for i := 2; i < 12; i++ {
		c, e := s.dial(t, as(i, fmt.Sprint("s", i)))
		_ = c.Close(websocket.StatusGoingAway, "")
		within(t, e.closed)
	}
	until(t, "all others are through", func() bool { return s.hub.Places() == 1 })
	close(answer)
	within(t, slow)
	within(t, s.opened)
}

// A browser that does not wait for the answer leaves no place behind.
func TestClaimOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	asked := make(chan struct{}, 1)
	n.claiming = func(ctx context.Context, _ rally.UserID, _ rally.SessionID, _ bool) {
		asked <- struct{}{}
		<-ctx.Done()
	}
	s := newPlacedSite(t, n, live.Config{})
	r := s.connect(t)
	r.write([]byte(rawHandshake(r.RemoteAddr().String(), as(1, "a"))))
	within(t, asked)
	_ = r.Close()
	until(t, "the place is given back", func() bool { return n.holder(1) == "" && s.hub.Places() == 0 })
}

// A browser whose place is being asked for does not hold up Shutdown.
func TestShutdownDuringClaim(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	asked := make(chan struct{}, 1)
	n.claiming = func(ctx context.Context, _ rally.UserID, _ rally.SessionID, _ bool) {
		asked <- struct{}{}
		<-ctx.Done()
	}
	s := newPlacedSite(t, n, live.Config{CloseWait: 100 * time.Millisecond})
	r := s.connect(t)
	r.write([]byte(rawHandshake(r.RemoteAddr().String(), as(1, "a"))))
	within(t, asked)
	s.hub.Shutdown(t.Context())
	if got := n.holder(1); got != "" {
		t.Errorf("%q has the place", got)
	}
	if got := s.log.get(); len(got) != 0 {
		t.Errorf("logged: %q", got)
	}
}

// A place that goes to another session while its answer is under way lets
// nobody in.
func TestDisplacedDuringHandshake(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	var (
		hub  *live.Hub
		once atomic.Bool
	)
	n.claiming = func(_ context.Context, user rally.UserID, session rally.SessionID, ok bool) {
		if ok && session == "a" && once.CompareAndSwap(false, true) {
			n.die()
			if ok, err := n.node().claim(user, "b"); !ok || err != nil {
				t.Errorf("the other node's claim: %t, %v", ok, err)
			}
			hub.CloseElsewhere(user, "b")
		}
	}
	s := newPlacedSite(t, n, live.Config{})
	hub = s.hub
	s.refused(t, as(1, "a"))
	if n := s.opens.Load(); n != 0 {
		t.Errorf("%d receivers were opened", n)
	}
}

// A node that counted as dead for a while asks for all its places again; those
// that somebody else has now are closed.
func TestNodeWasLost(t *testing.T) {
	t.Parallel()
	r := newRegister()
	dead := r.node()
	s := newPlacedSite(t, dead, live.Config{BeatEvery: 20 * time.Millisecond})
	other := newPlacedSite(t, r.node(), live.Config{})
	moved, _ := s.dial(t, as(1, "a"))
	stays, staysEnd := s.dial(t, as(2, "a2"))

	dead.mu.Lock()
	dead.drop()
	dead.mu.Unlock()
	c, e := other.dial(t, as(1, "b"))
	dead.die()
	if code := closeCode(t, moved); code != live.CodeElsewhere {
		t.Errorf("closed with %d", code)
	}
	until(t, "the other place is claimed again", func() bool { return r.holder(2) == "a2" })
	hears(t, c, e)
	hears(t, stays, staysEnd)
	other.refused(t, as(2, "b2"))
}

// When the node could not give a sign of life for too long, whoever knocks next
// comes after those who are in: their places are claimed again first.
func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	const life = 100 * time.Millisecond
	s := newPlacedSite(t, n, live.Config{BeatEvery: time.Hour, BeatLife: life})
	c, e := s.dial(t, as(1, "a"))
	since := time.Now()
	until(t, "the last beat counts no more", func() bool { return time.Since(since) > life })
	n.mu.Lock()
	n.drop()
	n.mu.Unlock()
	s.refused(t, as(1, "b"))
	hears(t, c, e)
}
