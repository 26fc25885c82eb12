package live_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"rally/live"
)

// quick are durations for tests, in the proportions of the real ones.
var quick = live.Config{PingEvery: 60 * time.Millisecond, DeadAfter: 200 * time.Millisecond, WriteTimeout: 150 * time.Millisecond}

// A browser that never answers is pinged, and is gone after DeadAfter.
func TestSilentBrowser(t *testing.T) {
	t.Parallel()
	hand := new(hand)
	s := newSiteAt(t, quick, nil, hand.now, time.Now)
	r, e := s.raw(t, query)
	for range 3 {
		hand.forward(quick.PingEvery)
		if first, payload := r.next(t); first != 0x89 || len(payload) != 0 {
			t.Errorf("a frame %x %q, want a ping", first, payload)
		}
	}
	if n := s.hub.Stats().Closed["silent"]; n != 0 {
		t.Error("gone too early")
	}
	hand.forward(quick.DeadAfter - 3*quick.PingEvery)
	if code := r.closeCode(t); code != 0 {
		t.Errorf("closed with %d, but nobody is there to hear it", code)
	}
	within(t, e.closed)
	if line := s.only(t); s.hub.Stats().Closed["silent"] != 1 {
		t.Errorf("not closed as silent: %s", line)
	}
}

// One that answers pings, and one that only sends, live.
func TestAnswersKeepAlive(t *testing.T) {
	t.Parallel()
	hand := new(hand)
	s := newSiteAt(t, quick, nil, hand.now, time.Now)
	c, answering := s.dial(t, query)
	go func() { // a client answers pings while it reads
		_, _, _ = c.Read(context.Background())
	}()
	r, sending := s.raw(t, query)

	for hand.now() < 3*quick.DeadAfter {
		hand.forward(quick.PingEvery)
		r.write(clientFrame(0x82, []byte("I am here")))
		until(t, "both are heard", func() bool {
			return answering.HeardAt() == hand.now() && sending.HeardAt() == hand.now()
		})
	}
	if got := s.log.get(); len(got) != 0 {
		t.Errorf("logged: %q", got)
	}
}

// A browser that does not read holds up its writer; the writer is given up on.
func TestStuckWriter(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{WriteTimeout: 150 * time.Millisecond}, nil) // it never counts as silent
	_, e := s.raw(t, query)
	s.hub.Push(1, func(string) ([]byte, error) { return bytes.Repeat([]byte("x"), 8<<20), nil })
	within(t, e.closed)
	if line := s.only(t); s.hub.Stats().Closed["stuck"] != 1 {
		t.Errorf("not closed as stuck: %s", line)
	}
}
