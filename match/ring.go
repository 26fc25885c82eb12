package match

import (
	"sync/atomic"

	"rally/pong"
)

// ringSize is how many inputs a seat holds between two ticks. A person
// manages one; a browser that lost touch for a moment may send a handful.
const ringSize = 16

// press is one input as it waits for its tick.
type press struct {
	tick uint32
	seq  uint16
	dir  pong.Dir
}

// ring is a bounded queue from one reader goroutine to one loop, without
// locks. A full ring refuses; nothing in it is ever overwritten.
type ring struct {
	pushed  atomic.Uint32 // written by the producer alone
	popped  atomic.Uint32 // written by the consumer alone
	presses [ringSize]press
}

// push adds p, or gives false when the ring is full. Producer only.
func (r *ring) push(p press) bool {
	at := r.pushed.Load()
	if at-r.popped.Load() == ringSize {
		return false
	}
	r.presses[at%ringSize] = p
	r.pushed.Store(at + 1)
	return true
}

// pop takes the oldest press. Consumer only.
func (r *ring) pop() (p press, ok bool) {
	at := r.popped.Load()
	if at == r.pushed.Load() {
		return press{}, false
	}
	p = r.presses[at%ringSize]
	r.popped.Store(at + 1)
	return p, true
}
