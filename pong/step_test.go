package pong_test

import (
	"testing"

	"pgregory.net/rapid"

	"rally/pong"
)

func TestBallStaysInTheCourt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		s := drawLive(t, &r)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			s.Step(&r, drawInput(t))
			if s.BallX < r.BallHalf || s.BallX > pong.CourtWidth-r.BallHalf ||
				s.BallY < r.BallHalf || s.BallY > pong.CourtHeight-r.BallHalf {
				t.Fatalf("the ball left the court: %+v", s)
			}
			lo, hi := r.PaddleRange()
			for side := range s.Paddle {
				if s.Paddle[side] < lo || s.Paddle[side] > hi {
					t.Fatalf("paddle %d is out of its range: %+v", side, s)
				}
			}
		}
	})
}

func TestBallIsNeverInsideAPaddle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		s := drawLive(t, &r)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			before := s
			in := drawInput(t)
			s.Step(&r, in)
			if inside(&r, s.BallX, s.BallY-s.Paddle[0]) || inside(&r, pong.CourtWidth-s.BallX, s.BallY-s.Paddle[1]) {
				t.Fatalf("the ball is inside a paddle\nbefore %+v\n%+v\nafter  %+v", before, in, s)
			}
		}
	})
}

// TestFaceReturnsWhatItCovers compares the step with plain geometry: where are
// ball and paddle at the instant the ball reaches the line of the face?
func TestFaceReturnsWhatItCovers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		s := drawLive(t, &r)
		in := drawInput(t)
		side, dir, u := pong.Right, in.Right, pong.CourtWidth-s.BallX
		if s.VX < 0 {
			side, dir, u = pong.Left, in.Left, s.BallX
		}
		front := r.PaddleX + r.PaddleHalfWidth + r.BallHalf
		lo, hi := r.PaddleRange()
		crosses := u >= front && u-abs(s.VX) <= front
		part := 1.0      // of the tick that passes until then
		var miss float64 // how far the ball is off the paddle's reach, negative when covered
		if crosses {
			part = float64(u-front) / float64(abs(s.VX))
			to := min(max(s.Paddle[side]+int32(dir)*r.PaddleSpeed, lo), hi)
			paddle := float64(s.Paddle[side]) + part*float64(to-s.Paddle[side])
			y := float64(s.BallY) + part*float64(s.VY)
			top, bottom := float64(r.BallHalf), float64(pong.CourtHeight-r.BallHalf)
			if y < top {
				y = 2*top - y
			} else if y > bottom {
				y = 2*bottom - y
			}
			miss = max(y-paddle, paddle-y) - float64(r.PaddleHalf+r.BallHalf)
		}
		vx, hits := s.VX, s.Hits
		ev := s.Step(&r, in)
		returned := ev.Has(pong.EventPaddle)
		const slack = 3 // sub-units: times are exact to 1/4096 of a tick
		switch {
		case returned && !crosses:
			t.Fatalf("returned without touching the face: %+v", s)
		case returned && miss > slack:
			t.Fatalf("returned though the paddle was %.1f sub-units away: %+v", miss, s)
		case !returned && crosses && miss < -slack:
			t.Fatalf("went through the paddle, %.1f sub-units deep in its reach: %+v", -miss, s)
		case returned && (s.VX > 0) == (vx > 0):
			t.Fatalf("returned, and flies on in the same direction: %+v", s)
		case returned && s.Hits != hits+1:
			t.Fatalf("one return, and hits went from %d to %d", hits, s.Hits)
		case returned && ev.Has(pong.EventPaddleLeft) != (side == pong.Left):
			t.Fatalf("returned by the wrong side: %b", ev)
		case returned:
			if s.BallX > pong.CourtWidth/2 {
				s = mirrored(s)
			}
			want := float64(front) + float64(s.VX)*(1-part)
			if s.BallX < front || float64(s.BallX) < want-slack || float64(s.BallX) > want+slack {
				t.Fatalf("returned to %d, not %.1f", s.BallX, want)
			}
		}
	})
}

