package bus_test

import (
	"net"
	"sync"
	"testing"
)

// line passes TCP connections on to a server. While it is stalled it keeps them
// open and passes nothing.
type line struct {
	listener net.Listener
	to       string
	done     sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	free  chan struct{} // closed while everything passes
	held  bool          // something has come since it was stalled
}

// newLine makes a line to an address that ends with the test.
func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{listener: listener, to: to, free: make(chan struct{})}
	close(l.free)
	l.done.Go(l.accept)
	t.Cleanup(l.end)
	return l
}

func (l *line) url() string { return "nats://" + l.listener.Addr().String() }

func (l *line) stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free, l.held = make(chan struct{}), false
}

// resume passes on what has been held up, and everything from now on.
func (l *line) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.free)
}

// holds says whether something has come since the line was stalled.
func (l *line) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

func (l *line) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.to)
		if err != nil {
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		l.conns = append(l.conns, client, server)
		l.mu.Unlock()
		l.done.Go(func() { l.pass(server, client) })
		l.done.Go(func() { l.pass(client, server) })
	}
}

// pass hands on what comes until one end is closed. While the line is stalled
// most of it stays in the kernel, until that is full.
func (l *line) pass(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		free := l.free
		l.held = true
		l.mu.Unlock()
		<-free
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (l *line) end() {
	_ = l.listener.Close()
	l.mu.Lock()
	for _, c := range l.conns {
		_ = c.Close()
	}
	select {
	case <-l.free:
	default:
		close(l.free)
	}
	l.mu.Unlock()
	l.done.Wait()
}
