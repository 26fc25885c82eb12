package match

import (
	"math"
	"sync/atomic"
	"time"

	"rally"
	"rally/pong"
)

// How a match treats time, in ticks. What Config leaves open is in limits.
const (
	keyframeEvery = 15 // at the latest so long after the last frame comes another
	lateAfter     = 8  // an input that is further behind than this is dropped
)

// unborn is a match's birth before its loop has it.
const unborn = math.MinInt64

// limits are a Config's durations in ticks.
type limits struct {
	ready     int32 // how long both have to be there and ready
	countdown int32
	pause     int32  // for each player, over the whole match
	silence   uint32 // a player not heard of for longer is absent
	play      uint32 // steps of the longest match
}

// match is one live match. The fields up to the first gap never change; those
// of the last group may be read by anyone; everything between belongs to the
// goroutine of its loop.
type match struct {
	id       rally.MatchID
	kind     rally.MatchKind
	rules    *pong.Rules
	seed     uint64
	noCheck  bool // no ready presses: it is enough to be there
	made     time.Time
	loop     *loop
	registry *Registry

	slot, index int // where the loop keeps it
	tick        uint32
	phase       Phase
	timer       int32 // ticks left of the ready check or the countdown
	state       pong.State
	dirs        pong.Input // in force
	seats       [2]seat
	doors       []*door // of everybody who gets frames
	recording   recorder
	quiet       int32 // ticks since the last frame
	frameDue    bool
	scoreDue    bool // the snapshot is stale
	changeDue   bool // … and so is what pages show
	started     time.Time
	finished    time.Time
	outcome     rally.Outcome
	winner      rally.Side
	stored      bool
	ratings     [2]rally.Rating // after a rated match, once stored
	next        rally.MatchID   // the rematch

	snapshot atomic.Pointer[snapshot]
	birth    atomic.Int64 // number of the slot at which tick was 0; unborn before the loop has it
	rtt      [2]atomic.Uint32
}

// newMatch makes a match that waits for its players. The caller still owns it.
func newMatch(
	r *Registry, l *loop, id rally.MatchID, kind rally.MatchKind, rules *pong.Rules, players [2]Entrant, noCheck bool,
) *match {
	m := &match{
		id: id, kind: kind, rules: rules, seed: r.seed(), noCheck: noCheck,
		made: r.clock.Date(), loop: l, registry: r,
		timer: r.limits.ready, winner: rally.NoSide,
	}
	m.birth.Store(unborn)
	m.state = pong.New(*rules, m.seed)
	m.started = m.made
	for s := range m.seats {
		seat := &m.seats[s]
		seat.Entrant = players[s]
		seat.pause = r.limits.pause
		seat.ready = noCheck
		seat.absent = true
		m.rtt[s].Store(pong.UnknownRTT)
		if level := players[s].Bot; level != rally.NoBot {
			m.seatBot(rally.Side(s), level)
		}
	}
	m.publish()
	return m
}

// sideOf gives the side user plays, or NoSide. It may be called by anyone:
// who plays never changes.
func (m *match) sideOf(user rally.UserID) rally.Side {
	for s := range m.seats {
		if user != 0 && m.seats[s].User == user {
			return rally.Side(s)
		}
	}
	return rally.NoSide
}

// tickAt gives the tick that is due at the clock's now, and the 256ths of the
// next one that have passed. It may be called by anyone.
func (m *match) tickAt(now time.Duration) (tick uint32, fraction uint8) {
	birth := m.birth.Load()
	if birth == unborn {
		return 0, 0
	}
	return ticksAt(now - time.Duration(m.loop.origin.Load()) - slotTime(birth))
}

// step takes the match one tick further. The loop calls it when the tick is
// due, until the match is over.
func (m *match) step() {
	m.tick++
	m.quiet++
	m.listen(rally.Left)
	m.listen(rally.Right)
	switch m.phase {
	case Waiting:
		m.wait()
	case Countdown:
		m.count()
	case Playing:
		m.play()
	case Paused:
		m.pause()
	case Over:
	}
	m.settle()
}

// do has f carried out by the match's loop, and tells everybody what it
// changed. It does not wait; once the loop has ended it gives false. It may be
// called by anyone.
func (m *match) do(f func()) bool {
	return m.loop.box.post(func() {
		f()
		m.settle()
	})
}

// settle tells everybody what has changed since it was last called: a frame to
// the doors, the snapshot to readers, an event to pages.
func (m *match) settle() {
	if m.frameDue || m.quiet >= keyframeEvery && m.phase != Over {
		m.broadcast()
	}
	if m.changeDue || m.scoreDue {
		m.publish()
		if m.changeDue {
			m.registry.announce(rally.MatchChanged, m)
		}
		m.changeDue, m.scoreDue = false, false
	}
}

// changed notes that frame, snapshot and pages are stale.
func (m *match) changed() { m.frameDue, m.changeDue = true, true }
