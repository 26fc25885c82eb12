package bus_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"rally"
	"rally/bus"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// open makes a bus that is closed with the test.
func open(t *testing.T, url string) *bus.Bus {
	t.Helper()
	b, err := bus.New(bus.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// subscribe gives what b's subscriber sees.
func subscribe(t *testing.T, b *bus.Bus) <-chan rally.Event {
	t.Helper()
	c := make(chan rally.Event, 10_000)
	if _, err := b.Subscribe(func(e rally.Event) { c <- e }); err != nil {
		t.Fatal(err)
	}
	return c
}

// external starts a NATS server on a loopback port, any one for 0. It has no
// JetStream.
func external(t *testing.T, port int) *server.Server {
	t.Helper()
	return start(t, server.Options{Port: port})
}

// keeping starts a NATS server that keeps buckets in dir.
func keeping(t *testing.T, port int, dir string) *server.Server {
	t.Helper()
	return start(t, server.Options{Port: port, JetStream: true, StoreDir: dir})
}

func start(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.Host, o.NoSigs, o.NoLog = "127.0.0.1", true, true
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS did not start")
	}
	t.Cleanup(func() { stop(s) })
	return s
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// within takes the next event, which must come in time.
func within(t *testing.T, c <-chan rally.Event) rally.Event {
	t.Helper()
	select {
	case e := <-c:
		return e
	case <-time.After(patience):
		t.Fatal("waited in vain for an event")
		panic("unreachable")
	}
}

// until waits for a condition.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// numbered gives an event with a recognisable match.
func numbered(i int) rally.Event {
	return rally.Event{Kind: rally.MatchChanged, Match: rally.MatchID(fmt.Sprintf("%012d", i))}
}
