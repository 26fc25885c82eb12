package match

import (
	"rally"
	"rally/pong"
)

// broadcast encodes the match as it is, once, and offers it to every door.
func (m *match) broadcast() {
	m.frameDue, m.quiet = false, 0
	if len(m.doors) == 0 {
		return
	}
	m.loop.scratch = m.frame(m.loop.scratch[:0])
	for _, d := range m.doors {
		d.audience.Offer(m.loop.scratch)
	}
	m.loop.frames.Add(uint64(len(m.doors)))
}

// frame appends the state frame of this tick to dst.
func (m *match) frame(dst []byte) []byte {
	left, right := &m.seats[rally.Left], &m.seats[rally.Right]
	f := pong.Frame{
		Phase:  pong.Phase(m.phase),
		Absent: [2]bool{left.absent, right.absent},
		Tick:   m.tick,
		Dir:    [2]pong.Dir{m.dirs.Left, m.dirs.Right},
		Ack:    [2]uint16{left.ack, right.ack},
	}
	switch m.phase {
	case Waiting, Countdown:
		f.Timer = uint16(max(m.timer, 0))
	case Paused:
		f.Timer = uint16(m.pauseLeft())
	case Playing, Over:
	}
	f.Show(&m.state)
	return f.Append(dst)
}

// pauseLeft gives the ticks of pause left to who is absent, the fewer if both
// are.
func (m *match) pauseLeft() int32 {
	left := m.registry.limits.pause
	for s := range m.seats {
		if seat := &m.seats[s]; seat.absent {
			left = min(left, seat.pause)
		}
	}
	return left
}
