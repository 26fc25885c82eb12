package match

import (
	"testing"

	"pgregory.net/rapid"

	"rally"
	"rally/pong"
)

// What a client works out from its last frame is right until the next one, in
// every tick of a whole match; and there are no more frames than that takes,
// but four keyframes a second.
func TestFramesOnlyWhenPredictionBreaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, right := w.begin(3)
	rules := pong.Standard(3)
	var frame pong.Frame // the last one
	var predicted pong.State
	expect := len(left.seen()) // frames there should have been
	score, quiet, events := [2]uint8{}, uint32(0), 0
	before := left.last()
	frame, predicted = before, before.State()
	dirs := []pong.Dir{pong.Up, pong.Stay, pong.Down, pong.Stay}
	for n := 0; w.info(id).Phase == Playing; n++ {
		if n > 60_000 {
			t.Fatal("the match does not end")
		}
		turned := n%23 == 0
		if turned {
			left.press(dirs[n/23%4])
		}
		// What the step will do is worked out from the real state.
		var event pong.Event
		w.inside(id, func(m *match) {
			s, in := m.state, m.dirs
			if turned {
				in.Left = dirs[n/23%4]
			}
			event = s.Step(m.rules, in)
			score = s.Score
		})
		w.run(1)
		quiet++
		if turned || event.Has(pong.EventTurn) || quiet == keyframeEvery {
			if event.Has(pong.EventTurn) {
				events++
			}
			expect, quiet = expect+1, 0
		}
		frames := left.seen()
		if len(frames) != expect {
			t.Fatalf("tick %d: %d frames, want %d", n, len(frames), expect)
		}
		if quiet == 0 {
			frame = frames[len(frames)-1]
			predicted = frame.State()
		} else {
			predicted.Predict(&rules, pong.Input{Left: frame.Dir[0], Right: frame.Dir[1]})
		}
		var got pong.State
		w.inside(id, func(m *match) { got = m.state })
		if !got.Done && (got.BallX != predicted.BallX || got.BallY != predicted.BallY ||
			got.Paddle != predicted.Paddle || got.Timer != predicted.Timer || got.Live != predicted.Live) {
			t.Fatalf("tick %d: a client believes %+v, it is %+v", n, predicted, got)
		}
	}
	if events == 0 || right.last().Score != score || right.last().Phase != pong.Over {
		t.Errorf("%d events; the last frame is %+v, the score %v", events, right.last(), score)
	}
}

func TestKeyframes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Rated, 11)
	left, right := w.join(1, id), w.join(2, id)
	w.run(3)
	before := len(left.seen())
	w.run(60)
	if got := len(left.seen()) - before; got != 4 {
		t.Errorf("%d frames in a second of waiting", got)
	}
	if f := left.last(); f.Phase != pong.Waiting || f.Timer == 0 || f.Timer > 1200 {
		t.Errorf("told %+v", f)
	}
	w.must(w.Ready(id, 1), w.Ready(id, 2))
	w.run(2)
	before = len(left.seen())
	w.run(150)
	if got := len(left.seen()) - before; got != 10 {
		t.Errorf("%d frames in 2.5 s of countdown", got)
	}
	w.run(40)
	right.close()
	w.run(2)
	before = len(left.seen())
	w.run(60)
	if got := len(left.seen()) - before; got != 4 {
		t.Errorf("%d frames in a second of pause", got)
	}
	if f := left.last(); f.Phase != pong.Paused || f.Timer < 1700 || f.Timer > 1800 || !f.Absent[1] {
		t.Errorf("told %+v", f)
	}
	left.close()
	w.run(60)
	left = w.join(1, id)
	if f := left.last(); f.Timer < 1600 || f.Timer >= 1700 {
		t.Errorf("while the other one is away, told %+v", f)
	}
}

// Events are for pages: they come with a change, not with a tick.
func TestEventsComeWithChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Rated, 11)
	step := func(what string, want int, do func()) {
		t.Helper()
		before := w.count(rally.MatchChanged, id)
		do()
		w.sync()
		if got := w.count(rally.MatchChanged, id) - before; got != want {
			t.Errorf("%s: %d events, want %d", what, got, want)
		}
	}
	step("waiting", 0, func() { w.run(100) })
	step("one comes", 1, func() { w.join(1, id) })
	step("two comes", 1, func() { w.join(2, id) })
	step("one is ready", 1, func() { w.must(w.Ready(id, 1)) })
	step("again", 0, func() { w.must(w.Ready(id, 1)) })
	step("two is ready", 1, func() { w.must(w.Ready(id, 2)) })
	step("countdown", 1, func() { w.run(1) })
	step("play", 1, func() { w.run(180) })
	step("playing", 0, func() { w.run(90) })
	step("a spectator comes and goes", 0, func() { w.join(3, id).close() })
	left := w.people[1]
	step("somebody is lost", 1, func() { left.close() })
	step("and that pauses", 1, func() { w.run(1) })
	step("pausing", 0, func() { w.run(30) })
	step("resigned and stored", 2, func() {
		w.must(w.Resign(id, 1))
		w.stored(id)
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if len(e.Users) != 2 || e.Users[0] != 1 || e.Users[1] != 2 {
			t.Errorf("%s is for %v", e.Kind, e.Users)
		}
	}
}

// Whatever a connection sends, the server neither panics nor moves a paddle
// that is not the sender's.
func TestAnyFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(99)
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			kind := rapid.SampledFrom([]byte{pong.TypeInput, pong.TypePing, pong.TypeJoin, pong.TypeState, 0}).Draw(t, "type")
			frame := append([]byte{kind}, rapid.SliceOfN(rapid.Byte(), 0, 16).Draw(t, "frame")...)
			_ = left.link.Receive(frame)
		}
		w.clock.advance(tick)
		if got := w.directions(id).Right; got != pong.Stay {
			t.Fatalf("the right paddle was told to go %d", got)
		}
	})
}
