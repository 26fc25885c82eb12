package handlers

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

// TestTurns: those of one key go one after the other, those of others do not
// wait for them, and nothing is left behind.
func TestTurns(t *testing.T) {
	t.Parallel()
	var all turns
	var inside, most atomic.Int64
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			done, err := all.take(t.Context(), "a")
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n > 1 {
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
	done, err := all.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := all.take(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := all.take(impatient, "a"); err == nil {
		t.Error("somebody has the turn who did not wait for it")
	}
	done()
	other()
	if len(all.waiting) > 0 {
		t.Errorf("%d keys are left", len(all.waiting))
	}
}
