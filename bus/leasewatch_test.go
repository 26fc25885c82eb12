package bus_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"rally/bus"
)

// states is what a watch of leases has told.
type states struct {
	mu   sync.Mutex
	held map[string]string
	told []bus.LeaseState
}

func watchLeases(t *testing.T, b *bus.Bus, prefix string) *states {
	t.Helper()
	s := &states{held: make(map[string]string)}
	w, err := b.WatchLeases(prefix, func(l bus.LeaseState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.told = append(s.told, l)
		if delete(s.held, l.Key); l.Held {
			s.held[l.Key] = l.Holder
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	select {
	case <-w.CaughtUp():
	case <-time.After(patience):
		t.Fatal("the watch does not catch up")
	}
	return s
}

func (s *states) holder(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[key]
}

func (s *states) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.told)
}

// Who holds what is told once, and that a holder is gone soon after its ttl.
func TestWatchLeases(t *testing.T) {
	t.Parallel()
	nats := keeping(t, 0, t.TempDir())
	address, stall := stallable(t, nats.Addr().String())
	one, other := open(t, "nats://"+address), open(t, nats.ClientURL())
	acquire(t, one, "node.1", "one", brief)
	s := watchLeases(t, other, "node.")
	if s.holder("node.1") != "one" {
		t.Error("who was there is not told")
	}
	mine := acquire(t, other, "node.2", "other", brief)
	acquire(t, other, "match.1", "other", brief)
	until(t, "the other is told", func() bool { return s.holder("node.2") == "other" })
	if err := mine.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the release is told", func() bool { return s.holder("node.2") == "" })
	renewed := func() uint64 {
		e, err := bucket(t, other, "leases", time.Hour).Get(t.Context(), "node.1")
		if err != nil {
			t.Fatal(err)
		}
		return e.Revision
	}
	last := renewed()
	for range 6 { // two ttls
		until(t, "it is renewed", func() bool { return renewed() != last })
		last = renewed()
	}
	if n := s.count(); n != 3 || s.holder("node.1") != "one" {
		t.Errorf("told %d times", n)
	}
	stall()
	start := time.Now()
	until(t, "the stalled one is told to be gone", func() bool { return s.holder("node.1") == "" })
	if d := time.Since(start); d > 2*brief+time.Second {
		t.Errorf("it took %v", d)
	}
}

// A restart of NATS takes nobody for dead.
func TestWatchLeasesKeepsCalm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nats := keeping(t, 0, dir)
	url, port := nats.ClientURL(), nats.Addr().(*net.TCPAddr).Port
	const ttl = 3 * time.Second
	l := acquire(t, open(t, url), "k", "h", ttl)
	watcher := open(t, url)
	s := watchLeases(t, watcher, "")
	start := time.Now()
	stop(nats)
	<-l.Lost()
	until(t, "its ttl is over for the watch, too", func() bool { return time.Since(start) > ttl*6/5 })
	if s.holder("k") != "h" {
		t.Error("taken for dead while NATS is away")
	}
	keeping(t, port, dir)
	until(t, "it is connected", func() bool { return watcher.Ready() == nil })
	until(t, "who is gone for good is told", func() bool { return s.holder("k") == "" })
	if s.count() != 2 {
		t.Errorf("told %d times", s.count())
	}
}
