package match

import (
	"rally"
	"rally/pong"
)

// Entrant is somebody about to play: a person, or the house bot (User 0).
type Entrant struct {
	User   rally.UserID
	Name   string
	Rating rally.Rating
	Bot    rally.BotLevel
}

// seat is one end of a match. It belongs to the match's loop, except for who
// sits there, User and Bot, which never changes.
type seat struct {
	Entrant
	bot *bot // moves for the house; nil for a person, and once the match is over

	door    *door  // the newest of the player's; nil when there is none
	heardAt uint32 // tick of the last sign of life
	absent  bool
	ready   bool
	rematch bool  // has asked for one
	silent  bool  // … of which nobody else may know
	pause   int32 // ticks of pause left

	ack     uint16 // the last input that counted
	pressed bool   // there was one on this door
}

// listen takes in what came from one side since the last tick: inputs, signs
// of life, or too long a silence.
func (m *match) listen(side rally.Side) {
	seat := &m.seats[side]
	if seat.bot != nil {
		seat.bot.move(m.tick, &m.registry.drops)
	}
	d := seat.door
	if d == nil {
		return
	}
	if d.signals.Load() == 0 {
		if !seat.absent && m.tick-seat.heardAt > m.registry.limits.silence && seat.Bot == rally.NoBot {
			m.lose(side)
		}
		return
	}
	signals := d.signals.Swap(0)
	seat.heardAt = m.tick
	if seat.absent {
		m.regain(side)
	}
	for {
		p, ok := d.inputs.pop()
		if !ok {
			break
		}
		m.press(side, p)
	}
	if signals&signalFlooded != 0 {
		// What was dropped may have been the key's release.
		m.steer(side, pong.Stay)
	}
}

// press applies one input, or drops it.
func (m *match) press(side rally.Side, p press) {
	seat := &m.seats[side]
	switch {
	case int32(m.tick-p.tick) > lateAfter:
		m.registry.drops.late.Add(1)
	case seat.pressed && int16(p.seq-seat.ack) <= 0:
		m.registry.drops.order.Add(1)
	default:
		seat.ack, seat.pressed = p.seq, true
		m.loop.inputs.Add(1)
		m.steer(side, p.dir)
	}
}

// steer sets a paddle's direction from this tick on.
func (m *match) steer(side rally.Side, dir pong.Dir) {
	in := &m.dirs.Left
	if side == rally.Right {
		in = &m.dirs.Right
	}
	if *in != dir {
		*in = dir
		m.frameDue = true
	}
}

// lose notes that a player is not there any more. The paddle stops: nothing is
// held across an absence.
func (m *match) lose(side rally.Side) {
	m.seats[side].absent = true
	m.rtt[side].Store(pong.UnknownRTT)
	m.steer(side, pong.Stay)
	m.changed()
}

func (m *match) regain(side rally.Side) {
	m.seats[side].absent = false
	m.seats[side].heardAt = m.tick
	m.changed()
}

// enter lets a door in: to its user's seat, taking it from an older door, or
// to watch.
func (m *match) enter(d *door) {
	d.index = len(m.doors)
	m.doors = append(m.doors, d)
	if d.side == rally.NoSide {
		d.role.Store(roleWatching)
	} else {
		seat := &m.seats[d.side]
		if old := seat.door; old != nil {
			old.role.Store(roleDisplaced)
			old.audience.Send(pong.RefusedFrame{Reason: pong.RefusedTab}.Append(nil))
			m.steer(d.side, pong.Stay)
		}
		seat.door = d
		seat.ack, seat.pressed = 0, false
		d.role.Store(rolePlaying)
		m.rtt[d.side].Store(pong.UnknownRTT)
		m.regain(d.side)
	}
	d.audience.Send(pong.WelcomeFrame{Side: int8(d.side), Rules: *m.rules}.Append(nil))
	d.audience.Offer(m.frame(m.loop.scratch[:0]))
}

// leave takes a door out. A player whose seat it was is absent at once.
func (m *match) leave(d *door) {
	m.remove(d)
	if d.side == rally.NoSide || m.seats[d.side].door != d {
		return
	}
	m.seats[d.side].door = nil
	m.lose(d.side)
}

// remove takes a door from those that get frames.
func (m *match) remove(d *door) {
	last := len(m.doors) - 1
	m.doors[d.index] = m.doors[last]
	m.doors[d.index].index = d.index
	m.doors[last] = nil
	m.doors = m.doors[:last]
}
