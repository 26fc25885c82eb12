package live

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The queue behaves like a slice of at most QueueMax messages, and holds no
// memory when it is empty.
func TestQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var model []byte
		for i := range rapid.IntRange(0, 500).Draw(t, "steps") {
			if rapid.IntRange(0, 2).Draw(t, "push") > 0 {
				room := len(model) < QueueMax
				if got := q.push(message{data: []byte{byte(i)}}); got != room {
					t.Fatalf("push with %d waiting: %v", len(model), got)
				}
				if room {
					model = append(model, byte(i))
				}
			} else if len(model) > 0 {
				if got := q.pop().data[0]; got != model[0] {
					t.Fatalf("popped %d, want %d", got, model[0])
				}
				model = model[1:]
			}
			if q.len() != len(model) || cap(q.items) > 2*QueueMax || (len(model) == 0 && q.items != nil) {
				t.Fatalf("%d of %d waiting in an array of %d", q.len(), len(model), cap(q.items))
			}
		}
	})
}

// However a browser spaces its messages, it never gets more than the burst and
// the rate; and one that keeps to the rate is never refused.
func TestCredit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c credit
		var now time.Duration
		granted := 0
		for _, pause := range rapid.SliceOfN(rapid.IntRange(0, 100), 1, 300).Draw(t, "pauses") {
			now += time.Duration(pause) * time.Millisecond
			if c.charge(now) {
				granted++
			}
			if most := CreditBurst + int(now*CreditRate/time.Second); granted > most {
				t.Fatalf("%d messages in %v, at most %d", granted, now, most)
			}
		}
	})
	var c credit
	for i := range 10_000 {
		if !c.charge(time.Duration(i) * time.Second / CreditRate) {
			t.Fatalf("message %d was refused at the steady rate", i)
		}
	}
}
