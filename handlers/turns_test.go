package handlers

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"rally"
)

// TestTurns: of one key no more go at once than may, those of others do not
// wait for them, and nothing is left behind.
func TestTurns(t *testing.T) {
	t.Parallel()
	var all turns
	var inside, most atomic.Int64
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			done, err := all.take(t.Context(), "a", 3)
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n > 3 {
				most.Store(n)
			}
			inside.Add(-1)
			done()
		})
	}
	wait.Wait()
	if most.Load() > 0 {
		t.Errorf("%d had the turn at once", most.Load())
	}
	done, err := all.take(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := all.take(t.Context(), "b", 1)
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.take(impatient, "a", 1); err == nil {
		t.Error("somebody has the turn who did not wait for it")
	}
	done()
	other()
	if len(all.waiting) > 0 {
		t.Errorf("%d keys are left", len(all.waiting))
	}
}

// TestTurnsAreRefused: whoever would have to wait behind too many is told so at
// once, and those who wait get their turns.
func TestTurnsAreRefused(t *testing.T) {
	t.Parallel()
	var all turns
	done, err := all.take(t.Context(), "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range turnsMax {
		wait.Go(func() {
			done, err := all.take(t.Context(), "a", 1)
			if err != nil {
				t.Error(err)
				return
			}
			done()
		})
	}
	for all.queue.Load() < turnsMax {
		runtime.Gosched()
	}
	_, err = all.take(t.Context(), "a", 1)
	if e, ok := errors.AsType[*rally.Error](err); !ok || e.Code != rally.EUnavailable || e.RetryAfter == 0 {
		t.Errorf("one too many: %v", err)
	}
	other, err := all.take(t.Context(), "b", 1) // has not to wait
	if err != nil {
		t.Fatal(err)
	}
	other()
	done()
	wait.Wait()
	if all.queue.Load() != 0 || len(all.waiting) != 0 {
		t.Errorf("%d wait still, for %d turns", all.queue.Load(), len(all.waiting))
	}
}
