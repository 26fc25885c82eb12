package pong

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Rules are the sizes and speeds of one match; they do not change while it is
// played. The zero value is not playable: take Standard, or Check your own.
type Rules struct {
	Points     int32 // to win
	ServeDelay int32 // ticks the ball waits before each serve

	ServeSpeed int32 // of the ball until the first return of a rally
	FirstSpeed int32 // after the first return
	SpeedStep  int32 // added by every further return …
	SpeedCap   int32 // … up to this

	PaddleSpeed     int32
	PaddleHalf      int32 // half of a paddle's height
	PaddleHalfWidth int32
	PaddleX         int32 // from a paddle's middle line to its own goal line
	BallHalf        int32 // half of the ball's side: it is a square
}

// Standard gives the rules of an ordinary match to the given points, 1 to 99.
// A paddle is a sixth of the court's height and crosses it in 0.9 s; the ball
// goes from paddle to paddle in 1.5 s after the first return and in 0.6 s at
// the cap, twenty returns later.
func Standard(points int) Rules {
	return Rules{
		Points:          int32(min(max(points, 1), maxPoints)),
		ServeDelay:      60,
		ServeSpeed:      400,
		FirstSpeed:      520,
		SpeedStep:       40,
		SpeedCap:        1300,
		PaddleSpeed:     420,
		PaddleHalf:      2400,
		PaddleHalfWidth: 256,
		PaddleX:         1600,
		BallHalf:        320,
	}
}

// What Check allows. The speed limit keeps a ball from meeting both paddles,
// or both walls, in one tick; together with the sizes it also keeps every
// product of the step within 31 bits.
const (
	maxPoints   = 99
	maxDelay    = 600
	minSpeed    = 16
	maxSpeed    = 4096
	minBallHalf = 32
	maxBallHalf = 1024
	minPaddle   = 128  // half height
	maxPaddle   = 9600 // half height
	maxFront    = CourtWidth / 4
)

// Check says what is wrong with r, nil if it can be played.
func (r *Rules) Check() error {
	within := func(name string, v, lo, hi int32) error {
		if v < lo || v > hi {
			return fmt.Errorf("pong: rules: %s is %d, not within %d and %d", name, v, lo, hi)
		}
		return nil
	}
	if err := errors.Join(
		within("points", r.Points, 1, maxPoints),
		within("serve delay", r.ServeDelay, 1, maxDelay),
		within("serve speed", r.ServeSpeed, minSpeed, maxSpeed),
		within("first speed", r.FirstSpeed, r.ServeSpeed, maxSpeed),
		within("speed step", r.SpeedStep, 0, maxSpeed),
		within("speed cap", r.SpeedCap, r.FirstSpeed, maxSpeed),
		within("paddle speed", r.PaddleSpeed, 1, maxSpeed),
		within("ball half", r.BallHalf, minBallHalf, maxBallHalf),
		within("paddle half", r.PaddleHalf, minPaddle, maxPaddle),
		within("paddle half width", r.PaddleHalfWidth, 1, maxFront),
		within("paddle x", r.PaddleX, 1, maxFront),
	); err != nil {
		return err
	}
	return errors.Join(
		within("rear of the paddle", r.rear(), r.BallHalf, maxFront),
		within("front of the paddle", r.front(), r.BallHalf, maxFront),
	)
}

// RulesLen is the length of encoded rules, in bytes.
const RulesLen = 22

const rulesVersion = 1

// AppendBinary appends the RulesLen bytes of r to dst: a version and the
// fields in the order of the struct, big-endian (points in one byte, all else
// in two). The error is always nil; it makes r an encoding.BinaryAppender.
func (r Rules) AppendBinary(dst []byte) ([]byte, error) {
	dst = append(dst, rulesVersion, byte(r.Points))
	for _, v := range [...]int32{
		r.ServeDelay, r.ServeSpeed, r.FirstSpeed, r.SpeedStep, r.SpeedCap,
		r.PaddleSpeed, r.PaddleHalf, r.PaddleHalfWidth, r.PaddleX, r.BallHalf,
	} {
		dst = binary.BigEndian.AppendUint16(dst, uint16(v))
	}
	return dst, nil
}

// ParseRules decodes what AppendBinary gives, and checks it.
func ParseRules(b []byte) (Rules, error) {
	if len(b) != RulesLen {
		return Rules{}, fmt.Errorf("pong: rules of %d bytes, not %d", len(b), RulesLen)
	}
	if b[0] != rulesVersion {
		return Rules{}, fmt.Errorf("pong: rules of version %d, not %d", b[0], rulesVersion)
	}
	at := func(i int) int32 { return int32(binary.BigEndian.Uint16(b[i:])) }
	r := Rules{
		Points: int32(b[1]), ServeDelay: at(2),
		ServeSpeed: at(4), FirstSpeed: at(6), SpeedStep: at(8), SpeedCap: at(10),
		PaddleSpeed: at(12), PaddleHalf: at(14), PaddleHalfWidth: at(16), PaddleX: at(18), BallHalf: at(20),
	}
	if err := r.Check(); err != nil {
		return Rules{}, err
	}
	return r, nil
}

// PaddleRange gives the smallest and the largest y of a paddle's middle. A
// paddle leaves exactly the ball's height between its end and the wall: the
// ball is never crushed there, and one that slides along the wall is still
// within reach.
func (r *Rules) PaddleRange() (lo, hi int32) {
	lo = r.PaddleHalf + 2*r.BallHalf
	return lo, CourtHeight - lo
}

// Speed gives the ball's speed after so many returns in a rally.
func (r *Rules) Speed(hits uint8) int32 {
	if hits == 0 {
		return r.ServeSpeed
	}
	return min(r.FirstSpeed+int32(hits-1)*r.SpeedStep, r.SpeedCap)
}

// Reach is how far the ball's middle may be from the paddle's, vertically,
// and still touch it.
func (r *Rules) Reach() int32 { return r.PaddleHalf + r.BallHalf }

// front and rear are how far from its goal line the ball's middle is when the
// ball touches the paddle's face, and when it has left the paddle behind.
func (r *Rules) front() int32 { return r.PaddleX + r.PaddleHalfWidth + r.BallHalf }
func (r *Rules) rear() int32  { return r.PaddleX - r.PaddleHalfWidth - r.BallHalf }
