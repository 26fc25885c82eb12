package bus_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
	"rally/bus"
)

// A lease's ttl in tests.
const (
	brief = 3 * time.Second
	kept  = 2 * brief // of one that has to be kept on a busy machine
)

func acquire(t *testing.T, b *bus.Bus, key, holder string, ttl time.Duration) *bus.Lease {
	t.Helper()
	l, err := b.Acquire(patient(t), key, holder, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// refused says with which code Acquire gives up, once the bus knows that
// somebody has the lease.
func refused(t *testing.T, b *bus.Bus, key string) rally.Code {
	t.Helper()
	s := watchLeases(t, b, key)
	until(t, "it is somebody's", func() bool { return s.holder(key) != "" })
	ctx, cancel := context.WithTimeout(t.Context(), brief*2/3)
	defer cancel()
	_, err := b.Acquire(ctx, key, "late", brief)
	return rally.ErrorCode(err)
}

func lost(l *bus.Lease) bool {
	select {
	case <-l.Lost():
		return true
	default:
		return false
	}
}

// One has it, for longer than its ttl, until it gives it back; fences grow.
func TestLease(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			first := acquire(t, one, "match.1", "one", kept)
			if !first.Held() || lost(first) || first.Key() != "match.1" {
				t.Error("not held")
			}
			acquire(t, other, "match.2", "other", time.Minute) // another key
			for range 4 {                                      // longer than a ttl
				if code := refused(t, other, "match.1"); code != rally.EConflict {
					t.Errorf("refused with %q", code)
				}
			}
			if !first.Held() || lost(first) {
				t.Error("held no longer")
			}
			if err := first.Release(patient(t)); err != nil || first.Held() || !lost(first) {
				t.Errorf("released: %v", err)
			}
			second := acquire(t, other, "match.1", "other", 30*time.Minute)
			if second.Fence() <= first.Fence() {
				t.Errorf("fence %d after %d", second.Fence(), first.Fence())
			}
			if err := first.Release(patient(t)); err != nil || !second.Held() {
				t.Errorf("released twice: %v", err)
			}
			if err := second.Release(patient(t)); err != nil {
				t.Error(err)
			}
			acquire(t, one, "match.1", "one", kept) // with no need to wait for its end
			if n := one.Stats().Expired + other.Stats().Expired; n != 0 {
				t.Errorf("%d expired", n)
			}
		})
	}
}

// Whatever many holders on two nodes do, there is one at a time.
func TestLeaseExcludes(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			var holders, last atomic.Int64
			var all sync.WaitGroup
			for i := range 8 {
				b := []*bus.Bus{one, other}[i%2]
				chance := rand.New(rand.NewPCG(1, uint64(i)))
				all.Go(func() {
					for range 10 {
						l, err := b.Acquire(t.Context(), "one", fmt.Sprint(i), 10*time.Minute)
						if err != nil {
							t.Error(err)
							return
						}
						if n := holders.Add(1); n != 1 {
							t.Errorf("%d holders", n)
						}
						if f := int64(l.Fence()); last.Swap(f) >= f {
							t.Errorf("fence %d is not higher", f)
						}
						for range chance.IntN(2000) {
							runtime.Gosched()
						}
						holders.Add(-1)
						if err := l.Release(patient(t)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
		})
	}
}

// A holder whose connection takes nothing any more knows that it has lost the
// lease before somebody else can have it, and gets it again when that one has
// given it back.
func TestLeaseOfStalledHolder(t *testing.T) {
	t.Parallel()
	nats := keeping(t, 0, t.TempDir())
	line := newLine(t, nats.Addr().String())
	one, other := open(t, line.url()), open(t, nats.ClientURL())
	first := acquire(t, one, "k", "one", brief)
	if code := refused(t, other, "k"); code != rally.EConflict {
		t.Errorf("refused with %q", code)
	}
	line.stall()
	second := acquire(t, other, "k", "other", brief)
	if first.Held() || !lost(first) {
		t.Error("two hold it")
	}
	if second.Fence() <= first.Fence() {
		t.Errorf("fence %d after %d", second.Fence(), first.Fence())
	}
	if one.Stats().Expired != 1 {
		t.Error("not counted")
	}
}

// A lease whose acquisition was answered when its time was over already is
// acquired anew.
func TestLeaseAnsweredLate(t *testing.T) {
	t.Parallel()
	nats := keeping(t, 0, t.TempDir())
	line := newLine(t, nats.Addr().String())
	b := open(t, line.url())
	acquire(t, b, "another", "b", time.Minute) // so that only one request is held up
	line.stall()
	acquired := make(chan *bus.Lease, 1)
	go func() {
		l, err := b.Acquire(patient(t), "k", "b", brief)
		if err != nil {
			t.Error(err)
		}
		acquired <- l
	}()
	until(t, "it is asked for", line.holds)
	asked := time.Now()
	until(t, "its time is over", func() bool { return time.Since(asked) > brief })
	line.resume()
	if l := <-acquired; l == nil || !l.Held() || lost(l) {
		t.Error("what was acquired is not held")
	}
	if n := b.Stats().Expired; n != 0 {
		t.Errorf("%d expired", n)
	}
}

// A NATS that goes and comes back in time costs nothing. One that stays away
// costs every lease, and gives them back at once.
func TestLeaseWithoutNATS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	port := reserve(t)
	nats := keeping(t, port, dir)
	url := nats.ClientURL()
	b := open(t, url)
	short, long := acquire(t, b, "short", "b", brief), acquire(t, b, "long", "b", time.Minute)
	stop(nats)
	<-short.Lost()
	ctx, cancel := context.WithTimeout(t.Context(), brief/2)
	defer cancel()
	if _, err := b.Acquire(ctx, "short", "b", brief); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("NATS is away: %v", err)
	}
	keeping(t, port, dir)
	again := acquire(t, b, "short", "b", brief)
	if again.Fence() <= short.Fence() {
		t.Errorf("fence %d after %d", again.Fence(), short.Fence())
	}
	if !long.Held() {
		t.Error("the long one is lost")
	}
	if code := refused(t, open(t, url), "long"); code != rally.EConflict {
		t.Errorf("refused with %q", code)
	}
}

