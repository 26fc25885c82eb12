package match

import (
	"fmt"
	"sync"

	"rally"
	"rally/pong"
)

// Link is one connection's way to the matches: it takes the frames that come
// in, and has those of the match it joined sent to its audience. Which side it
// plays comes from the user it was opened for, never from a frame.
//
// Receive is meant for the one goroutine that reads the connection; Close may
// be called from any.
type Link struct {
	registry *Registry
	user     rally.UserID
	audience Audience

	mu     sync.Mutex
	match  *match // joined, nil before
	door   *door  // into match
	closed bool

	nodes   *Nodes        // by which matches of other nodes are reached; nil if there are none
	far     *tie          // to the match on another node that was joined
	sought  rally.MatchID // is to be joined once it is known where it is
	seeking bool          // somebody is finding that out
}

// Open gives user a link whose frames go to audience. Opening it changes
// nothing yet: a Join frame says which match it is about. The caller closes it
// when the connection ends.
func (r *Registry) Open(user rally.UserID, audience Audience) *Link {
	r.links.Add(1)
	return &Link{registry: r, user: user, audience: audience}
}

// Receive takes one frame. An error means that the frame was malformed or of
// an unknown type, and that the connection is to be closed; nothing has
// happened to any match then. Frames that are well formed but come at the
// wrong time are dropped and counted.
func (l *Link) Receive(frame []byte) error {
	if len(frame) == 0 {
		return fmt.Errorf("match: empty frame")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	if l.door != nil {
		l.door.hear()
	}
	switch frame[0] {
	case pong.TypeInput:
		f, err := pong.ParseInput(frame)
		if err != nil {
			return fmt.Errorf("match: input: %w", err)
		}
		if l.far != nil {
			l.forward(frame)
			break
		}
		l.press(f)
	case pong.TypePing:
		f, err := pong.ParsePing(frame)
		if err != nil {
			return fmt.Errorf("match: ping: %w", err)
		}
		if l.far != nil {
			l.forward(frame)
			break
		}
		l.ping(f)
	case pong.TypeJoin:
		f, err := pong.ParseJoin(frame)
		if err != nil {
			return fmt.Errorf("match: join: %w", err)
		}
		l.join(rally.MatchID(f.Match[:]))
	default:
		return fmt.Errorf("match: frame of unknown type %#02x", frame[0])
	}
	return nil
}

// Close ends the link: a player's seat is empty from the next tick on. It is
// idempotent.
func (l *Link) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.leave()
	l.registry.links.Add(-1)
}

// join enters a match, which answers with a Welcome, and leaves the one joined
// before. Joining the same match anew is one step for it: nobody notices an
// absence.
func (l *Link) join(id rally.MatchID) {
	m, ok := l.registry.find(id)
	if !ok && l.nodes != nil {
		l.reach(id)
		return
	}
	if ok && m == l.match {
		old, d := l.door, &door{audience: l.audience, side: l.door.side}
		ok = m.do(func() {
			m.leave(old)
			m.enter(d)
		})
		l.door = d
	} else {
		l.leave()
		if ok {
			d := &door{audience: l.audience, side: m.sideOf(l.user)}
			ok = m.do(func() { m.enter(d) })
			l.match, l.door = m, d
		}
	}
	if !ok { // unknown, or the registry has stopped
		l.match, l.door = nil, nil
		l.refuse()
	}
}

// refuse says that there is no such match.
func (l *Link) refuse() {
	l.audience.Send(pong.RefusedFrame{Reason: pong.RefusedGone}.Append(nil))
}

func (l *Link) leave() {
	if m, d := l.match, l.door; m != nil {
		m.do(func() { m.leave(d) })
	}
	l.match, l.door = nil, nil
	l.leaveFar()
}

func (l *Link) press(f pong.InputFrame) {
	if l.door == nil {
		l.registry.drops.spectator.Add(1)
		return
	}
	l.door.press(f, &l.registry.drops)
}

// ping answers at once, from the goroutine that reads the connection: the
// match's tick follows from the schedule alone. A ping before a join gets no
// answer, for there is no tick to tell.
func (l *Link) ping(f pong.PingFrame) {
	if l.door == nil {
		return
	}
	m := l.match
	if l.door.side != rally.NoSide && l.door.role.Load() == rolePlaying {
		m.rtt[l.door.side].Store(uint32(f.RTT))
	}
	tick, fraction := m.tickAt(l.registry.clock.Now())
	var buf [pong.PongLen]byte
	l.audience.Send(pong.PongFrame{
		Time: f.Time, Tick: tick, Fraction: fraction,
		RTT: [2]uint16{uint16(m.rtt[rally.Left].Load()), uint16(m.rtt[rally.Right].Load())},
	}.Append(buf[:0]))
}
