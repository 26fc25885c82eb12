package bus_test

import (
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
	line := newLine(t, nats.Addr().String())
	one, other := open(t, line.url()), open(t, nats.ClientURL())
	first := acquire(t, one, "node.1", "one", kept)
	s := watchLeases(t, other, "node.")
	if s.holder("node.1") != "one" {
		t.Error("who was there is not told")
	}
	mine := acquire(t, other, "node.2", "other", brief)
	acquire(t, other, "match.1", "other", brief)
	until(t, "the other is told", func() bool { return s.holder("node.2") == "other" })
	if err := mine.Release(patient(t)); err != nil {
		t.Fatal(err)
	}
	until(t, "the release is told", func() bool { return s.holder("node.2") == "" })
	written, _ := watch(t, bucket(t, other, "leases", time.Hour), "node.1")
	until(t, "it is renewed for longer than a ttl", func() bool { return lost(first) || written.count() > 4 })
	if n := s.count(); lost(first) || n != 3 || s.holder("node.1") != "one" {
		t.Errorf("lost %t, told %d times", lost(first), n)
	}
	line.stall()
	until(t, "the stalled one is told to be gone", func() bool { return s.holder("node.1") == "" })
}

// A restart of NATS takes nobody for dead.
func TestWatchLeasesKeepsCalm(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port := reserve(t)
	nats := keeping(t, port, dir)
	url := nats.ClientURL()
	l := acquire(t, open(t, url), "k", "h", brief)
	watcher := open(t, url)
	s := watchLeases(t, watcher, "")
	start := time.Now()
	stop(nats)
	<-l.Lost()
	until(t, "its ttl is over for the watch, too", func() bool { return time.Since(start) > brief*6/5 })
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
