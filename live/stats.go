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
	}
	for c := range causes {
		name, _, _ := c.describe()
		s.Closed[name] = h.stats.closed[c].Load()
	}
	return s
}