// A NATS that has lost its disk takes leases away, and fences still grow.
func TestLeaseForgotten(t *testing.T) {
	t.Parallel()
	port := reserve(t)
	nats := keeping(t, port, t.TempDir())
	b := open(t, nats.ClientURL())
	first := acquire(t, b, "k", "b", brief)
	stop(nats)
	keeping(t, port, t.TempDir())
	second := acquire(t, b, "k", "b", brief)
	if !lost(first) || second.Fence() <= first.Fence() {
		t.Errorf("lost %t, fence %d after %d", lost(first), second.Fence(), first.Fence())
	}
}

// Whoever had the folder before is gone, so that nobody waits for its leases.
func TestLeaseOfDeadProcess(t *testing.T) {
	t.Parallel()
	b := openIn(t, t.TempDir())
	leases := bucket(t, b, "leases", time.Hour) // written by hand: a process that was killed
	put(t, leases, "k", `{"holder":"dead","fence":9000000000000000,"ttl":60000000000,"bus":"dead"}`)
	put(t, leases, "broken", `what is this`)
	states := watchLeases(t, b, "")
	l := acquire(t, b, "k", "alive", brief)
	if l.Fence() != 9000000000000001 {
		t.Errorf("fence %d", l.Fence())
	}
	acquire(t, b, "broken", "alive", brief)
	until(t, "the living are seen", func() bool { return states.holder("k") == "alive" && states.holder("broken") == "alive" })
	// The dead are told of as well, so that what they have left can be cleared
	// away; never as living.
	states.mu.Lock()
	defer states.mu.Unlock()
	if n := len(states.told); n != 4 {
		t.Errorf("told %d times", n)
	}
	for _, l := range states.told {
		if l.Held != (l.Holder == "alive") {
			t.Errorf("told %+v", l)
		}
	}
}

func TestLeaseRefusals(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	for _, ttl := range []time.Duration{0, time.Millisecond, time.Hour, -time.Second} {
		if _, err := b.Acquire(t.Context(), "k", "h", ttl); err == nil {
			t.Errorf("a TTL of %v is no error", ttl)
		}
	}
	if _, err := b.Acquire(t.Context(), "k k", "h", brief); rally.ErrorCode(err) != rally.EInternal {
		t.Errorf("a key that cannot be: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Acquire(ended, "k", "h", brief); err == nil {
		t.Error("acquired after the end")
	}
	l := acquire(t, b, "k", "h", time.Minute)
	if _, err := b.Acquire(ended, "k", "h", brief); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("what is known to be held: %v", err)
	}
	waits := make(chan error)
	go func() {
		_, err := b.Acquire(t.Context(), "k", "h", brief)
		waits <- err
	}()
	b.Close()
	if err := <-waits; err == nil {
		t.Error("acquired on a closed bus")
	}
	if !lost(l) {
		t.Error("held on a closed bus")
	}
	if _, err := b.Acquire(t.Context(), "k", "h", brief); err == nil {
		t.Error("acquired on a closed bus")
	}
}
