package live

import "sync/atomic"

// Stats are the hub's counts: Sockets as of now, the others since it started.
type Stats struct {
	Sockets  int64             // open now
	Opened   uint64            // sockets
	Refused  uint64            // sockets that were closed at once, for their user was live elsewhere
	Offered  uint64            // states given to Offer
	Written  uint64            // states written to their connection
	Replaced uint64            // states that a newer one took the place of
	Texts    uint64            // fragments written
	Dropped  uint64            // binary frames that found no room, or were too long
	Closed   map[string]uint64 // sockets closed, by cause
	Presence PresenceStats
}

// PresenceStats are the counts about who is seen where: Here, Elsewhere and
// Watching as of now, the others since the hub started.
type PresenceStats struct {
	Here      int    // people with a page open here, or who had one just now
	Elsewhere int    // people whom another node sees
	Watching  int    // pairs of one who is here and a friend
	Changes   uint64 // of what is seen of somebody
	Badges    uint64 // handed to sockets
	Greetings uint64 // lists of friends handed to sockets
	Rendered  uint64 // fragments, of both kinds
	Coalesced uint64 // times that a change had to wait because there had just been a badge
}

// crowdCounters are what PresenceStats are made of.
type crowdCounters struct {
	changes, badges, greetings, rendered, coalesced atomic.Uint64
}

// counters are what Stats are made of.
type counters struct {
	sockets  atomic.Int64
	opened   atomic.Uint64
	refused  atomic.Uint64
	offered  atomic.Uint64
	written  atomic.Uint64
	replaced atomic.Uint64
	texts    atomic.Uint64
	dropped  atomic.Uint64
	closed   [causes]atomic.Uint64
}

// Stats gives the counts; Closed has an entry for every cause.
func (h *Hub) Stats() Stats {
	s := Stats{
		Sockets:  h.stats.sockets.Load(),
		Opened:   h.stats.opened.Load(),
		Refused:  h.stats.refused.Load(),
		Offered:  h.stats.offered.Load(),
		Written:  h.stats.written.Load(),
		Replaced: h.stats.replaced.Load(),
		Texts:    h.stats.texts.Load(),
		Dropped:  h.stats.dropped.Load(),
		Closed:   make(map[string]uint64, causes),
		Presence: h.crowd.stats(),
	}
	for c := range causes {
		name, _, _ := c.describe()
		s.Closed[name] = h.stats.closed[c].Load()
	}
	return s
}

// stats gives the crowd's counts.
func (cr *crowd) stats() PresenceStats {
	s := PresenceStats{
		Changes:   cr.counts.changes.Load(),
		Badges:    cr.counts.badges.Load(),
		Greetings: cr.counts.greetings.Load(),
		Rendered:  cr.counts.rendered.Load(),
		Coalesced: cr.counts.coalesced.Load(),
	}
	cr.mu.Lock()
	defer cr.mu.Unlock()
	now := cr.now()
	for _, p := range cr.people {
		if p.own(now, cr.cfg).Here {
			s.Here++
		}
		if p.elsewhere().here {
			s.Elsewhere++
		}
		s.Watching += len(p.circle.friends)
	}
	return s
}
