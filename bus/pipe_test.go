package bus_test

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally/bus"
)

// listen gives what arrives at b in a pipe.
func listen(t *testing.T, b *bus.Bus, name string) <-chan []byte {
	t.Helper()
	c := make(chan []byte, 10_000)
	if _, err := b.Listen(name, func(data []byte) { c <- data }); err != nil {
		t.Fatal(err)
	}
	return c
}

func number(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }

// received takes the next message, which must come in time.
func received(t *testing.T, c <-chan []byte) int {
	t.Helper()
	select {
	case data := <-c:
		return int(binary.BigEndian.Uint32(data))
	case <-time.After(patience):
		t.Fatal("waited in vain for a message")
		panic("unreachable")
	}
}

// A message comes to whoever listens to its pipe, on whatever node, and to
// nobody else; those of one node come in order.
func TestPipe(t *testing.T) {
	t.Parallel()
	url := external(t, 0).ClientURL()
	one, two := open(t, url), open(t, url)
	there, here, other := listen(t, two, "match.a"), listen(t, one, "match.a"), listen(t, two, "match.b")
	data := number(0)
	for i := range 1000 {
		copy(data, number(i)) // Send has copied it
		one.Send("match.a", data)
	}
	for i := range 1000 {
		if got := received(t, there); got != i {
			t.Fatalf("message %d came as number %d", got, i)
		}
		if got := received(t, here); got != i {
			t.Fatalf("message %d came to its own node as number %d", got, i)
		}
	}
	two.Send("match.b", number(7))
	if got := received(t, other); got != 7 {
		t.Errorf("received %d", got)
	}
	until(t, "all is counted", func() bool { return one.Stats().Piped == 1000 })
	if n := one.Stats().PipeLost; n != 0 {
		t.Errorf("%d lost", n)
	}
}

// While NATS is away everything sent is dropped at once, and nothing of it comes
// later; what is sent afterwards arrives.
func TestPipeWhileAway(t *testing.T) {
	t.Parallel()
	port := reserve(t)
	first := external(t, port)
	b := open(t, first.ClientURL())
	got := listen(t, b, "a")
	b.Send("a", number(1))
	if received(t, got) != 1 {
		t.Error("the first message is another")
	}
	stop(first)
	until(t, "it is not connected", func() bool { return b.Ready() != nil })
	for range 10_000 {
		b.Send("a", number(2))
	}
	until(t, "all was dropped", func() bool { return b.Stats().PipeLost == 10_000 })
	external(t, port)
	until(t, "it is connected again", func() bool { return b.Ready() == nil })
	b.Send("a", number(3))
	if n := received(t, got); n != 3 {
		t.Errorf("received %d", n)
	}
}

// A listener that has stopped hears nothing more; one that panics hears the next.
func TestPipeStops(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	var heard atomic.Int64
	stop, err := b.Listen("a", func([]byte) { heard.Add(1); panic("on purpose") })
	if err != nil {
		t.Fatal(err)
	}
	b.Send("a", number(1))
	b.Send("a", number(2))
	until(t, "both were heard", func() bool { return heard.Load() == 2 })
	stop()
	stop()
	after := listen(t, b, "a")
	b.Send("a", number(3))
	received(t, after)
	if n := heard.Load(); n != 2 {
		t.Errorf("heard %d times", n)
	}
	b.Close()
	b.Send("a", number(4))
	if s := b.Stats(); s.PipeLost != 1 {
		t.Errorf("%d lost after Close", s.PipeLost)
	}
	if _, err := b.Listen("a", func([]byte) {}); err == nil {
		t.Error("a closed bus can be listened to")
	}
}

// Close ends also what is just being opened.
func TestListenWhileClosing(t *testing.T) {
	t.Parallel()
	url := external(t, 0).ClientURL()
	for range 50 {
		b := open(t, url)
		closed := make(chan struct{})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					_, _ = b.Listen("a", func([]byte) {})
					select {
					case <-closed:
						return
					default:
					}
				}
			})
		}
		b.Close()
		close(closed)
		all.Wait()
	}
}
