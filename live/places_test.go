package live_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally"
	"rally/live"
)

// as gives the query of a user's session.
func as(user int, session string) string {
	return fmt.Sprintf("?stage=full&user=%d&session=%s&locale=en", user, session)
}

// knock opens a socket that may be closed at once.
func (s *site) knock(t testing.TB, q string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, s.server.URL+"/live"+q, &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {s.server.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// refused says that a socket of q is closed with CodeElsewhere.
func (s *site) refused(t testing.TB, q string) {
	t.Helper()
	if code := closeCode(t, s.knock(t, q)); code != live.CodeElsewhere {
		t.Errorf("%s: closed with %d, want %d", q, code, live.CodeElsewhere)
	}
}

// hears says that a socket is open.
func hears(t testing.TB, c *websocket.Conn, e *end) {
	t.Helper()
	write(t, c, []byte("still here"))
	if got := within(t, e.frames); got != "still here" {
		t.Errorf("got %q", got)
	}
}

// Fifty sessions of one user knock at once, at two nodes: one is let in.
func TestOneLiveSession(t *testing.T) {
	t.Parallel()
	r := newRegister()
	sites := []*site{newPlacedSite(t, r.node(), live.Config{}), newPlacedSite(t, r.node(), live.Config{})}
	const sessions = 50
	codes := make(chan int, sessions)
	var start sync.WaitGroup
	start.Add(1)
	for i := range sessions {
		go func() {
			start.Wait()
			codes <- closeCode(t, sites[i%2].knock(t, as(1, fmt.Sprint("s", i))))
		}()
	}
	start.Done()
	for range sessions - 1 {
		if code := within(t, codes); code != live.CodeElsewhere {
			t.Errorf("closed with %d", code)
		}
	}
	winner := sites[0]
	if winner.hub.Stats().Sockets == 0 {
		winner = sites[1]
	}
	e := within(t, winner.opened)
	if got := r.holder(1); got != e.Viewer().Session {
		t.Errorf("%q has the place, %q the socket", got, e.Viewer().Session)
	}
	a, b := sites[0].hub.Stats(), sites[1].hub.Stats()
	if a.Opened+b.Opened != 1 || a.Refused+b.Refused != sessions-1 || sites[0].opens.Load()+sites[1].opens.Load() != 1 {
		t.Errorf("opened %d and %d, refused %d and %d", a.Opened, b.Opened, a.Refused, b.Refused)
	}
	winner.hub.CloseSession(e.Viewer().Session, live.CodeSessionEnded, "moved")
	if code := within(t, codes); code != live.CodeSessionEnded {
		t.Errorf("the last one was closed with %d", code)
	}
}

// Tabs of one session never fight, however they come, and one question does
// for all of them.
func TestTabs(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	asked, answer := make(chan struct{}, 9), make(chan struct{})
	n.claiming = func(context.Context, rally.UserID, rally.SessionID, bool) {
		asked <- struct{}{}
		<-answer
	}
	s := newPlacedSite(t, n, live.Config{})
	tabs := make(chan *websocket.Conn, 3)
	for range 3 {
		go func() { tabs <- s.knock(t, as(1, "a")) }()
	}
	within(t, asked)
	close(answer)
	var all []*websocket.Conn
	for range 3 {
		all = append(all, within(t, tabs))
		within(t, s.opened)
	}
	if claims, _ := n.counts(); claims != 1 {
		t.Errorf("%d claims", claims)
	}
	// The place stays until the last tab is gone.
	for _, c := range all {
		if got := n.holder(1); got != "a" {
			t.Errorf("%q has the place", got)
		}
		s.refused(t, as(1, "b"))
		_ = c.Close(websocket.StatusGoingAway, "")
	}
	until(t, "the place is given back", func() bool { return n.holder(1) == "" })
	c, e := s.dial(t, as(1, "b"))
	hears(t, c, e)
	s.refused(t, as(1, "a"))
}

// A place is free as soon as nobody uses it, also when the connection broke
// and the place would wait a little for the browser to come back.
func TestUnusedPlaceIsTaken(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	s := newPlacedSite(t, n, live.Config{Linger: time.Hour})
	first, e := s.dial(t, as(1, "a"))
	_ = first.CloseNow()
	within(t, e.closed)
	if got := n.holder(1); got != "a" {
		t.Errorf("%q has the place of a broken connection", got)
	}
	again, e := s.dial(t, as(1, "a"))
	hears(t, again, e)
	if claims, _ := n.counts(); claims != 1 {
		t.Errorf("%d claims for a connection that came back", claims)
	}
	_ = again.CloseNow()
	within(t, e.closed)
	second, e := s.dial(t, as(1, "b"))
	hears(t, second, e)
	s.refused(t, as(1, "a"))
}

// A browser that is gone without a word, its laptop closed, keeps the place
// for DeadAfter.
func TestHalfOpenFreesPlace(t *testing.T) {
	t.Parallel()
	n, hand, cfg := newRegister().node(), new(hand), quick
	cfg.Places = n
	s := newSiteAt(t, cfg, nil, hand.now, time.Now)
	elsewhere := newPlacedSite(t, n.node(), live.Config{})
	r, e := s.raw(t, as(1, "a")) // answers nothing
	for range 3 {
		hand.forward(quick.PingEvery)
		r.next(t) // the ping
		elsewhere.refused(t, as(1, "b"))
	}
	hand.forward(quick.DeadAfter - 3*quick.PingEvery)
	within(t, e.closed)
	until(t, "the place is given back", func() bool { return n.holder(1) == "" })
	c, there := elsewhere.dial(t, as(1, "b"))
	hears(t, c, there)
	if s.hub.Stats().Closed["silent"] != 1 {
		t.Errorf("closed otherwise: %v", s.hub.Stats().Closed)
	}
}

// Shutdown gives every place back and waits for no browser to do so.
func TestShutdownGivesPlacesBack(t *testing.T) {
	t.Parallel()
	r := newRegister()
	s := newPlacedSite(t, r.node(), live.Config{CloseWait: 100 * time.Millisecond})
	other := newPlacedSite(t, r.node(), live.Config{})
	for i := range 20 {
		s.dial(t, as(i, fmt.Sprint("s", i)))
	}
	s.raw(t, as(20, "deaf"))
	s.hub.Shutdown(t.Context())
	for i := range 21 {
		if got := r.holder(rally.UserID(i)); got != "" {
			t.Errorf("user %d: %q has the place", i, got)
		}
	}
	c, e := other.dial(t, as(1, "b"))
	hears(t, c, e)
}

// CloseElsewhere takes the sockets of all sessions but one.
func TestCloseElsewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	a1, _ := s.dial(t, as(1, "a"))
	a2, _ := s.dial(t, as(1, "a"))
	b, bEnd := s.dial(t, as(1, "b"))
	other, otherEnd := s.dial(t, as(2, "c"))
	s.hub.CloseElsewhere(1, "b")
	for _, c := range []*websocket.Conn{a1, a2} {
		if code := closeCode(t, c); code != live.CodeElsewhere {
			t.Errorf("closed with %d", code)
		}
	}
	hears(t, b, bEnd)
	hears(t, other, otherEnd)
	until(t, "two are counted", func() bool { return s.hub.Stats().Closed["elsewhere"] == 2 })
	s.hub.CloseElsewhere(3, "")
}

// A session whose token has expired is told to come back, and may.
func TestRenew(t *testing.T) {
	t.Parallel()
	n := newRegister().node()
	var expired atomic.Bool
	expired.Store(true)
	s := newPlacedSite(t, n, live.Config{
		CheckEvery: 40 * time.Millisecond,
		Check: func(_ context.Context, id rally.SessionID) (alive, token bool, err error) {
			return true, id != "a" || !expired.Load(), nil
		},
	})
	c, e := s.dial(t, as(1, "a"))
	if code := closeCode(t, c); code != live.CodeRenew {
		t.Errorf("closed with %d", code)
	}
	within(t, e.closed)
	expired.Store(false)
	c, e = s.dial(t, as(1, "a"))
	hears(t, c, e)
	if got := s.hub.Stats().Closed["renew"]; got != 1 {
		t.Errorf("%d counted", got)
	}
}
