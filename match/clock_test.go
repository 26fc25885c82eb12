package match

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// fakeClock stands still until a test advances it. It knows how many
// goroutines live by it, and lets time pass only while all of them wait, from
// one appointment to the next: nothing that is due is ever late, or early.
type fakeClock struct {
	mu      sync.Mutex
	changed *sync.Cond
	now     time.Duration
	date    time.Time // at now == 0
	owners  int       // goroutines that are expected to wait
	waiting map[*appointment]struct{}
}

type appointment struct {
	until time.Duration
	come  chan struct{} // closed when it is time
	there chan struct{} // can be received from while the goroutine waits
	gone  chan struct{} // closed when it does not any more
	wake  <-chan struct{}
}

func newFakeClock(owners int) *fakeClock {
	c := &fakeClock{
		owners: owners, waiting: map[*appointment]struct{}{},
		date: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
	c.changed = sync.NewCond(&c.mu)
	return c
}

func (c *fakeClock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Date() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.date.Add(c.now)
}

func (c *fakeClock) Wait(until time.Duration, wake <-chan struct{}) {
	a := &appointment{
		until: until, wake: wake,
		come: make(chan struct{}), there: make(chan struct{}), gone: make(chan struct{}),
	}
	c.mu.Lock()
	if until <= c.now {
		c.mu.Unlock()
		return
	}
	c.waiting[a] = struct{}{}
	c.changed.Broadcast()
	c.mu.Unlock()
	for {
		select {
		case a.there <- struct{}{}:
			continue
		case <-a.come:
		case <-wake:
			c.mu.Lock()
			delete(c.waiting, a)
			c.mu.Unlock()
		}
		close(a.gone)
		return
	}
}

// settle returns when all owners wait and none of them has been woken. It
// holds the lock then.
func (c *fakeClock) settle() {
	for {
		c.mu.Lock()
		for len(c.waiting) < c.owners {
			c.changed.Wait()
		}
		asked := slices.Collect(maps.Keys(c.waiting))
		c.mu.Unlock()
		idle := true
		for _, a := range asked {
			select {
			case <-a.there:
				idle = idle && len(a.wake) == 0
			case <-a.gone:
				idle = false
			}
		}
		c.mu.Lock()
		if idle && len(c.waiting) == c.owners {
			return
		}
		c.mu.Unlock()
	}
}

// jumpDate moves the calendar, and nothing else.
func (c *fakeClock) jumpDate(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.date = c.date.Add(d)
}

// advance lets d pass and returns when everybody waits again.
func (c *fakeClock) advance(d time.Duration) {
	target := c.Now() + d
	for {
		c.settle()
		next := target
		for a := range c.waiting {
			next = min(next, a.until)
		}
		done := next == c.now
		c.now = next
		c.release()
		c.mu.Unlock()
		if done {
			return
		}
	}
}

// stall lets d pass in one go, as if the whole process had been stopped.
func (c *fakeClock) stall(d time.Duration) {
	c.jump(d)
	c.settle()
	c.mu.Unlock()
}

// jump is a stall after which nobody needs to wait again.
func (c *fakeClock) jump(d time.Duration) {
	c.settle()
	c.now += d
	c.release()
	c.mu.Unlock()
}

// release lets those go whose time has come. The lock is held.
func (c *fakeClock) release() {
	for a := range c.waiting {
		if a.until <= c.now {
			delete(c.waiting, a)
			close(a.come)
		}
	}
}

func TestSystemClock(t *testing.T) {
	t.Parallel()
	c := NewClock()
	wake := make(chan struct{}, 1)
	before := c.Now()
	c.Wait(before+2*time.Millisecond, wake)
	if now := c.Now(); now < before+2*time.Millisecond {
		t.Errorf("waited until %v, wanted %v", now, before+2*time.Millisecond)
	}
	c.Wait(before, wake) // in the past: returns at once
	wake <- struct{}{}
	c.Wait(forever, wake)
	wake <- struct{}{}
	c.Wait(c.Now()+time.Hour, wake)
	if c.Now() < before || c.Date().IsZero() {
		t.Error("the clock went backwards, or has no date")
	}
}