// TestEndsCatchWhatTheyMeet compares the step with plain geometry for a ball
// beside a paddle: does the gap between them close before the ball is past?
func TestEndsCatchWhatTheyMeet(t *testing.T) {
	t.Parallel()
	met := 0
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		s := drawLive(t, &r)
		in := drawInput(t)
		front, rear := r.PaddleX+r.PaddleHalfWidth+r.BallHalf, r.PaddleX-r.PaddleHalfWidth-r.BallHalf
		lo, hi := r.PaddleRange()
		u := rapid.Int32Range(rear+1, front-1).Draw(t, "beside")
		side, dir := pong.Right, in.Right
		if s.BallX = pong.CourtWidth - u; s.VX < 0 {
			side, dir, s.BallX = pong.Left, in.Left, u
		}
		s.BallY = drawAtEnd(t, &r, s.Paddle[side])
		if s.BallY+s.VY < r.BallHalf || s.BallY+s.VY > pong.CourtHeight-r.BallHalf {
			return // off the wall as well: another test's subject
		}
		stride := min(max(s.Paddle[side]+int32(dir)*r.PaddleSpeed, lo), hi) - s.Paddle[side]
		part := min(1, float64(u-rear)/float64(abs(s.VX)))
		gap := float64(abs(s.BallY-s.Paddle[side]) - r.Reach())
		away := 1.0 // the sign of leading away from the paddle
		if s.BallY < s.Paddle[side] {
			away = -1
		}
		left := gap + away*float64(s.VY-stride)*part // of the gap, if nothing happens
		before := s
		ev := s.Predict(&r, in)
		const slack = 3
		switch touched := ev.Has(pong.EventEnd); {
		case touched && left > slack:
			t.Fatalf("pushed across a gap of %.1f: %+v", left, before)
		case !touched && left < -slack:
			t.Fatalf("went %.1f deep into the end: %+v", -left, before)
		case touched:
			met++
			if s.Live && !ev.Has(pong.EventWall) && (away*float64(s.VY) < float64(abs(stride)) || abs(s.VY) < abs(before.VY)) {
				t.Fatalf("the end, moving by %d, turned vy from %d to %d", stride, before.VY, s.VY)
			}
			if s.VX != before.VX && s.Live || s.Hits != before.Hits {
				t.Fatalf("an end is no return: %+v", s)
			}
		}
	})
	if met == 0 {
		t.Error("no ball met an end")
	}
}

func TestSpeedChangesOnlyAtPaddles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		s := drawLive(t, &r)
		if s.Hits > 0 {
			// As fast as the rally made it: what a paddle gives must not be less.
			s.VX = max(min(s.VX, r.Speed(s.Hits)/2), -r.Speed(s.Hits)/2)
			s.VY = 0
		}
		square := func(s *pong.State) int64 {
			return int64(s.VX)*int64(s.VX) + int64(s.VY)*int64(s.VY)
		}
		before := s
		in := drawInput(t)
		ev := s.Predict(&r, in)
		switch {
		case ev.Has(pong.EventPoint | pong.EventEnd):
		case ev.Has(pong.EventPaddle):
			want := int64(r.Speed(s.Hits))
			if got := square(&s); got < (want-1)*(want-1) || got > (want+1)*(want+1) {
				t.Fatalf("after return %d the speed squared is %d, not about %d²", s.Hits, got, want)
			}
			if r.Speed(s.Hits) < r.Speed(before.Hits) {
				t.Fatalf("return %d is slower than the one before", s.Hits)
			}
		case s.VX != before.VX || abs(s.VY) != abs(before.VY):
			t.Fatalf("the speed changed without a paddle\nbefore %+v\nafter  %+v", before, s)
		case s.BallX != before.BallX+s.VX:
			t.Fatalf("the ball did not fly on evenly\nbefore %+v\nafter  %+v", before, s)
		case !ev.Has(pong.EventWall):
			if s.BallY != before.BallY+s.VY {
				t.Fatalf("the ball did not fly straight\nbefore %+v\nafter  %+v", before, s)
			}
		default:
			wall := r.BallHalf
			if s.VY < 0 {
				wall = pong.CourtHeight - r.BallHalf
			}
			if want := 2*wall - (before.BallY + before.VY); abs(s.BallY-want) > 2 { // times are exact to 1/4096 of a tick
				t.Fatalf("off the wall to %d, not %d\nbefore %+v\nafter  %+v", s.BallY, want, before, s)
			}
		}
	})
}

