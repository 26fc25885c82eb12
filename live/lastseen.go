package live

import (
	"context"
	"time"

	"rally"
)

const (
	seenTimeout = 3 * time.Second
	seenRetry   = time.Second
	// seenHold is how long friends are told nothing while it is written down.
	seenHold = 150 * time.Millisecond
)

// writeDown has written down when somebody was last here, if possible before
// their friends are told, so that whatever page they open next says the same. mu
// must be held.
func (cr *crowd) writeDown(p *person, now time.Duration) {
	if cr.cfg.SetSeen == nil || p.goneAt == longAgo {
		return
	}
	p.hold = now + seenHold
	cr.departed[p.id] = cr.wall(p.goneAt)
	if !cr.writing {
		cr.writing = true
		cr.goes(cr.writer)
	}
}

// writer writes down when people were last here, until that is done.
func (cr *crowd) writer() {
	for {
		cr.mu.Lock()
		departed := cr.departed
		if len(departed) == 0 || cr.closed {
			cr.writing = false
			cr.mu.Unlock()
			return
		}
		cr.departed = make(map[rally.UserID]time.Time)
		cr.mu.Unlock()

		ctx, cancel := context.WithTimeout(cr.ctx, seenTimeout)
		err := cr.cfg.SetSeen(ctx, departed)
		cancel()
		cr.written(departed, err)
		if err != nil && !cr.pause(seenRetry) {
			return
		}
	}
}

// written has friends told of those of whom it has been written down, or has
// just failed to be.
func (cr *crowd) written(departed map[rally.UserID]time.Time, err error) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	now := cr.now()
	for id, at := range departed {
		if _, newer := cr.departed[id]; newer {
			continue
		}
		if err != nil {
			cr.departed[id] = at
		}
		if p := cr.people[id]; p != nil && now < p.hold {
			p.hold = longAgo
			cr.review(p, now)
		}
	}
	if err != nil {
		cr.complain("last seen not written", err)
	}
	cr.rouse()
}
