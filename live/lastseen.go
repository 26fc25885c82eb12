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
	if cr.cfg.Seen == nil || p.goneAt == longAgo {
		return
	}
	p.hold = now + seenHold
	cr.seen[p.id] = cr.wall(p.goneAt)
	if !cr.writing {
		cr.writing = true
		cr.goes(cr.writer)
	}
}

// writer writes down when people were last here, until that is done.
func (cr *crowd) writer() {
	for {
		cr.mu.Lock()
		seen := cr.seen
		if len(seen) == 0 || cr.closed {
			cr.writing = false
			cr.mu.Unlock()
			return
		}
		cr.seen = make(map[rally.UserID]time.Time)
		cr.mu.Unlock()

		ctx, cancel := context.WithTimeout(cr.ctx, seenTimeout)
		err := cr.cfg.Seen(ctx, seen)
		cancel()
		cr.written(seen, err)
		if err != nil && !cr.pause(seenRetry) {
			return
		}
	}
}

// written has friends told of those of whom it has been written down, or has
// just failed to be.
func (cr *crowd) written(seen map[rally.UserID]time.Time, err error) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	now := cr.now()
	for id, at := range seen {
		if _, newer := cr.seen[id]; newer {
			continue
		}
		if err != nil {
			cr.seen[id] = at
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
