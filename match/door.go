package match

import (
	"sync/atomic"

	"rally"
	"rally/pong"
)

// Audience is where a match sends its frames: a socket, as a rule. Both
// methods must copy the frame and must not block; they are called by the
// goroutine of a loop or of a link, perhaps at once.
type Audience interface {
	// Offer gives a state frame. Only the newest one matters.
	Offer(frame []byte)
	// Send gives a frame that must arrive, in order, if there is room for it.
	Send(frame []byte)
}

// What a door is good for, in door.role.
const (
	roleEntering  uint32 = iota // the match has not answered yet
	rolePlaying                 // it holds a seat
	roleWatching                // it holds none
	roleDisplaced               // it held one, and another socket of the user has taken it
)

// What has happened at a door since the match last looked, in door.signals.
const (
	signalHeard   uint32 = 1 << iota // any frame came
	signalFlooded                    // an input found the ring full
)

// door is one audience's way into one match. The goroutine that reads the
// socket pushes, the loop that owns the match pops; what is not atomic belongs
// to the loop.
type door struct {
	audience Audience
	side     rally.Side // that its user plays in this match; fixed
	role     atomic.Uint32
	signals  atomic.Uint32
	inputs   ring

	index int // in match.doors
}

// hear notes a sign of life.
func (d *door) hear() { d.signals.Or(signalHeard) }

// press hands an input to the match, or counts why not.
func (d *door) press(f pong.InputFrame, drops *drops) {
	if role := d.role.Load(); d.side == rally.NoSide || role > rolePlaying {
		drops.spectator.Add(1)
		return
	}
	if !d.inputs.push(press{tick: f.Tick, seq: f.Seq, dir: f.Dir}) {
		drops.overflow.Add(1)
		d.signals.Or(signalFlooded)
	}
}
