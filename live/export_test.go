package live

import (
	"time"

	"rally"
)

// Places gives how many users' places the hub remembers.
func (h *Hub) Places() int {
	h.keeper.mu.Lock()
	defer h.keeper.mu.Unlock()
	return len(h.keeper.users)
}

// Opening makes room for a socket of a user as a handshake does, until quit.
func (h *Hub) Opening(user rally.UserID) (quit func(), err error) {
	if err := h.enter(user); err != nil {
		return nil, err
	}
	return func() {
		h.quit(user)
		h.open.Done()
	}, nil
}

// NewHubAt is NewHub with the hub's time and a clock by which people come and
// go. After the clock has been moved, Settled has to be asked.
func NewHubAt(cfg Config, now func() time.Duration, clock func() time.Time) *Hub {
	return newHub(cfg, now, clock)
}

// HeardAt gives when something last came, in the hub's time.
func (c *Conn) HeardAt() time.Duration { return time.Duration(c.heard.Load()) }

// Settled says whether all that follows from what the crowd knows at this time
// has been done, and has it done.
func (h *Hub) Settled() bool {
	cr := h.crowd
	cr.mu.Lock()
	defer cr.mu.Unlock()
	now := cr.now()
	settled := cr.ready && len(cr.badges)+len(cr.greets)+len(cr.wanted)+len(cr.untold)+len(cr.departed)+len(cr.doubts) == 0 &&
		cr.loaders == 0 && !cr.telling && !cr.writing && !cr.asking && (len(cr.alarms) == 0 || cr.alarms[0].alarm.at > now) &&
		cr.until > now && !cr.busy
	for _, n := range cr.nodes {
		settled = settled && (n.alive || n.gone || now < n.at+cr.cfg.GoneAfter)
	}
	cr.poke()
	return settled
}

// Crowd gives how many people the hub knows of, how many are watched, and of
// how many nodes it knows.
func (h *Hub) Crowd() (people, watched, nodes int) {
	cr := h.crowd
	cr.mu.Lock()
	defer cr.mu.Unlock()
	return len(cr.people), len(cr.watchers), len(cr.nodes)
}

// Told gives what other nodes have been told of a user.
func (h *Hub) Told(user rally.UserID) Sighting {
	cr := h.crowd
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if p := cr.people[user]; p != nil {
		return p.told
	}
	return Sighting{}
}