func TestLeftAndRightAreMirrorImages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		a := drawLive(t, &r)
		b := mirrored(a)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			in := drawInput(t)
			evA := a.Step(&r, in)
			evB := b.Step(&r, pong.Input{Left: in.Right, Right: in.Left})
			if m := mirrored(a); m != b || mirroredEvent(evA) != evB {
				t.Fatalf("not a mirror image\nwant %+v (%b)\ngot  %+v (%b)", m, mirroredEvent(evA), b, evB)
			}
		}
	})
}

func TestTopAndBottomAreMirrorImages(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		a := drawLive(t, &r)
		b := flipped(a)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			in := drawInput(t)
			evA := a.Predict(&r, in)
			evB := b.Predict(&r, pong.Input{Left: -in.Left, Right: -in.Right})
			if m := flipped(a); m != b || evA != evB {
				t.Fatalf("not a mirror image\nwant %+v (%b)\ngot  %+v (%b)", m, evA, b, evB)
			}
		}
	})
}

func TestSameInputsSameHash(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t)
		seed := rapid.Uint64().Draw(t, "seed")
		a, b := pong.New(r, seed), pong.New(r, seed)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			in := drawInput(t)
			a.Step(&r, in)
			b.Step(&r, in)
		}
		if a != b || a.Hash() != b.Hash() {
			t.Fatalf("%+v (%x)\n%+v (%x)", a, a.Hash(), b, b.Hash())
		}
		c := b
		switch rapid.IntRange(0, 5).Draw(t, "change") {
		case 0:
			c.BallX++
		case 1:
			c.Dice++
		case 2:
			c.Score[1]++
		case 3:
			c.Live = !c.Live
		case 4:
			c.Timer++
		case 5:
			c.Paddle[0]--
		}
		if c.Hash() == b.Hash() {
			t.Fatalf("different states, same hash: %+v %+v", b, c)
		}
	})
}

// TestPredictIsStepWithoutTheServersPart lets a client that has one frame run
// beside the server until a serve or a point.
func TestPredictIsStepWithoutTheServersPart(t *testing.T) {
	t.Parallel()
	r := pong.Standard(5)
	var client pong.State
	known := false
	compared := 0
	playGame(r, 42, 2600, func(in pong.Input, s pong.State, ev pong.Event) {
		if known {
			predicted := client.Predict(&r, in)
			switch {
			case ev.Has(pong.EventPoint):
				if client.Live || predicted&pong.EventPoint != ev&pong.EventPoint {
					t.Errorf("the client did not see the point: %+v, %b", client, predicted)
				}
				known = false
			case ev.Has(pong.EventServe):
				if client.Live || client.Timer != 0 {
					t.Errorf("the client did not wait for the serve: %+v", client)
				}
				known = false
			default:
				want := s
				want.Dice, want.ServeTo, want.Steps = 0, 0, client.Steps
				if client != want || predicted != ev {
					t.Fatalf("step %d: client has %+v (%b), server %+v (%b)", s.Steps, client, predicted, want, ev)
				}
				compared++
			}
		}
		if !known {
			f := pong.Frame{Phase: pong.Playing}
			f.Show(&s)
			client, known = f.State(), true
		}
	})
	if compared < 1000 {
		t.Errorf("only %d steps were compared", compared)
	}
}

