package match

import (
	"sync"
	"sync/atomic"
)

// mailbox takes commands from any goroutine to the one that owns the state
// they change. It is not bounded: commands come from HTTP handlers, which wait
// for their answer, and from links, one or two each.
type mailbox struct {
	wake    chan struct{} // holds one token while there may be commands
	waiting atomic.Bool   // spares the owner the lock when there are none

	mu     sync.Mutex
	queue  []func()
	spare  []func() // the emptied queue, to be used again; the owner's between takes
	closed bool
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

// post leaves a command and wakes the owner. It gives false, and drops the
// command, once the box is closed.
func (b *mailbox) post(command func()) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.queue = append(b.queue, command)
	b.waiting.Store(true)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// run carries out what has been posted, in order. Only the owner calls it.
func (b *mailbox) run() {
	if !b.waiting.Load() {
		return
	}
	b.mu.Lock()
	queue := b.queue
	b.queue = b.spare
	b.waiting.Store(false)
	b.mu.Unlock()
	for i, command := range queue {
		command()
		queue[i] = nil
	}
	b.spare = queue[:0]
}

// close refuses further commands and carries out those already there, so that
// nobody waits for an answer in vain.
func (b *mailbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.run()
}
