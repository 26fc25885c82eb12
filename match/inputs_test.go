package match

import (
	"testing"

	"rally"
	"rally/pong"
)

// directions gives both paddles' as they are in force.
func (w *world) directions(id rally.MatchID) (in pong.Input) {
	w.inside(id, func(m *match) { in = m.dirs })
	return in
}

func TestInputsAreApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, right := w.begin(11)
	w.run(1)
	left.press(pong.Up)
	right.press(pong.Down)
	w.run(1)
	if got := w.directions(id); got != (pong.Input{Left: pong.Up, Right: pong.Down}) {
		t.Fatalf("directions %+v", got)
	}
	f := right.last()
	if f.Ack != [2]uint16{left.seq, right.seq} || f.Dir != [2]pong.Dir{pong.Up, pong.Down} {
		t.Errorf("told %+v", f)
	}
	w.run(9)
	left.press(pong.Stay)
	left.press(pong.Down)
	left.press(pong.Stay) // three at once: the last one counts
	w.run(1)
	if got := w.directions(id); got != (pong.Input{Right: pong.Down}) {
		t.Errorf("directions %+v", got)
	}
	if w.Stats().Inputs != 5 {
		t.Errorf("%d inputs counted", w.Stats().Inputs)
	}
	if got := left.last(); got.Paddle[0] >= pong.CourtHeight/2 || got.Paddle[1] <= pong.CourtHeight/2 {
		t.Errorf("paddles %v", got.Paddle)
	}
}

func TestInputsThatAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	w.run(30)
	left.press(pong.Up)
	w.run(1)
	check := func(what string, want pong.Dir, dropped Dropped) {
		t.Helper()
		w.run(1)
		if got := w.directions(id).Left; got != want {
			t.Errorf("%s: direction %d, want %d", what, got, want)
		}
		if got := w.Stats().Dropped; got != dropped {
			t.Errorf("%s: dropped %+v, want %+v", what, got, dropped)
		}
	}
	left.raw(left.seq+1, pong.Down, 9)
	check("nine ticks late", pong.Up, Dropped{Late: 1})
	left.raw(left.seq+1, pong.Down, 60_000)
	check("much too late", pong.Up, Dropped{Late: 2})
	left.raw(left.seq, pong.Down, 0)
	check("twice", pong.Up, Dropped{Late: 2, Order: 1})
	left.raw(left.seq-1, pong.Down, 0)
	check("out of order", pong.Up, Dropped{Late: 2, Order: 2})
	left.raw(left.seq+0x8000, pong.Down, 0)
	check("half a turn ahead", pong.Up, Dropped{Late: 2, Order: 3})
	left.pressAt(pong.Down, 8)
	check("eight ticks late", pong.Down, Dropped{Late: 2, Order: 3})
	left.pressAt(pong.Up, -1000)
	check("early", pong.Up, Dropped{Late: 2, Order: 3})
	left.seq = 0xFFFF - 1 // beyond half a turn from where it was: an older one
	left.press(pong.Down)
	check("an older one", pong.Up, Dropped{Late: 2, Order: 4})
}

func TestSequenceWraps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	left.seq = 0xFFFE
	for i, dir := range []pong.Dir{pong.Up, pong.Down, pong.Up, pong.Down} { // 0xFFFF, 0, 1, 2
		left.press(dir)
		w.run(1)
		if got := w.directions(id).Left; got != dir {
			t.Errorf("input %d was not applied", i)
		}
	}
}

func TestNewLinkCountsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, right := w.begin(11)
	left.seq = 5000
	left.press(pong.Up)
	w.run(1)
	left.close()
	w.run(1)
	left = w.join(1, id)
	if f := right.last(); f.Ack[0] != 0 {
		t.Errorf("acknowledged %d to a new link", f.Ack[0])
	}
	left.press(pong.Down) // 1
	w.run(1)
	if got := w.directions(id).Left; got != pong.Down {
		t.Errorf("direction %d: the new link's sequence was taken for the old one's", got)
	}
}

func TestFloodStopsThePaddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, right := w.begin(11)
	right.press(pong.Up)
	for range ringSize + 10 {
		left.press(pong.Down)
	}
	w.run(1)
	if got := w.directions(id); got != (pong.Input{Right: pong.Up}) {
		t.Errorf("directions %+v", got)
	}
	if got := w.Stats().Dropped; got != (Dropped{Overflow: 10}) {
		t.Errorf("dropped %+v", got)
	}
	left.press(pong.Down) // and it is still a player
	w.run(1)
	if got := w.directions(id).Left; got != pong.Down {
		t.Errorf("direction %d", got)
	}
}

func TestSpectatorCannotAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	watcher := w.join(7, id)
	welcome, _, _ := watcher.answers()
	if len(welcome) != 1 || welcome[0].Side != pong.NoSide || welcome[0].Rules != pong.Standard(11) {
		t.Fatalf("welcomed by %+v", welcome)
	}
	if watcher.last().Phase != pong.Playing {
		t.Error("a spectator is shown the court at once")
	}
	for range 3 {
		watcher.press(pong.Up)
		w.run(1)
	}
	if got := w.directions(id); got != (pong.Input{}) {
		t.Errorf("directions %+v", got)
	}
	if got := w.Stats().Dropped; got != (Dropped{Spectator: 3}) {
		t.Errorf("dropped %+v", got)
	}
	w.refused(w.Ready(id, 7), rally.EForbidden)
	w.refused(w.Resign(id, 7), rally.EForbidden)
	_, err := w.Rematch(id, 7, false)
	w.refused(err, rally.EForbidden)
	w.refused(w.Ready(id, 0), rally.EForbidden)
	if p := w.info(id).Players; p[0].RTT != p[1].RTT {
		t.Errorf("round-trip times %v, %v", p[0].RTT, p[1].RTT)
	}
	watcher.close()
	w.run(30)
	w.phase(id, Playing)
	if n := len(watcher.seen()); n == 0 || watcher.last().Tick >= left.last().Tick {
		t.Error("frames go to who has left")
	}
	nowhere := &person{w: w, user: 8, id: id}
	nowhere.link = w.Open(8, nowhere)
	nowhere.press(pong.Up)
	if got := w.Stats().Dropped.Spectator; got != 4 {
		t.Errorf("%d inputs of spectators dropped", got)
	}
}

func TestMalformedFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	for name, frame := range map[string][]byte{
		"nothing":           {},
		"unknown type":      {0x04, 1, 2, 3},
		"a server's frame":  pong.RefusedFrame{Reason: 1}.Append(nil),
		"input too short":   {pong.TypeInput, 0, 1, 1},
		"input too long":    append(pong.InputFrame{}.Append(nil), 0),
		"impossible input":  {pong.TypeInput, 0, 1, 2, 0, 0, 0, 0},
		"ping too short":    {pong.TypePing},
		"join of no id":     {pong.TypeJoin},
		"join of a bad id":  joinFrame("ABCDEFGHIJKL"),
		"join with a space": joinFrame("abc efghijkl"),
	} {
		if err := left.link.Receive(frame); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	w.run(2)
	w.phase(id, Playing)
	left.close()
	w.must(left.link.Receive([]byte{0xFF})) // after Close nothing matters
}

func TestJoinUnknownMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := &person{w: w, user: 1}
	p.link = w.Open(1, p)
	p.send(joinFrame(rally.NewMatchID()))
	if _, refused, _ := p.answers(); len(refused) != 1 || refused[0].Reason != pong.RefusedGone {
		t.Errorf("answered %+v", refused)
	}
	p.link.Close()
	p.link.Close()
	if n := w.Stats().Links; n != 0 {
		t.Errorf("%d links", n)
	}
}

func TestNewestLinkTakesTheSeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, old, right := w.begin(11)
	w.run(70)
	old.press(pong.Down)
	w.run(1)
	fresh := w.join(1, id)
	_, refused, _ := old.answers()
	if len(refused) != 1 || refused[0].Reason != pong.RefusedTab {
		t.Fatalf("the old link was told %+v", refused)
	}
	if welcome, _, _ := fresh.answers(); len(welcome) != 1 || welcome[0].Side != pong.Left {
		t.Fatalf("the new link was told %+v", welcome)
	}
	w.run(1)
	w.phase(id, Playing) // no pause
	if got := w.directions(id).Left; got != pong.Stay {
		t.Errorf("the old link's key is held: %d", got)
	}
	fresh.press(pong.Up)
	old.press(pong.Down)
	w.run(1)
	if got := w.directions(id).Left; got != pong.Up || w.Stats().Dropped.Spectator != 1 {
		t.Errorf("direction %d, dropped %+v", got, w.Stats().Dropped)
	}
	w.run(20)
	if old.last().Tick != right.last().Tick {
		t.Error("the old link does not watch")
	}
	old.close()
	w.run(1)
	w.phase(id, Playing) // its end is nobody's
	fresh.close()
	w.run(1)
	w.phase(id, Paused)
}

func TestRejoinOnTheSameLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	w.run(20)
	before := w.count(rally.MatchChanged, id)
	left.send(joinFrame(id))
	w.sync()
	if got := w.count(rally.MatchChanged, id) - before; got != 1 {
		t.Errorf("%d events", got)
	}
	if _, refused, _ := left.answers(); len(refused) != 0 {
		t.Errorf("the link was told %+v", refused)
	}
	left.seq = 0
	left.press(pong.Up)
	w.run(1)
	if got := w.directions(id).Left; got != pong.Up {
		t.Errorf("direction %d after joining again", got)
	}
	w.phase(id, Playing)
	var doors int
	w.inside(id, func(m *match) { doors = len(m.doors) })
	if doors != 2 {
		t.Errorf("%d doors", doors)
	}
	// Going to another match leaves this one.
	other, err := w.Create(rally.Casual, 11, [2]Entrant{entrant(5), entrant(6)})
	w.must(err)
	left.send(joinFrame(other))
	w.sync()
	w.inside(id, func(m *match) { doors = len(m.doors) })
	if doors != 1 {
		t.Errorf("%d doors", doors)
	}
}
