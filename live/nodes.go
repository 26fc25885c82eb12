package live

import (
	"time"

	"rally"
)

// node is another node that has told something, or may live.
type node struct {
	name   string
	alive  bool
	at     time.Duration             // of its last sign of life
	gone   bool                      // what it has told counts for nothing
	people map[rally.UserID]struct{} // of whom it has told something
	tidied bool                      // what it has told is being cleared away
}

// listen takes in what other nodes tell, until close.
func (cr *crowd) listen() {
	stop, err := cr.cfg.Nodes.Listen(cr.ctx, cr)
	cr.mu.Lock()
	if err != nil {
		cr.complain("other nodes are not heard", err)
	}
	cr.ready = true
	for _, n := range cr.nodes {
		cr.tidy(n)
	}
	cr.rouse()
	cr.mu.Unlock()
	if err == nil {
		<-cr.ctx.Done()
		stop()
	}
}

// at gives the crowd's time of a time of day; what seems to be later than now
// is now.
func (cr *crowd) at(t time.Time) time.Duration {
	if t.IsZero() {
		return longAgo
	}
	return min(t.Sub(cr.started), cr.now())
}

// node gives another node. mu must be held.
func (cr *crowd) node(name string) *node {
	n := cr.nodes[name]
	if n == nil {
		n = &node{name: name, at: longAgo, gone: true, people: make(map[rally.UserID]struct{})}
		cr.nodes[name] = n
	}
	return n
}

// Alive implements Ear.
func (cr *crowd) Alive(name string, alive bool, at time.Time) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	n := cr.node(name)
	n.alive, n.at = alive, max(n.at, cr.at(at))
	cr.judge(n, cr.now())
	cr.tidy(n)
	cr.poke()
}

// Told implements Ear.
func (cr *crowd) Told(name string, user rally.UserID, s Sighting, at time.Time) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	now, n := cr.now(), cr.node(name)
	n.at = max(n.at, cr.at(at))
	cr.judge(n, now)

	p := cr.person(user)
	before := p.reported(n)
	p.report(n, s)
	if s.Empty() {
		delete(n.people, user)
	} else {
		n.people[user] = struct{}{}
		if len(p.conns) == 0 {
			p.name = s.Name
		}
	}
	switch {
	case n.gone && s.Here:
		p.goneAt, p.owed = max(p.goneAt, n.at), true
	case !n.gone && before.Here && !s.Here:
		p.goneAt = max(p.goneAt, now-cr.cfg.OfflineAfter)
	}
	cr.review(p, now)
	cr.tidy(n)
	cr.poke()
}

// Cleared implements Ear.
func (cr *crowd) Cleared(user rally.UserID) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if p := cr.people[user]; p != nil && !p.told.Empty() {
		cr.tell(user)
	}
}

// judge finds out whether a node is gone, and what follows for those of whom
// it has told. mu must be held.
func (cr *crowd) judge(n *node, now time.Duration) {
	gone := !n.alive && now >= n.at+cr.cfg.GoneAfter
	if gone == n.gone {
		return
	}
	n.gone = gone
	for id := range n.people {
		p := cr.people[id]
		if gone && p.reported(n).Here {
			p.goneAt, p.owed = max(p.goneAt, n.at), true
		}
		cr.review(p, now)
	}
}

// judgeAll judges all nodes, and gives when the next one may be gone. mu must
// be held.
func (cr *crowd) judgeAll(now time.Duration) (next time.Duration) {
	next = forever
	for _, n := range cr.nodes {
		if !n.alive && !n.gone {
			if cr.judge(n, now); n.gone {
				cr.tidy(n)
			} else {
				next = min(next, n.at+cr.cfg.GoneAfter)
			}
		}
	}
	return next
}
