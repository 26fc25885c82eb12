package live

import (
	"time"

	"rally"
)

// stillPlaying is how long somebody is taken to be in a match without its
// having been asked again.
const stillPlaying = 10 * time.Second

// PlayingChanged notes that users may be in another match on this node than
// before, or in none. It is asked about when a socket of theirs opens as well,
// and every now and then while they are in one, so that this may be lost.
func (h *Hub) PlayingChanged(users ...rally.UserID) {
	h.crowd.mu.Lock()
	defer h.crowd.mu.Unlock()
	for _, id := range users {
		h.crowd.doubt(id)
	}
}

// doubt has it asked which match somebody is in. mu must be held.
func (cr *crowd) doubt(id rally.UserID) {
	if cr.cfg.Playing == nil {
		return
	}
	cr.doubts[id] = struct{}{}
	if !cr.asking {
		cr.asking = true
		cr.goes(cr.ask)
	}
}

// ask asks which matches people are in until that is known of everybody. It
// takes one after the other, so that no answer is overtaken by an older one.
func (cr *crowd) ask() {
	for {
		id, ok := cr.doubtful()
		if !ok {
			return
		}
		cr.plays(id, cr.cfg.Playing(id))
	}
}

// doubtful gives somebody to be asked about; if there is nobody, the asking is
// over.
func (cr *crowd) doubtful() (id rally.UserID, ok bool) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if !cr.closed {
		for id := range cr.doubts {
			delete(cr.doubts, id)
			return id, true
		}
	}
	cr.asking = false
	return 0, false
}

// plays notes which match somebody is in.
func (cr *crowd) plays(id rally.UserID, match rally.MatchID) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if cr.people[id] == nil && match == "" {
		return
	}
	now, p := cr.now(), cr.person(id)
	p.match, p.matchAt = match, longAgo
	if match != "" {
		p.matchAt = now
	}
	cr.review(p, now)
	cr.rouse()
}
