package pong

// Within a step, times and places are kept finer than between steps: a tick is
// 1<<fine instants, and a length is counted in 1<<fine parts of a sub-unit, so
// that a speed v moves v parts per instant. All of it stays below 31 bits.
// Names of values in parts end in F.
const (
	fine  = 12
	whole = 1 << fine
	// maxTouches bounds the bounces of a ball between a paddle's end and the
	// wall within one tick. After them it is wedged and only slides on.
	maxTouches = 8
)

// Step plays one tick with the given directions and says what happened. Both
// paddles and the ball move at once, each at constant speed through the tick.
// Once the match is over nothing changes any more.
func (s *State) Step(r *Rules, in Input) Event {
	if s.Done {
		return 0
	}
	ev := s.Predict(r, in)
	switch {
	case ev&EventPoint != 0:
		s.point(r, &ev)
	case s.Hits >= LetAfter:
		s.await(r)
		ev |= EventLet
	case !s.Live && s.Timer == 0:
		s.serve(r)
		ev |= EventServe
	}
	return ev
}

// Predict is Step without what only the server decides: at Timer 0 the ball
// goes on waiting, and a ball that goes out comes to rest at its goal line
// (no longer Live, Timer 0) while the event names the side that will score.
// The same ball flies on where Step calls a let. It is for whoever knows the state from frames alone.
func (s *State) Predict(r *Rules, in Input) Event {
	if s.Done {
		return 0
	}
	s.Steps++
	left := r.stride(s.Paddle[Left], in.Left)
	right := r.stride(s.Paddle[Right], in.Right)
	var ev Event
	if s.Live {
		if s.VX < 0 {
			ev = s.fly(r, Left, left)
		} else {
			ev = s.fly(r, Right, right)
		}
	} else if s.Timer > 0 {
		s.Timer--
	}
	s.Paddle[Left] += left
	s.Paddle[Right] += right
	return ev
}

// point counts the point that ev names and sets the ball up for the next
// serve, towards the side that lost it.
func (s *State) point(r *Rules, ev *Event) {
	winner := uint8(Left)
	if *ev&EventPointRight != 0 {
		winner = Right
	}
	s.Score[winner]++
	s.ServeTo = 1 - winner
	s.await(r)
	if int32(s.Score[winner]) >= r.Points {
		s.Done = true
		s.Timer = 0
		*ev |= EventOver
	}
}

// stride gives how far a paddle at y goes in this tick.
func (r *Rules) stride(y int32, d Dir) int32 {
	lo, hi := r.PaddleRange()
	switch {
	case d < 0:
		return max(-r.PaddleSpeed, lo-y)
	case d > 0:
		return min(r.PaddleSpeed, hi-y)
	default:
		return 0
	}
}

// fly moves the ball for one tick towards the given side, whose paddle moves
// by stride meanwhile. u is the ball's distance from that side's goal line:
// with it both sides share one formula, and a mirrored game is exactly the
// mirror of the game.
func (s *State) fly(r *Rules, side int, stride int32) (ev Event) {
	u, speed := s.BallX, -s.VX
	if side == Right {
		u, speed = CourtWidth-s.BallX, s.VX
	}
	end := u - speed
	front := r.front()
	if end > front { // open court: nothing in the way but the walls
		if s.BallY += s.VY; s.fold(r, 0) {
			ev = EventWall
		}
	} else {
		end, ev = s.meet(r, side, stride, u, speed)
	}
	if end <= r.BallHalf { // the ball's edge is on the goal line
		end = r.BallHalf
		s.Live, s.Timer, s.VX, s.VY = false, 0, 0, 0
		if side == Left {
			ev |= EventPointRight
		} else {
			ev |= EventPointLeft
		}
	}
	s.BallX = end
	if side == Right {
		s.BallX = CourtWidth - end
	}
	return ev
}

