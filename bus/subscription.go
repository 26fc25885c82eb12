package bus

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/nats-io/nats.go"

	"rally"
)

// subscription is one subscriber: a bounded channel that NATS fills, and a
// goroutine that empties it.
type subscription struct {
	bus    *Bus
	nats   *nats.Subscription
	in     chan *nats.Msg
	handle func(rally.Event)
	quit   chan struct{}
	once   sync.Once
	done   sync.WaitGroup
}

// Subscribe calls handle for every event, one at a time and in order, from a
// goroutine of the subscription's own. A handler that is slower than the events
// loses those that exceed the pending limit; they are counted. stop ends the
// subscription after what has arrived was handled, and waits for that; handle
// itself must not call it. The error is a bus that was closed.
func (b *Bus) Subscribe(handle func(rally.Event)) (stop func(), err error) {
	s := &subscription{
		bus:    b,
		in:     make(chan *nats.Msg, subscribePending),
		handle: handle,
		quit:   make(chan struct{}),
	}
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("bus: subscribe: %w", err)
	}
	if b.Ready() == nil {
		// Not needed for our own events, which NATS sees later than this
		// subscription; but so those of other nodes come from now on, too. If
		// it fails, NATS is just going away, and hears of us when it is back.
		_ = b.conn.FlushTimeout(flushTimeout)
	}
	return s.stop, nil
}

// start makes the subscription known to NATS and to the bus, and runs it.
func (s *subscription) start() (err error) {
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed
	}
	if s.nats, err = b.conn.ChanSubscribe(subject+">", s.in); err != nil {
		return err
	}
	b.subscriptions[s] = struct{}{}
	s.done.Go(s.run)
	return nil
}

// run handles events until the subscription is stopped and nothing is left.
func (s *subscription) run() {
	for {
		select {
		case m := <-s.in:
			s.receive(m)
			continue
		case <-s.quit:
		}
		for {
			select {
			case m := <-s.in:
				s.receive(m)
				continue
			default:
			}
			return
		}
	}
}

// receive hands one event on. What is no event, from a newer node perhaps or
// from a stranger on a shared NATS, is counted and forgotten. A handler that
// panics loses that event, and no other.
func (s *subscription) receive(m *nats.Msg) {
	defer func() {
		if p := recover(); p != nil {
			s.bus.log.Error("event handler panicked", "subject", m.Subject, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	var e rally.Event
	if err := json.Unmarshal(m.Data, &e); err != nil || subject+string(e.Kind) != m.Subject {
		s.bus.counts.malformed.Add(1)
		return
	}
	s.bus.counts.received.Add(1)
	s.handle(e)
}

// stop ends the subscription and waits until all that had arrived was handled.
func (s *subscription) stop() {
	s.once.Do(func() {
		b := s.bus
		b.mu.Lock()
		delete(b.subscriptions, s)
		b.counts.lost.Add(s.missed())
		b.mu.Unlock()
		_ = s.nats.Unsubscribe() // fails only when the connection is closed
		close(s.quit)
	})
	s.done.Wait()
}

// missed gives the number of events that came when the channel was full.
func (s *subscription) missed() uint64 {
	n, err := s.nats.Dropped()
	if err != nil { // the connection is closed: nothing can be known any more
		return 0
	}
	return uint64(n)
}
