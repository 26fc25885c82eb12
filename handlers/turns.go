package handlers

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"rally"
)

// turnsMax is how many may wait for their turns, all together. Everybody else
// is told at once to come back, instead of after all the time they may take.
const turnsMax = 64

// turns lets only so many people do the same thing at the same moment. The zero
// value is ready for use.
type turns struct {
	queue   atomic.Int64 // who waits
	mu      sync.Mutex
	waiting map[string]*turn
}

// turn is that of one key. Who can put something into taken has one.
type turn struct {
	taken chan struct{}
	users int // who has it or waits for it
}

// take waits for one of the atOnce turns of key, which done gives back. It fails
// with ctx, and with EUnavailable when too many wait. Who takes turns of the
// same key says the same of atOnce.
func (t *turns) take(ctx context.Context, key string, atOnce int) (done func(), err error) {
	one := t.enter(key, atOnce)
	done = func() {
		<-one.taken
		t.leave(key, one)
	}
	select {
	case one.taken <- struct{}{}:
		return done, nil
	default:
	}
	defer t.queue.Add(-1)
	if t.queue.Add(1) > turnsMax {
		t.leave(key, one)
		return nil, &rally.Error{
			Code: rally.EUnavailable, Message: "error.busy", RetryAfter: 4, Cause: errors.New("too many wait for their turns"),
		}
	}
	select {
	case one.taken <- struct{}{}:
		return done, nil
	case <-ctx.Done():
		t.leave(key, one)
		return nil, ctx.Err()
	}
}

func (t *turns) enter(key string, atOnce int) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.waiting[key]
	if one == nil {
		if t.waiting == nil {
			t.waiting = make(map[string]*turn)
		}
		one = &turn{taken: make(chan struct{}, atOnce)}
		t.waiting[key] = one
	}
	one.users++
	return one
}

func (t *turns) leave(key string, one *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(t.waiting, key)
	}
}
