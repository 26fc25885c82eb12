package match

import (
	"sync"
	"time"
)

// Clock is the time a Registry and a Matchmaker live by. NewClock gives the
// real one; tests bring their own. All methods are safe for concurrent use.
type Clock interface {
	// Now is the time since some fixed moment. It never goes backwards and
	// does not follow changes of the calendar.
	Now() time.Duration
	// Date is the calendar's time, for what is kept and shown.
	Date() time.Time
	// Wait returns when Now has reached until, or something arrived on wake,
	// whichever is first.
	Wait(until time.Duration, wake <-chan struct{})
}

// forever is later than anything; Wait(forever, wake) waits for wake alone.
const forever = time.Duration(1<<63 - 1)

type systemClock struct {
	start  time.Time
	timers sync.Pool
}

// NewClock gives the clock of this machine, starting at zero now.
func NewClock() Clock {
	c := &systemClock{start: time.Now()}
	c.timers.New = func() any { return time.NewTimer(time.Hour) }
	return c
}

func (c *systemClock) Now() time.Duration { return time.Since(c.start) }

func (c *systemClock) Date() time.Time { return time.Now() }

func (c *systemClock) Wait(until time.Duration, wake <-chan struct{}) {
	if until == forever {
		<-wake
		return
	}
	d := until - c.Now()
	if d <= 0 {
		return
	}
	t := c.timers.Get().(*time.Timer)
	t.Reset(d)
	select {
	case <-t.C:
	case <-wake:
		t.Stop()
	}
	c.timers.Put(t)
}
