package pong_test

import (
	"fmt"

	"pgregory.net/rapid"

	"rally/pong"
)

// drawRules gives any rules that Check allows.
func drawRules(t *rapid.T) pong.Rules {
	in := func(name string, lo, hi int32) int32 { return rapid.Int32Range(lo, hi).Draw(t, name) }
	r := pong.Rules{
		Points:          in("points", 1, 99),
		ServeDelay:      in("serve delay", 1, 600),
		ServeSpeed:      in("serve speed", 16, 4096),
		SpeedStep:       in("speed step", 0, 4096),
		PaddleSpeed:     in("paddle speed", 1, 4096),
		PaddleHalf:      in("paddle half", 128, 9600),
		PaddleHalfWidth: in("paddle half width", 1, 2000),
		BallHalf:        in("ball half", 32, 1024),
	}
	r.FirstSpeed = in("first speed", r.ServeSpeed, 4096)
	r.SpeedCap = in("speed cap", r.FirstSpeed, 4096)
	near := r.PaddleHalfWidth + 2*r.BallHalf
	r.PaddleX = in("paddle x", near, pong.CourtWidth/4-near)
	if err := r.Check(); err != nil {
		t.Fatalf("drawn rules: %v", err)
	}
	return r
}

// drawLive gives a state with the ball in flight, anywhere it may be, at any
// speed the rules allow: on the open court as a paddle sends it, beside or
// behind a paddle also as a paddle's end may.
func drawLive(t *rapid.T, r *pong.Rules) pong.State {
	in := func(name string, lo, hi int32) int32 { return rapid.Int32Range(lo, hi).Draw(t, name) }
	lo, hi := r.PaddleRange()
	s := pong.State{
		Live:   true,
		Hits:   uint8(in("hits", 0, pong.LetAfter-2)),
		Paddle: [2]int32{in("left", lo, hi), in("right", lo, hi)},
		BallY:  in("y", r.BallHalf, pong.CourtHeight-r.BallHalf),
		VX:     in("vx", r.ServeSpeed/2, r.SpeedCap),
		VY:     in("vy", -r.SpeedCap, r.SpeedCap),
		Dice:   rapid.Uint64().Draw(t, "dice"),
	}
	// Mostly near a paddle: that is where things happen.
	front := r.PaddleX + r.PaddleHalfWidth + r.BallHalf
	u := in("u", r.BallHalf+1, front+2*s.VX)
	if rapid.Bool().Draw(t, "open court") {
		u = in("u", front, pong.CourtWidth-front)
	}
	u = min(u, pong.CourtWidth-front)
	side := rapid.IntRange(0, 1).Draw(t, "towards")
	if rapid.Bool().Draw(t, "at an end") {
		s.BallY = drawAtEnd(t, r, s.Paddle[side])
	}
	if inside(r, u, s.BallY-s.Paddle[side]) {
		u = front
	}
	if s.BallX = u; side == pong.Left {
		s.VX = -s.VX
	} else {
		s.BallX = pong.CourtWidth - u
	}
	return s
}

// drawAtEnd gives a height for a ball that is not far above or below a paddle.
func drawAtEnd(t *rapid.T, r *pong.Rules, paddle int32) int32 {
	off := r.Reach() + rapid.Int32Range(0, 2000).Draw(t, "gap")
	if rapid.Bool().Draw(t, "above") {
		off = -off
	}
	return min(max(paddle+off, r.BallHalf), pong.CourtHeight-r.BallHalf)
}

// inside says whether a ball at distance u from a goal line, and dy off the
// paddle's middle, overlaps the paddle.
func inside(r *pong.Rules, u, dy int32) bool {
	return abs(u-r.PaddleX) < r.PaddleHalfWidth+r.BallHalf && abs(dy) < r.PaddleHalf+r.BallHalf
}

func drawDir(t *rapid.T, name string) pong.Dir {
	return pong.Dir(rapid.Int8Range(-1, 1).Draw(t, name))
}

func drawInput(t *rapid.T) pong.Input {
	return pong.Input{Left: drawDir(t, "left goes"), Right: drawDir(t, "right goes")}
}

// mirrored gives s with left and right exchanged.
func mirrored(s pong.State) pong.State {
	s.BallX, s.VX = pong.CourtWidth-s.BallX, -s.VX
	s.Paddle[0], s.Paddle[1] = s.Paddle[1], s.Paddle[0]
	s.Score[0], s.Score[1] = s.Score[1], s.Score[0]
	s.ServeTo = 1 - s.ServeTo
	return s
}

// flipped gives s with top and bottom exchanged.
func flipped(s pong.State) pong.State {
	s.BallY, s.VY = pong.CourtHeight-s.BallY, -s.VY
	s.Paddle[0], s.Paddle[1] = pong.CourtHeight-s.Paddle[0], pong.CourtHeight-s.Paddle[1]
	return s
}

// mirroredEvent gives ev with left and right exchanged.
func mirroredEvent(ev pong.Event) pong.Event {
	for _, pair := range []pong.Event{pong.EventPaddle, pong.EventPoint} {
		if both := ev & pair; both != 0 && both != pair {
			ev ^= pair
		}
	}
	return ev
}

// player is a deterministic test player: it follows the ball, aiming each
// return at another place of its paddle and now and then beside it.
type player struct {
	dice  uint32
	wild  int32 // how far off it may aim, in sub-units
	aim   int32
	rally uint8
}

func (p *player) roll(n int32) int32 {
	p.dice = p.dice*1664525 + 1013904223
	return int32(p.dice >> 8 % uint32(n))
}

func (p *player) input(r *pong.Rules, s *pong.State, side int) pong.Dir {
	if p.rally != s.Hits || p.aim == 0 {
		p.rally = s.Hits
		p.aim = p.roll(2*p.wild+1) - p.wild
	}
	switch d := s.BallY + p.aim - s.Paddle[side]; {
	case d > r.PaddleSpeed:
		return pong.Down
	case d < -r.PaddleSpeed:
		return pong.Up
	default:
		return pong.Stay
	}
}

// playGame plays a whole match between two test players and calls each with
// every step.
func playGame(r pong.Rules, seed uint64, wild int32, each func(in pong.Input, s pong.State, ev pong.Event)) pong.State {
	s := pong.New(r, seed)
	players := [2]player{{dice: uint32(seed), wild: wild}, {dice: uint32(seed >> 32), wild: wild}}
	for !s.Over() {
		in := pong.Input{Left: players[0].input(&r, &s, 0), Right: players[1].input(&r, &s, 1)}
		ev := s.Step(&r, in)
		if each != nil {
			each(in, s, ev)
		}
		if s.Steps > 60*60*60 {
			panic(fmt.Sprintf("game of seed %d does not end", seed))
		}
	}
	return s
}

func abs(v int32) int32 { return max(v, -v) }
