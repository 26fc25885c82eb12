package bus_test

import (
	"runtime"
	"testing"
	"time"

	"rally"
	"rally/bus"
)

// A NATS that is connected and takes nothing any more holds up nobody, and is
// given up on.
func TestStalledNATS(t *testing.T) {
	t.Parallel()
	line := newLine(t, external(t, 0).Addr().String())
	b := open(t, line.url())
	got := subscribe(t, b)
	b.Publish(numbered(1))
	within(t, got)

	line.stall()
	e := numbered(2)
	e.Users = make([]rally.UserID, 2000)
	until(t, "events are dropped", func() bool {
		for range 1000 {
			b.Publish(e)
			b.Send("pipe", make([]byte, 1000))
		}
		return b.Stats().Dropped > 0 && b.Stats().PipeLost > 0
	})
	until(t, "it is not ready", func() bool { return b.Ready() != nil })
}

// Close ends every goroutine, the embedded server's among them. Not parallel:
// it counts all goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		b, err := bus.New(bus.Config{})
		if err != nil {
			t.Fatal(err)
		}
		got := subscribe(t, b)
		b.Publish(numbered(1))
		within(t, got)
		k := bucket(t, b, "closed", 0)
		if _, err := k.Watch("", func(bus.Entry) {}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.WatchLeases("", func(bus.LeaseState) {}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Respond("echo", echo); err != nil {
			t.Fatal(err)
		}
		listen(t, b, "pipe")
		b.Send("pipe", nil)
		acquire(t, b, "k", "h", time.Minute)
		put(t, k, "k", "v")
		b.Close()
	}
	until(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}
