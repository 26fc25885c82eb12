package bus

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"
)

const (
	// pipeSubject is what the name of every pipe is put behind.
	pipeSubject = "rally.pipe."

	pipePending   = 4096 // messages of all pipes that may wait to be sent
	listenPending = 8192 // messages that may wait for one listener
)

// piped is a message on its way into a pipe.
type piped struct {
	name string
	data []byte
}

// Send hands a message to everybody who listens to name, on any node. It copies
// data, never blocks and promises nothing: a message is dropped, and counted,
// when too many wait, when the bus is closed, or when NATS is away, for what
// pipes carry is worth nothing a moment later. Those that arrive at one listener
// from one node do so in the order they were sent.
func (b *Bus) Send(name string, data []byte) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if !b.closed {
		select {
		case b.pipe <- piped{name, slices.Clone(data)}:
			return
		default:
		}
	}
	b.counts.pipeLost.Add(1)
}

// pump hands what waits in the pipes to NATS, until they are closed and empty.
func (b *Bus) pump() {
	for m := range b.pipe {
		err := b.away()
		if err == nil {
			err = b.conn.Publish(pipeSubject+m.name, m.data)
		}
		if err != nil {
			b.counts.pipeLost.Add(1)
			b.stalled(err)
			continue
		}
		b.counts.piped.Add(1)
	}
}

// listener takes the messages of one pipe.
type listener struct {
	bus    *Bus
	name   string
	nats   *nats.Subscription
	handle func([]byte)
	once   sync.Once

	mu    sync.Mutex // held while handle runs
	ended bool       // handle is not called any more
}

// Listen calls handle for every message sent to name from now on, one at a time
// and from a goroutine of the listener's own. The message is handle's to keep. A
// handler that is slower than the messages loses those that exceed the pending
// limit; they are counted. stop ends the listener and waits for handle, which
// must not call it; what has not been handled by then is dropped.
func (b *Bus) Listen(name string, handle func(data []byte)) (stop func(), err error) {
	l := &listener{bus: b, name: name, handle: handle}
	if err := l.start(); err != nil {
		return nil, fmt.Errorf("bus: listen to %q: %w", name, err)
	}
	if b.Ready() == nil {
		// So that messages of other nodes come from now on. If it fails, NATS
		// is just going away, and hears of us when it is back.
		_ = b.conn.FlushTimeout(flushTimeout)
	}
	return func() {
		b.remove(l)
		l.end()
	}, nil
}

func (l *listener) start() (err error) {
	if l.nats, err = l.bus.conn.Subscribe(pipeSubject+l.name, l.take); err != nil {
		return err
	}
	if err = l.nats.SetPendingLimits(listenPending, -1); err == nil {
		err = l.bus.add(l)
	}
	if err != nil {
		l.end()
	}
	return err
}

// take hands one message on. A handler that panics loses that one, and no other.
func (l *listener) take(m *nats.Msg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			l.bus.log.Error("pipe handler panicked", "name", l.name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	l.handle(m.Data)
}

// end waits for handle.
func (l *listener) end() {
	l.once.Do(func() {
		l.bus.counts.pipeLost.Add(l.missed())
		_ = l.nats.Unsubscribe() // fails only when the connection is closed
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// missed gives the number of messages that came when too many waited.
func (l *listener) missed() uint64 {
	n, err := l.nats.Dropped()
	if err != nil { // the connection is closed: nothing can be known any more
		return 0
	}
	return uint64(n)
}
