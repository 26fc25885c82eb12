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
	s := newSite(t, quick, nil)
	start := time.Now()
	r, e := s.raw(t, query)
	first, payload := r.next(t)
	if first != 0x89 || len(payload) != 0 {
		t.Errorf("the first frame is %x %q, want a ping", first, payload)
	}
	if code := r.closeCode(t); code != 0 {
		t.Errorf("closed with %d, but nobody is there to hear it", code)
	}
	within(t, e.closed)
	if d := time.Since(start); d < quick.DeadAfter/2 {
		t.Errorf("gone after %v", d)
	}
	if line := s.only(t); s.hub.Stats().Closed["silent"] != 1 {
		t.Errorf("not closed as silent: %s", line)
	}
}

// One that answers pings, and one that only sends, live.
func TestAnswersKeepAlive(t *testing.T) {
	t.Parallel()
	// Long enough that a busy machine is not taken for a dead browser.
	cfg := live.Config{PingEvery: 100 * time.Millisecond, DeadAfter: 1500 * time.Millisecond}
	s := newSite(t, cfg, nil)
	c, answering := s.dial(t, query)
	go func() { // a client answers pings while it reads
		_, _, _ = c.Read(context.Background())
	}()
	r, sending := s.raw(t, query)

	enough := time.After(2 * cfg.DeadAfter)
	tick := time.NewTicker(cfg.PingEvery / 2)
	defer tick.Stop()
	for {
		select {
		case <-answering.closed:
			t.Fatalf("the one that answers was closed: %q", s.log.get())
		case <-sending.closed:
			t.Fatalf("the one that sends was closed: %q", s.log.get())
		case <-tick.C:
			r.write(clientFrame(0x82, []byte("I am here")))
			continue
		case <-enough:
		}
		return
	}
}

// A browser that sends but does not read holds up its writer; the writer is
// given up on.
func TestStuckWriter(t *testing.T) {
	t.Parallel()
	// It never counts as silent here, however late its next frame.
	s := newSite(t, live.Config{WriteTimeout: 150 * time.Millisecond}, nil)
	r, e := s.raw(t, query)
	s.hub.Push(1, func(string) ([]byte, error) { return bytes.Repeat([]byte("x"), 8<<20), nil })
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.write(clientFrame(0x82, []byte("I am here")))
			continue
		case <-e.closed:
		case <-time.After(patience):
			t.Fatal("never given up on")
		}
		break
	}
	if line := s.only(t); s.hub.Stats().Closed["stuck"] != 1 {
		t.Errorf("not closed as stuck: %s", line)
	}
}
