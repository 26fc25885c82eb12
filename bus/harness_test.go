package bus_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"rally"
	"rally/bus"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// open makes a bus that is connected, and closed with the test.
func open(t *testing.T, url string) *bus.Bus {
	t.Helper()
	b := begin(t, url)
	until(t, "it is connected", func() bool { return b.Ready() == nil })
	return b
}

// begin makes a bus whose NATS may be away.
func begin(t *testing.T, url string) *bus.Bus {
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

// reserve gives a loopback port for servers that come and go. It is bound until
// the test ends, though nobody listens there, so that nothing else is given it
// while they are away.
func reserve(t *testing.T) (port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	// With this two may be bound to a port, and one listen.
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return bound.(*syscall.SockaddrInet4).Port
}

// address gives the URL of a NATS on a loopback port.
func address(port int) string { return fmt.Sprintf("nats://127.0.0.1:%d", port) }

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

// patient gives a context for what NATS has to answer, for as long as a busy
// machine takes.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
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
