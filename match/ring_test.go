package match

import (
	"runtime"
	"testing"
)

func TestRingIsBounded(t *testing.T) {
	t.Parallel()
	var r ring
	for i := range ringSize {
		if !r.push(press{seq: uint16(i)}) {
			t.Fatalf("full after %d", i)
		}
	}
	if r.push(press{seq: 99}) {
		t.Error("a full ring took another")
	}
	for i := range ringSize {
		if p, ok := r.pop(); !ok || p.seq != uint16(i) {
			t.Fatalf("popped %v, %v; want %d", p, ok, i)
		}
	}
	if _, ok := r.pop(); ok {
		t.Error("an empty ring gave something")
	}
}

func TestRingBetweenGoroutines(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var r ring
	r.pushed.Store(1<<32 - 5) // so that the counters wrap
	r.popped.Store(1<<32 - 5)
	go func() {
		for i := uint32(0); i < n; {
			if r.push(press{tick: i, seq: uint16(i)}) {
				i++
			} else {
				runtime.Gosched()
			}
		}
	}()
	for i := uint32(0); i < n; {
		p, ok := r.pop()
		if !ok {
			runtime.Gosched()
			continue
		}
		if p.tick != i || p.seq != uint16(i) {
			t.Fatalf("popped %+v, want %d", p, i)
		}
		i++
	}
}
