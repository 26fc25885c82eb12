package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// five may be tried five times at once, of which the last brings a wait.
func five(key string) rally.Charge {
	return rally.Charge{
		Kind: "five", Key: key, Free: 4, Wait: 30 * time.Second, MaxWait: 4 * time.Minute, Window: time.Hour,
	}
}

// charge charges attempts and gives how long they have to wait, to a second.
func (d *desk) charge(t *testing.T, charges ...rally.Charge) time.Duration {
	t.Helper()
	wait, err := d.store.ChargeThrottles(t.Context(), charges)
	if err != nil {
		t.Fatal(err)
	}
	return wait.Round(time.Second)
}

// check is charge without an attempt.
func (d *desk) check(t *testing.T, charges ...rally.Charge) time.Duration {
	t.Helper()
	wait, err := d.store.CheckThrottles(t.Context(), charges)
	if err != nil {
		t.Fatal(err)
	}
	return wait.Round(time.Second)
}

func TestThrottlesGrow(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	c := five("Anna")
	for i := range 5 {
		if d.check(t, c) != 0 || d.charge(t, c) != 0 {
			t.Fatalf("attempt %d has to wait", i+1)
		}
	}
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 4 * time.Minute} {
		for range 2 { // an attempt that was refused makes it no longer
			if got := d.charge(t, c); got != want {
				t.Fatalf("the wait is %s, want %s", got, want)
			}
		}
		if got := d.check(t, c, five("Berta")); got != want {
			t.Errorf("checked, the wait is %s, want %s", got, want)
		}
		d.move(want - time.Second)
		if got := d.charge(t, c); got != time.Second {
			t.Errorf("a second before its end the wait is %s", got)
		}
		d.move(time.Second)
		if d.check(t, c) != 0 || d.charge(t, c) != 0 {
			t.Fatalf("after %s there is still a wait", want)
		}
	}
	d.move(time.Hour - time.Second)
	if d.charge(t, c) != 0 || d.charge(t, c) == 0 {
		t.Error("the slate was wiped within the window")
	}
	d.move(time.Hour)
	for i := range 5 {
		if d.charge(t, c) != 0 {
			t.Fatalf("after a window without attempts, attempt %d has to wait", i+1)
		}
	}
	if d.charge(t, c) != 30*time.Second {
		t.Error("after a window without attempts the wait is not the first")
	}
}

// All of the charges or none.
func TestThrottlesTogether(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	one, other := five("one"), five("other")
	other.Kind, other.Wait = "other", time.Minute
	sameKey := five("one")
	sameKey.Kind = "another"
	for range 5 {
		if d.charge(t, one) != 0 {
			t.Fatal("has to wait")
		}
	}
	for range 10 {
		if d.charge(t, other, one) != 30*time.Second {
			t.Fatal("need not wait")
		}
	}
	for range 5 {
		if d.charge(t, other) != 0 {
			t.Fatal("what was refused was charged")
		}
	}
	if got := d.charge(t, one, other); got != time.Minute {
		t.Errorf("of two waits %s was told", got)
	}
	if d.charge(t, sameKey) != 0 || d.charge(t, five("another")) != 0 {
		t.Error("one has to wait for another")
	}
	if d.charge(t) != 0 || d.check(t) != 0 || d.store.ForgiveThrottles(t.Context(), nil) != nil {
		t.Error("nothing has to wait")
	}
	// The same twice is one attempt.
	twice := five("twice")
	for i := range 5 {
		if d.charge(t, twice, twice) != 0 {
			t.Fatalf("attempt %d has to wait", i+1)
		}
	}
}

func TestThrottlesForgive(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	own, address := five("login at address"), five("address")
	for range 5 {
		d.charge(t, own, address)
	}
	if d.check(t, own) == 0 || d.check(t, address) == 0 {
		t.Fatal("need not wait")
	}
	if err := d.store.ForgiveThrottles(t.Context(), []rally.Charge{own, five("never seen")}); err != nil {
		t.Fatal(err)
	}
	if d.check(t, own) != 0 || d.check(t, address) == 0 {
		t.Error("too much was forgiven, or too little")
	}
}

