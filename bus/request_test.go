package bus_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
	"rally/bus"
)

func respond(t *testing.T, b *bus.Bus, name string, handle func(context.Context, []byte) ([]byte, error)) (stop func()) {
	t.Helper()
	stop, err := b.Respond(name, handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return stop
}

func echo(_ context.Context, data []byte) ([]byte, error) { return data, nil }

func TestRequest(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			stop := respond(t, one, "echo", echo)
			respond(t, one, "refuse", func(context.Context, []byte) ([]byte, error) {
				return []byte("not this"), &rally.Error{
					Code: rally.EConflict, Message: "error.already_playing", Fields: map[string]string{"a": "b"},
					RetryAfter: 3, Cause: errors.New("why \"it\" is"),
				}
			})
			respond(t, one, "fail", func(context.Context, []byte) ([]byte, error) { return nil, errors.New("broken") })
			respond(t, one, "panic", func(context.Context, []byte) ([]byte, error) { panic("a fault of ours") })
			for _, b := range []*bus.Bus{one, other} {
				for _, question := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("y"), 500_000)} {
					if answer, err := b.Request(patient(t), "echo", question); err != nil || !bytes.Equal(answer, question) {
						t.Errorf("%d bytes, %v", len(answer), err)
					}
				}
				_, err := b.Request(patient(t), "refuse", nil)
				if e, ok := errors.AsType[*rally.Error](err); !ok || e.Code != rally.EConflict ||
					e.Message != "error.already_playing" || e.Fields["a"] != "b" || e.RetryAfter != 3 {
					t.Errorf("refused with %v", err)
				}
				for _, name := range []string{"fail", "panic"} {
					if _, err := b.Request(patient(t), name, nil); rally.ErrorCode(err) != rally.EInternal {
						t.Errorf("%s: %v", name, err)
					}
				}
				if _, err := b.Request(patient(t), "nobody", nil); !errors.Is(err, bus.ErrNoResponder) || rally.ErrorCode(err) != rally.EUnavailable {
					t.Errorf("nobody: %v", err)
				}
				if _, err := b.Request(patient(t), "a b", nil); rally.ErrorCode(err) != rally.EInternal {
					t.Errorf("a name that cannot be: %v", err)
				}
			}
			stop()
			if _, err := other.Request(patient(t), "echo", nil); !errors.Is(err, bus.ErrNoResponder) {
				t.Errorf("a responder that has stopped: %v", err)
			}
			until(t, "every answer is counted", func() bool { return one.Stats().Answered == 12 })
		})
	}
}

// Each of many requests is handled by one of several responders.
func TestRespondTogether(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			var handled atomic.Int64
			for _, b := range []*bus.Bus{one, other, one} {
				respond(t, b, "count", func(context.Context, []byte) ([]byte, error) {
					handled.Add(1)
					return nil, nil
				})
			}
			var all sync.WaitGroup
			const n = 500
			for i := range n {
				all.Go(func() {
					if _, err := []*bus.Bus{one, other}[i%2].Request(patient(t), "count", nil); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if handled.Load() != n {
				t.Errorf("%d handled", handled.Load())
			}
		})
	}
}

// Handlers that hang are not joined by more and more, those who ask give up,
// and events go on.
func TestRespondIsBounded(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	var running, most, released atomic.Int64
	stop := respond(t, b, "hang", func(ctx context.Context, _ []byte) ([]byte, error) {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer running.Add(-1)
		<-ctx.Done()
		released.Add(1)
		return nil, ctx.Err()
	})
	got := subscribe(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for range 2000 {
		all.Go(func() {
			if _, err := b.Request(ctx, "hang", nil); err == nil {
				t.Error("an answer")
			}
		})
	}
	until(t, "as many are handled as may be", func() bool { return running.Load() == 64 })
	b.Publish(numbered(1))
	within(t, got)
	until(t, "what was too much is counted", func() bool { return b.Stats().Unanswered > 0 })
	cancel()
	all.Wait()
	stop()
	if n := released.Load(); n < 64 {
		t.Errorf("%d handlers are told", n)
	}
	if n := most.Load(); n > 64 {
		t.Errorf("%d at once", n)
	}
}

// A request ends with its context, and its handler's context with it.
func TestRequestDeadline(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	const wait = 2 * time.Second // less than when nothing is said
	ended := make(chan time.Duration, 1)
	respond(t, b, "slow", func(ctx context.Context, _ []byte) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		left := time.Until(deadline)
		<-ctx.Done()
		ended <- left
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	if _, err := b.Request(ctx, "slow", nil); rally.ErrorCode(err) != rally.EUnavailable || errors.Is(err, bus.ErrNoResponder) {
		t.Errorf("the error is %v", err)
	}
	select {
	case left := <-ended:
		if left > wait {
			t.Errorf("the handler had %v", left)
		}
	case <-time.After(patience):
		t.Error("the handler goes on")
	}
}

// NATS away is told at once, and responders answer again when it is back.
func TestRequestWithoutNATS(t *testing.T) {
	t.Parallel()
	port := reserve(t)
	first := external(t, port)
	url := first.ClientURL()
	one, other := open(t, url), open(t, url)
	respond(t, one, "echo", echo)
	stop(first)
	until(t, "it is gone", func() bool { return other.Ready() != nil })
	if _, err := other.Request(t.Context(), "echo", nil); rally.ErrorCode(err) != rally.EUnavailable || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("NATS is away: %v", err)
	}
	external(t, port)
	until(t, "it answers again", func() bool {
		_, err := other.Request(patient(t), "echo", nil)
		return err == nil
	})
}

// Close ends everything that was opened, also on a NATS that takes nothing, and
// does not take long.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	nats := keeping(t, 0, t.TempDir())
	line := newLine(t, nats.Addr().String())
	b, err := bus.New(bus.Config{URL: line.url()})
	if err != nil {
		t.Fatal(err)
	}
	k := bucket(t, b, "closing", 0)
	_, w := watch(t, k, "")
	caughtUp(t, w)
	watchLeases(t, b, "")
	l := acquire(t, b, "k", "h", time.Minute)
	respond(t, b, "echo", echo)
	line.stall()
	start := time.Now()
	b.Close()
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it took %v", d)
	}
	if !lost(l) {
		t.Error("the lease is held")
	}
	if _, err := b.Request(t.Context(), "echo", nil); err == nil {
		t.Error("a closed bus asks")
	}
	if _, err := b.Respond("echo", echo); err == nil {
		t.Error("a closed bus responds")
	}
	if _, err := b.WatchLeases("", func(bus.LeaseState) {}); err == nil {
		t.Error("a closed bus watches leases")
	}
}