// meet moves a ball that reaches the line of the paddle's face in this tick,
// or has passed it already. It gives the ball's new distance from the goal
// line.
func (s *State) meet(r *Rules, side int, stride, u, speed int32) (end int32, ev Event) {
	front, rear := r.front(), r.rear()
	paddle, reachF := s.Paddle[side], r.Reach()<<fine
	end = u - speed
	s.BallY <<= fine
	now := int32(0)

	if u >= front {
		// Up to the line of the face. Is the paddle there at that instant?
		now = (u - front) << fine / speed
		s.BallY += s.VY * now
		if s.fold(r, fine) {
			ev |= EventWall
		}
		offsetF := s.BallY - (paddle<<fine + stride*now)
		if max(offsetF, -offsetF) <= reachF {
			if s.Hits < 255 {
				s.Hits++
			}
			vx, vy := launch(r.Speed(s.Hits), place(offsetF, reachF))
			s.VX, s.VY = vx, vy
			ev |= EventPaddleLeft
			if side == Right {
				s.VX = -vx
				ev ^= EventPaddle
			}
			s.BallY += vy * (whole - now)
			if s.fold(r, fine) {
				ev |= EventWall
			}
			s.settle()
			// Rounded towards the middle of the court, like the height.
			return (front<<fine + vx*(whole-now) + whole - 1) >> fine, ev
		}
	}

	if u > rear {
		// Beside the paddle, whose end may catch it until it is past.
		until := int32(whole)
		if end < rear {
			until = (u - rear) << fine / speed
		}
		ev |= s.beside(r, paddle<<fine+stride*now, stride, now, until)
		now = until
	}
	s.BallY += s.VY * (whole - now)
	if s.fold(r, fine) {
		ev |= EventWall
	}
	s.settle()
	return end, ev
}

// beside moves a ball, from one instant to another, that is between a wall and
// the end of a paddle; the paddle's middle is at paddleF and moves at speed.
// A touched end sends the ball away at no less than the paddle's own speed.
func (s *State) beside(r *Rules, paddleF, speed, now, until int32) (ev Event) {
	const heightF = CourtHeight << fine
	below := s.BallY > paddleF
	if below { // seen in a mirror, so that the ball is above
		s.BallY, s.VY, paddleF, speed = heightF-s.BallY, -s.VY, heightF-paddleF, -speed
	}
	wallF, reachF := r.BallHalf<<fine, r.Reach()<<fine
	for touches := 0; now < until; touches++ {
		if touches == maxTouches {
			paddleF += speed * (until - now)
			s.BallY, s.VY = min(s.BallY, paddleF-reachF), 0
			break
		}
		wait, what := until-now, Event(0)
		if s.VY < 0 {
			if t := (s.BallY - wallF) / -s.VY; t < wait {
				wait, what = t, EventWall
			}
		}
		if closing := s.VY - speed; closing > 0 {
			if t := max(paddleF-reachF-s.BallY, 0) / closing; t < wait {
				wait, what = t, EventEnd
			}
		}
		s.BallY += s.VY * wait
		paddleF += speed * wait
		now += wait
		switch what {
		case EventWall:
			s.VY = -s.VY
		case EventEnd:
			s.VY = -max(s.VY, -s.VY, speed, -speed)
		}
		ev |= what
	}
	if below {
		s.BallY, s.VY = heightF-s.BallY, -s.VY
	}
	return ev
}

// fold reflects a ball that has gone beyond a wall, and says whether it did.
// BallY is in sub-units shifted by the given bits.
func (s *State) fold(r *Rules, bits uint) bool {
	top, bottom := r.BallHalf<<bits, (CourtHeight-r.BallHalf)<<bits
	switch {
	case s.BallY < top:
		s.BallY = 2*top - s.BallY
	case s.BallY > bottom:
		s.BallY = 2*bottom - s.BallY
	default:
		return false
	}
	s.VY = -s.VY
	return true
}

// settle turns BallY from parts into sub-units, rounded towards the middle of
// the court: the same in a mirror, and never into a wall.
func (s *State) settle() {
	if s.BallY < CourtHeight/2<<fine {
		s.BallY += whole - 1
	}
	s.BallY >>= fine
}