// What was charged for an attempt that succeeded can be had back, and nothing
// that others were charged.
func TestThrottlesRefund(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	address, other := five("address"), five("other")
	for range 100 {
		if d.charge(t, address) != 0 {
			t.Fatal("has to wait for attempts that succeeded")
		}
		if err := d.store.RefundThrottles(t.Context(), []rally.Charge{address, five("never seen")}, d.now()); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		d.charge(t, address)
	}
	if d.charge(t, address) != 0 || d.check(t, address) == 0 {
		t.Fatal("the fifth that failed is not the last")
	}
	if err := d.store.RefundThrottles(t.Context(), []rally.Charge{address}, d.now()); err != nil {
		t.Fatal(err)
	}
	if d.check(t, address) != 0 {
		t.Error("has to wait though one of the five succeeded")
	}
	if d.charge(t, address) != 0 || d.check(t, address) == 0 {
		t.Error("the others are forgotten")
	}
	// Also where many have failed already.
	d.move(30 * time.Second)
	if d.charge(t, address) != 0 || d.check(t, address) == 0 {
		t.Fatal("the sixth that failed brings no wait")
	}
	d.move(time.Minute)
	for range 10 {
		if d.charge(t, address) != 0 {
			t.Fatal("has to wait for attempts that succeeded, after six that failed")
		}
		if err := d.store.RefundThrottles(t.Context(), []rally.Charge{address}, d.now()); err != nil {
			t.Fatal(err)
		}
	}
	if d.charge(t, address) != 0 || d.check(t, address) != 2*time.Minute {
		t.Errorf("after the seventh that failed the wait is %s", d.check(t, address))
	}
	// A wait that somebody else's attempt has led to meanwhile stays.
	d.move(2 * time.Minute)
	charged := d.now()
	if d.charge(t, other) != 0 {
		t.Fatal("has to wait")
	}
	for range 5 {
		d.move(time.Second)
		d.charge(t, other)
	}
	before := d.check(t, other)
	if err := d.store.RefundThrottles(t.Context(), []rally.Charge{other}, charged); err != nil {
		t.Fatal(err)
	}
	if got := d.check(t, other); got == 0 || got != before {
		t.Errorf("the others' wait is %s, was %s", got, before)
	}
}

// Nobody's name or address is kept.
func TestThrottlesKeys(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	for _, key := range []string{"", "anna@example.com", "\x00\xff", string(make([]byte, 1<<16))} {
		d.charge(t, five(key))
		if got := d.check(t, five(key)); got != 0 {
			t.Errorf("%.20q: %s", key, got)
		}
	}
	if n := d.count(t, "SELECT count(*) FROM throttles WHERE octet_length(key) = 32 AND throttles::text NOT LIKE '%anna%'"); n != 4 {
		t.Errorf("%d rows", n)
	}
}

// Requirements 14 to 16: of many attempts at once, on two nodes, no more pass
// than may; and none waits for another for ever, whatever they are charged
// together with.
func TestThrottlesConcurrently(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	nodes := []*store.Store{d.store, storetest.Open(t, d.url)}
	passed := func(attempts int, charges func(i int) []rally.Charge) int {
		var n atomic.Int32
		var wg sync.WaitGroup
		for i := range attempts {
			wg.Go(func() {
				wait, err := nodes[i%2].ChargeThrottles(t.Context(), charges(i))
				if err != nil {
					t.Error(err)
				} else if wait == 0 {
					n.Add(1)
				}
			})
		}
		wg.Wait()
		return int(n.Load())
	}
	if n := passed(20, func(int) []rally.Charge { return []rally.Charge{five("Anna")} }); n != 5 {
		t.Errorf("%d attempts passed, want 5", n)
	}
	n := passed(40, func(i int) []rally.Charge {
		a, b, c := five("shared"), five(fmt.Sprint("own ", i%7)), five(fmt.Sprint("other ", i%5))
		return [][]rally.Charge{{a, b, c}, {c, b, a}, {b, a, c}}[i%3]
	})
	if n != 5 {
		t.Errorf("%d attempts passed, want 5", n)
	}
	// With forgiving and clearing away in between nobody gets stuck.
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			charges := []rally.Charge{five(fmt.Sprint(i % 3)), five(fmt.Sprint((i + 1) % 3))}
			var err error
			switch i % 3 {
			case 0:
				_, err = nodes[i%2].ChargeThrottles(t.Context(), charges)
			case 1:
				err = nodes[i%2].ForgiveThrottles(t.Context(), charges)
			default:
				_, err = nodes[i%2].PurgeThrottles(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestPurgeThrottles(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	d.charge(t, five("old"))
	d.move(30 * time.Minute)
	d.charge(t, five("young"))
	long := five("blocked")
	long.Free, long.Wait, long.MaxWait, long.Window = 0, 3*time.Hour, 3*time.Hour, time.Minute
	d.charge(t, long)
	d.move(31 * time.Minute)
	if n, err := d.store.PurgeThrottles(t.Context()); n != 1 || err != nil {
		t.Errorf("cleared %d away, %v", n, err)
	}
	if d.check(t, long) == 0 {
		t.Error("a wait has ended before its time")
	}
	d.move(3 * time.Hour)
	if n, err := d.store.PurgeThrottles(t.Context()); n != 2 || err != nil {
		t.Errorf("cleared %d away, %v", n, err)
	}
}
