package match

import (
	"runtime"
	"sync/atomic"
	"time"
)

// loop steps its matches, each once a tick in its slot. One goroutine runs it
// and owns everything that is not atomic.
type loop struct {
	clock Clock
	box   *mailbox
	done  chan struct{} // closed when run has returned

	slots   [slotCount][]*match
	matches int
	next    int64  // the slot to run next
	scratch []byte // for the frame being sent
	ended   bool

	origin   atomic.Int64 // of the schedule, on the clock
	load     atomic.Int64 // matches given to this loop that are not over; the registry counts
	ticks    atomic.Uint64
	skipped  atomic.Uint64 // ticks let go
	frames   atomic.Uint64
	inputs   atomic.Uint64
	lateness histogram
}

func newLoop(clock Clock) *loop {
	l := &loop{clock: clock, box: newMailbox(), done: make(chan struct{}), scratch: make([]byte, 0, 64)}
	l.origin.Store(int64(clock.Now()))
	return l
}

// run lives until stop. Between two slots it lets other goroutines in, also
// when it is late: inputs that are not read are worse than a late tick.
func (l *loop) run() {
	defer close(l.done)
	for {
		l.box.run()
		if l.ended {
			l.box.close()
			return
		}
		if until := l.turn(); until > 0 {
			l.clock.Wait(until, l.box.wake)
		} else {
			runtime.Gosched()
		}
	}
}

// turn runs the next slot that has matches, if it is due, and gives 0; or it
// gives when to come back.
func (l *loop) turn() (until time.Duration) {
	if l.matches == 0 {
		return forever
	}
	for len(l.slots[l.next%slotCount]) == 0 {
		l.next++
	}
	due := time.Duration(l.origin.Load()) + slotTime(l.next)
	late := l.clock.Now() - due
	if late < 0 {
		return due
	}
	if late > backlog {
		l.origin.Add(int64(late))
		l.skipped.Add(uint64(toTicks(late)) * uint64(l.matches))
		late = 0
	}
	l.step(late)
	return 0
}

// step runs the slot that is next.
func (l *loop) step(late time.Duration) {
	slot := &l.slots[l.next%slotCount]
	l.lateness.observe(late, uint64(len(*slot)))
	l.ticks.Add(uint64(len(*slot)))
	for i := 0; i < len(*slot); {
		m := (*slot)[i]
		m.step()
		if m.phase != Over {
			i++
			continue
		}
		l.drop(m) // another one takes its place
	}
	l.next++
}

// add takes a match in, into the slot with the fewest.
func (l *loop) add(m *match) {
	if l.matches == 0 { // nobody depends on the schedule: go on from now
		l.next = max(l.next, slotAt(l.clock.Now()-time.Duration(l.origin.Load()))+1)
	}
	slot := int(l.next % slotCount)
	for i := range slotCount {
		// Slots just ahead first, so that a match does not wait for its
		// first tick.
		if s := (int(l.next) + i) % slotCount; len(l.slots[s]) < len(l.slots[slot]) {
			slot = s
		}
	}
	first := l.next + int64((slot-int(l.next%slotCount)+slotCount)%slotCount)
	m.birth.Store(first - slotCount)
	m.slot, m.index = slot, len(l.slots[slot])
	l.slots[slot] = append(l.slots[slot], m)
	l.matches++
	if m.phase == Over { // it ended before it began
		l.drop(m)
	}
}

// drop forgets a match that is over.
func (l *loop) drop(m *match) {
	slot := l.slots[m.slot]
	last := len(slot) - 1
	slot[m.index] = slot[last]
	slot[m.index].index = m.index
	slot[last] = nil
	l.slots[m.slot] = slot[:last]
	l.matches--
}

// each calls f for every match that is not over; f may end it.
func (l *loop) each(f func(*match)) {
	for s := range l.slots {
		for i := 0; i < len(l.slots[s]); {
			m := l.slots[s][i]
			f(m)
			if m.phase != Over {
				i++
				continue
			}
			l.drop(m)
		}
	}
}

// call has f carried out by the loop and gives its result. Once the loop has
// ended it gives errStopped.
func (l *loop) call(f func() error) error {
	answer := make(chan error, 1)
	if !l.box.post(func() { answer <- f() }) {
		return errStopped()
	}
	return <-answer
}

// stop ends the loop after it has carried out what was posted before, and
// waits for it. last is called for every match that is still live.
func (l *loop) stop(last func(*match)) {
	l.box.post(func() {
		l.each(last)
		l.ended = true
	})
	<-l.done
}
