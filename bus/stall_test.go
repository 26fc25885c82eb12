package bus_test

import (
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/bus"
)

// stallable passes TCP connections on to address, until it is stalled: then it
// keeps them open and passes nothing. It gives its own address.
func stallable(t *testing.T, address string) (own string, stall func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		open  []net.Conn
		still = make(chan struct{})
		ended sync.WaitGroup
	)
	pass := func(to, from net.Conn) {
		buf := make([]byte, 4096)
		for {
			n, err := from.Read(buf)
			if err != nil {
				_ = to.Close()
				return
			}
			select {
			case <-still:
				return // whatever comes stays in the kernel, until that is full
			default:
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	ended.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			nats, err := net.Dial("tcp", address)
			if err != nil {
				_ = client.Close()
				continue
			}
			mu.Lock()
			open = append(open, client, nats)
			mu.Unlock()
			ended.Go(func() { pass(nats, client) })
			ended.Go(func() { pass(client, nats) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		closeAll(open)
		mu.Unlock()
		ended.Wait()
	})
	return listener.Addr().String(), sync.OnceFunc(func() { close(still) })
}

func closeAll[C io.Closer](all []C) {
	for _, c := range all {
		_ = c.Close()
	}
}

// A NATS that is connected and takes nothing any more holds up nobody, and is
// given up on.
func TestStalledNATS(t *testing.T) {
	t.Parallel()
	address, stall := stallable(t, external(t, 0).Addr().String())
	b := open(t, "nats://"+address)
	until(t, "it is connected", func() bool { return b.Ready() == nil })
	got := subscribe(t, b)
	b.Publish(numbered(1))
	within(t, got)

	stall()
	e := numbered(2)
	e.Users = make([]rally.UserID, 2000)
	until(t, "events are dropped", func() bool {
		for range 1000 {
			start := time.Now()
			b.Publish(e)
			if d := time.Since(start); d > time.Second {
				t.Fatalf("Publish took %v", d)
			}
			start = time.Now()
			b.Send("pipe", make([]byte, 1000))
			if d := time.Since(start); d > time.Second {
				t.Fatalf("Send took %v", d)
			}
		}
		return b.Stats().Dropped > 0 && b.Stats().PipeLost > 0
	})
	until(t, "it is not ready", func() bool { return b.Ready() != nil })
}

// Close ends every goroutine, the embedded server's among them. Not parallel:
// it counts all goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		b, err := bus.New(bus.Config{})
		if err != nil {
			t.Fatal(err)
		}
		got := subscribe(t, b)
		b.Publish(numbered(1))
		within(t, got)
		k := bucket(t, b, "closed", 0)
		if _, err := k.Watch("", func(bus.Entry) {}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.WatchLeases("", func(bus.LeaseState) {}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Respond("echo", echo); err != nil {
			t.Fatal(err)
		}
		listen(t, b, "pipe")
		b.Send("pipe", nil)
		acquire(t, b, "k", "h", time.Minute)
		put(t, k, "k", "v")
		b.Close()
	}
	until(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}
