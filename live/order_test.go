package live_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"rally/live"
)

// What is queued arrives whole and in order, texts and frames alike.
func TestQueueKeepsOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	c, e := s.dial(t, query)
	const batches, batch = 20, live.QueueMax
	for b := range batches {
		for i := range batch {
			if i%3 == 0 {
				frame := []byte(name(b, i))
				e.Send(frame)
				clear(frame) // Send has copied it
				continue
			}
			s.hub.Push(1, func(string) ([]byte, error) { return []byte(name(b, i)), nil })
		}
		for i := range batch {
			want := websocket.MessageText
			if i%3 == 0 {
				want = websocket.MessageBinary
			}
			if kind, got := read(t, c); kind != want || got != name(b, i) {
				t.Fatalf("batch %d, message %d: %v, %d bytes", b, i, kind, len(got))
			}
		}
	}
}

// name gives a message's content, of very different lengths.
func name(b, i int) string {
	return fmt.Sprint(b, ".", i, " ") + strings.Repeat("x", (b*i*i)%5000)
}

// A state is written after what was sent before it and before what was sent
// after it: a Welcome always comes before its match's first state.
func TestStateKeepsItsPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	c, e := s.dial(t, query)
	for i := range 500 {
		e.Offer([]byte("old"))
		e.Send([]byte("welcome"))
		state := fmt.Appendf(nil, "new %d", i)
		e.Offer(state)
		clear(state) // Offer has copied it
		e.Send([]byte("after"))

		var got []string
		for len(got) == 0 || got[len(got)-1] != "after" {
			_, m := read(t, c)
			got = append(got, m)
		}
		if got[0] == "old" {
			got = got[1:]
		}
		want := []string{"welcome", fmt.Sprint("new ", i), "after"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("round %d: got %q", i, got)
		}
	}
}

func TestOfferTooLong(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	c, e := s.dial(t, query)
	e.Offer(make([]byte, live.StateMax+1))
	longest := strings.Repeat("s", live.StateMax)
	e.Offer([]byte(longest))
	if _, got := read(t, c); got != longest {
		t.Errorf("got %q", got)
	}
	if n := s.hub.Stats().Dropped; n != 1 {
		t.Errorf("%d dropped, want 1", n)
	}
}