// TestSqueezedBallGetsOut holds a paddle against a ball in the gap between it
// and the wall, slowly enough to be there for many ticks.
func TestSqueezedBallGetsOut(t *testing.T) {
	t.Parallel()
	for _, dir := range []pong.Dir{pong.Up, pong.Down} {
		r := pong.Standard(1)
		r.PaddleHalfWidth = 2000
		r.PaddleX = 4000
		s := pong.State{Live: true, VX: -100, VY: 1300, BallX: r.PaddleX, Paddle: [2]int32{pong.CourtHeight / 2, pong.CourtHeight / 2}}
		s.BallY = s.Paddle[0] + int32(dir)*(r.Reach()+r.PaddleSpeed)
		touched := 0
		for range 100 {
			ev := s.Step(&r, pong.Input{Left: dir})
			if ev.Has(pong.EventEnd) {
				touched++
			}
			if ev.Has(pong.EventPoint) {
				break
			}
		}
		if touched == 0 || s.Score[1] != 1 {
			t.Errorf("direction %d: end touched %d times, %+v", dir, touched, s)
		}
	}
}

// TestWedgedBallSlidesOn lets a paddle close the gap to the wall on a ball that
// is fast enough to bounce there more than a step cares to follow.
func TestWedgedBallSlidesOn(t *testing.T) {
	t.Parallel()
	r := pong.Standard(1)
	r.PaddleHalfWidth, r.PaddleX = 2000, 4000
	top, bottom := r.PaddleRange()
	for paddle, dir := range map[int32]pong.Dir{top + 100: pong.Up, bottom - 100: pong.Down} {
		s := pong.State{Live: true, VX: -100, VY: 1300, BallX: r.PaddleX, Paddle: [2]int32{paddle, paddle}}
		s.BallY = paddle + int32(dir)*(r.Reach()+50)
		for range 3 {
			s.Step(&r, pong.Input{Left: dir})
			if gap := abs(s.BallY-s.Paddle[0]) - r.Reach(); gap != 0 {
				t.Fatalf("a gap of %d to the closed end: %+v", gap, s)
			}
		}
		if s.VY != 0 || s.VX != -100 {
			t.Errorf("wedged, and its velocity is %d, %d", s.VX, s.VY)
		}
	}
}

func TestPaddleReachesABallOnTheWall(t *testing.T) {
	t.Parallel()
	for _, y := range []int32{320, pong.CourtHeight - 320} {
		r := pong.Standard(1)
		lo, hi := r.PaddleRange()
		s := pong.State{Live: true, VX: -1300, BallX: 5000, BallY: y, Paddle: [2]int32{lo, lo}}
		if y > pong.CourtHeight/2 {
			s.Paddle[0] = hi
		}
		var all pong.Event
		for range 4 {
			all |= s.Step(&r, pong.Input{})
		}
		if !all.Has(pong.EventPaddleLeft) {
			t.Errorf("a ball along the wall at %d was not returned: %+v", y, s)
		}
	}
}

func TestServeGoesToWhoLostThePoint(t *testing.T) {
	t.Parallel()
	r := pong.Standard(11)
	var to [2]int
	for seed := range uint64(200) {
		s := pong.New(r, seed)
		if s.BallX != pong.CourtWidth/2 || s.BallY < pong.CourtHeight/4 || s.BallY > pong.CourtHeight*3/4 {
			t.Fatalf("the ball waits at %d, %d", s.BallX, s.BallY)
		}
		steps := int32(0)
		for !s.Step(&r, pong.Input{}).Has(pong.EventServe) {
			steps++
		}
		if steps+1 != r.ServeDelay {
			t.Fatalf("served after %d steps, not %d", steps+1, r.ServeDelay)
		}
		if (s.VX < 0) != (s.ServeTo == pong.Left) {
			t.Fatalf("served the wrong way: %+v", s)
		}
		to[s.ServeTo]++
		for !s.Step(&r, pong.Input{Left: pong.Up, Right: pong.Up}).Has(pong.EventPoint | pong.EventLet) {
		}
		if s.Score == [2]uint8{} {
			continue // a let: the ball found a way between the paddles
		}
		if loser := int(s.ServeTo); s.Score[1-loser] != 1 || s.Score[loser] != 0 {
			t.Fatalf("the next serve goes to %d at %v", loser, s.Score)
		}
	}
	if to[0] < 60 || to[1] < 60 {
		t.Errorf("of 200 first serves %v went left and right", to)
	}
}

