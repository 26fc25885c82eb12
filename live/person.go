package live

import (
	"math"
	"slices"
	"time"

	"rally"
)

// longAgo is a hub time that is before everything, and from which one can
// still count.
const longAgo = time.Duration(math.MinInt64 / 2)

// person is somebody of whom something is known, on whatever node.
type person struct {
	id   rally.UserID
	name string

	// What this node knows.
	conns    []*Conn
	leftAt   time.Duration // when the last of conns went
	activeAt time.Duration // when they last did something
	match    rally.MatchID
	matchAt  time.Duration // as of when they are in one
	told     Sighting      // what the other nodes know, or are about to be told

	// What other nodes know.
	reports []report

	// What friends on this node see.
	shown  rally.Presence // as of the last badge; SeenAt is in goneAt
	quiet  time.Duration  // until when there is no further badge
	queued bool           // a badge is about to go out
	waits  bool           // one has to wait for the end of quiet
	hold   time.Duration  // until when none goes out, for goneAt is being written down
	goneAt time.Duration  // when they were last here, on whatever node
	owed   bool           // and this node has to write that down

	circle circle
	alarm  alarm
}

// report is what another node has told of a person.
type report struct {
	node *node
	Sighting
}

func newPerson(id rally.UserID) *person {
	return &person{
		id: id, leftAt: longAgo, activeAt: longAgo, matchAt: longAgo,
		goneAt: longAgo, quiet: longAgo, hold: longAgo,
		shown: rally.Presence{State: rally.PresenceOffline}, alarm: alarm{index: -1},
	}
}

// own gives what this node knows of them at a time.
func (p *person) own(now time.Duration, cfg *Config) Sighting {
	return Sighting{
		Name:  p.name,
		Here:  len(p.conns) > 0 || now < p.leftAt+cfg.OfflineAfter,
		Awake: now < p.activeAt+cfg.AwayAfter,
		Match: p.match,
	}
}

// elsewhere gives what the other nodes know.
func (p *person) elsewhere() (s sight) {
	for _, r := range p.reports {
		if !r.node.gone {
			s.add(r.Sighting)
		}
	}
	return s
}

// seen gives what friends see of them at a time.
func (p *person) seen(now time.Duration, cfg *Config) rally.Presence {
	s := p.elsewhere()
	s.add(p.own(now, cfg))
	return p.look(s)
}

// look gives what friends see when that much is known. Of somebody whose name
// is not, who has a match and has not had a page yet, they see nothing.
func (p *person) look(s sight) rally.Presence {
	if p.name == "" {
		return rally.Presence{State: rally.PresenceOffline}
	}
	return s.presence()
}

// reported gives what a node has told.
func (p *person) reported(n *node) Sighting {
	for _, r := range p.reports {
		if r.node == n {
			return r.Sighting
		}
	}
	return Sighting{}
}

// report notes what a node has told.
func (p *person) report(n *node, s Sighting) {
	left := slices.DeleteFunc(p.reports, func(r report) bool { return r.node == n })
	if !s.Empty() {
		left = append(left, report{n, s})
	}
	if p.reports = left; len(left) == 0 {
		p.reports = nil
	}
}

// differs says whether friends would see something else than they do.
func (p *person) differs(seen rally.Presence) bool {
	return p.shown.State != seen.State || p.shown.Match != seen.Match
}

// deadline gives when what this node knows may change by itself, or a badge may
// go out; longAgo for never.
func (p *person) deadline(now time.Duration, cfg *Config, waits bool) time.Duration {
	next := time.Duration(math.MaxInt64)
	for _, at := range []time.Duration{
		p.leftAt + cfg.OfflineAfter, p.activeAt + cfg.AwayAfter, p.matchAt + stillPlaying, p.circle.retryAt, p.hold,
	} {
		if at > now {
			next = min(next, at)
		}
	}
	if waits {
		next = min(next, p.quiet)
	}
	if next == math.MaxInt64 {
		return longAgo
	}
	return next
}
