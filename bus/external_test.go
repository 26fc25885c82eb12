package bus_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"rally"
)

// Nodes that share an external NATS see each other's events, and their own.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	url := external(t, 0).ClientURL()
	one, two := open(t, url), open(t, url)
	seenByOne, seenByTwo := subscribe(t, one), subscribe(t, two)
	one.Publish(numbered(1))
	for name, c := range map[string]<-chan rally.Event{"one": seenByOne, "two": seenByTwo} {
		if e := within(t, c); e.Match != numbered(1).Match {
			t.Errorf("node %s received %+v", name, e)
		}
	}
	two.Publish(numbered(2))
	for name, c := range map[string]<-chan rally.Event{"one": seenByOne, "two": seenByTwo} {
		if e := within(t, c); e.Match != numbered(2).Match {
			t.Errorf("node %s received %+v", name, e)
		}
	}
}

// NATS may come late, go, and come back: Ready says so, and events flow again,
// with those that were published meanwhile.
func TestReconnect(t *testing.T) {
	t.Parallel()
	port := reserve(t)
	b := begin(t, address(port))
	if b.Ready() == nil {
		t.Error("ready without NATS")
	}
	got := subscribe(t, b)
	b.Publish(numbered(1))

	second := external(t, port)
	until(t, "it is connected", func() bool { return b.Ready() == nil })
	if e := within(t, got); e.Match != numbered(1).Match {
		t.Errorf("received %+v", e)
	}

	stop(second)
	until(t, "it is not connected", func() bool { return b.Ready() != nil })
	b.Publish(numbered(2))
	external(t, port)
	until(t, "it is connected again", func() bool { return b.Ready() == nil })
	if e := within(t, got); e.Match != numbered(2).Match {
		t.Errorf("received %+v", e)
	}
}

// Publish does not wait for a NATS that is away, and what nobody can keep is
// counted.
func TestPublishNeverBlocks(t *testing.T) {
	t.Parallel()
	b := begin(t, address(reserve(t)))
	e := numbered(1)
	e.Users = make([]rally.UserID, 200)
	until(t, "the buffers are full", func() bool {
		for range 1000 {
			b.Publish(e)
		}
		return b.Stats().Dropped > 0
	})
}

// What is not an event is not handed on.
func TestStrangers(t *testing.T) {
	t.Parallel()
	url := external(t, 0).ClientURL()
	b := open(t, url)
	got := subscribe(t, b)
	stranger, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	for subject, data := range map[string]string{
		"rally.event.match.changed": `{"kind":"match.paired"}`,
		"rally.event.match.stored":  `not json`,
		"rally.event.match":         ``,
		"rally.event.session.ended": `{"kind":"session.ended","users":"all"}`,
	} {
		if err := stranger.Publish(subject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := stranger.Flush(); err != nil {
		t.Fatal(err)
	}
	until(t, "all are counted", func() bool { return b.Stats().Malformed == 4 })
	b.Publish(numbered(1))
	if e := within(t, got); e.Match != numbered(1).Match {
		t.Errorf("received %+v", e)
	}
}