func TestSpeedRisesToItsCap(t *testing.T) {
	t.Parallel()
	r := pong.Standard(11)
	for hits := range uint8(255) {
		if r.Speed(hits+1) < r.Speed(hits) {
			t.Errorf("return %d is slower than %d", hits+1, hits)
		}
	}
	if r.Speed(0) != 400 || r.Speed(1) != 520 || r.Speed(20) != 1280 || r.Speed(21) != 1300 || r.Speed(255) != 1300 {
		t.Errorf("speeds are %d %d … %d %d %d", r.Speed(0), r.Speed(1), r.Speed(20), r.Speed(21), r.Speed(255))
	}
}

// TestPlaceDecidesTheAngle lets the ball meet the paddle level, ever lower on
// its face.
func TestPlaceDecidesTheAngle(t *testing.T) {
	t.Parallel()
	r := pong.Standard(1)
	seen := map[int32]bool{}
	steepest := int32(0)
	last := int32(-1 << 30)
	for offset := -r.Reach(); offset <= r.Reach(); offset += 10 {
		s := pong.State{Live: true, VX: 400, BallX: 48800, BallY: 14400 + offset, Paddle: [2]int32{14400, 14400}}
		if !s.Step(&r, pong.Input{}).Has(pong.EventPaddleRight) {
			t.Fatalf("missed at offset %d", offset)
		}
		if s.VY < last {
			t.Errorf("offset %d sends the ball up more than a smaller one", offset)
		}
		last = s.VY
		seen[s.VY] = true
		steepest = max(steepest, abs(s.VY))
		if s.VX >= 0 || abs(s.VX) < r.FirstSpeed/2 {
			t.Errorf("offset %d: vx is %d", offset, s.VX)
		}
	}
	if len(seen) != 17 || steepest != 450 {
		t.Errorf("%d angles, steepest vy %d; want 17, and 450 (520 sin 60°)", len(seen), steepest)
	}
}

// TestIdleMatchEnds leaves both paddles alone: some serves are then returned
// for ever, always from the same two places.
func TestIdleMatchEnds(t *testing.T) {
	t.Parallel()
	r := pong.Standard(11)
	lets := 0
	for seed := range uint64(20) {
		s := pong.New(r, seed)
		for !s.Over() {
			to, ev := s.ServeTo, s.Step(&r, pong.Input{})
			if ev.Has(pong.EventLet) {
				lets++
				if s.Live || s.Hits != 0 || s.ServeTo != to || int32(s.Timer) != r.ServeDelay {
					t.Fatalf("after a let: %+v", s)
				}
			}
			if s.Steps > 60*60*60*4 {
				t.Fatalf("seed %d: still at %v after four hours", seed, s.Score)
			}
		}
	}
	if lets == 0 {
		t.Error("no rally went on for ever: what is the let for?")
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	r := pong.Standard(11)
	s := pong.New(r, 7)
	start := s
	n := testing.AllocsPerRun(20000, func() {
		s.Step(&r, pong.Input{Left: pong.Up, Right: pong.Down})
		if s.Over() {
			s = start
		}
		_ = s.Hash()
	})
	if n != 0 {
		t.Errorf("a step allocates %v times", n)
	}
}

func BenchmarkStep(b *testing.B) {
	r := pong.Standard(11)
	var inputs []pong.Input
	playGame(r, 3, 2600, func(in pong.Input, _ pong.State, _ pong.Event) { inputs = append(inputs, in) })
	start := pong.New(r, 3)
	s, i := start, 0
	b.ReportAllocs()
	for b.Loop() {
		if i == len(inputs) {
			s, i = start, 0
		}
		s.Step(&r, inputs[i])
		i++
	}
}

// BenchmarkMeet is the dearest step: the ball meets a paddle, then its end.
func BenchmarkMeet(b *testing.B) {
	r := pong.Standard(11)
	for name, y := range map[string]int32{"face": 14400, "end": 14400 + 2730} {
		start := pong.State{Live: true, VX: -1000, VY: -300, BallX: 2300, BallY: y, Paddle: [2]int32{14400, 14400}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := start
				s.Step(&r, pong.Input{Left: pong.Down})
			}
		})
	}
}
