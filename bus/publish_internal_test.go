package bus

import (
	"testing"

	"rally"
)

// With nobody to take anything, neither Publish nor Send waits.
func TestNothingIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := &Bus{out: make(chan rally.Event), pipe: make(chan piped)}
	b.Publish(rally.Event{Kind: rally.MatchChanged})
	b.Send("pipe", nil)
	if s := b.Stats(); s.Dropped != 1 || s.PipeLost != 1 {
		t.Errorf("counted %+v", s)
	}
}
