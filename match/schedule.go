package match

import (
	"time"

	"rally/pong"
)

// A tick is divided into slots; each match has one, so that a loop's matches
// are spread over the tick instead of being stepped in one burst.
const (
	slotCount      = 16
	slotsPerSecond = slotCount * pong.TicksPerSecond
)

// backlog is how far behind its schedule a loop still makes up for every tick.
// Beyond it the time is let go: the schedule moves, and the matches go on from
// where they were.
const backlog = 250 * time.Millisecond

// slotTime gives when slot k is due, after the schedule's origin. Slots are
// counted through: slot k belongs to tick k/slotCount. There is no rounding
// that adds up.
func slotTime(k int64) time.Duration {
	return time.Duration(k/slotsPerSecond)*time.Second +
		time.Duration(k%slotsPerSecond)*time.Second/slotsPerSecond
}

// slotAt gives the last slot that is due at d after the origin: the inverse of
// slotTime. d is not negative.
func slotAt(d time.Duration) int64 {
	seconds, rest := int64(d/time.Second), int64(d%time.Second)
	const second = int64(time.Second)
	return seconds*slotsPerSecond + ((rest+1)*slotsPerSecond+second-1)/second - 1
}

// ticksAt gives how many whole ticks fit into d, and which 256th of the next
// one is reached. Before the beginning both are 0.
func ticksAt(d time.Duration) (tick uint32, fraction uint8) {
	if d <= 0 {
		return 0, 0
	}
	seconds, rest := int64(d/time.Second), int64(d%time.Second)
	fine := rest * pong.TicksPerSecond * 256 / int64(time.Second)
	return uint32(seconds*pong.TicksPerSecond + fine/256), uint8(fine % 256)
}

// toTicks gives d in ticks, rounded up.
func toTicks(d time.Duration) int32 {
	return int32((d*pong.TicksPerSecond + time.Second - 1) / time.Second)
}

// toDuration gives a number of ticks as time.
func toDuration(ticks int32) time.Duration {
	return time.Duration(ticks) * time.Second / pong.TicksPerSecond
}
