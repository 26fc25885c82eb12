package pong

import "encoding/binary"

// State is everything there is to know of a match in play. It is a plain
// value: comparable, copied by assignment.
type State struct {
	Steps uint32 // taken since New

	Live         bool  // the ball is in play; else it waits at BallX, BallY
	BallX, BallY int32 // its middle
	VX, VY       int32 // per tick
	Hits         uint8 // returns in this rally, saturates at 255

	Paddle [2]int32 // y of the middles, by side
	Score  [2]uint8 // by side

	Timer   uint16 // steps until the serve, while the ball waits
	ServeTo uint8  // the side the next serve goes to
	Done    bool   // somebody has won; Step does nothing any more

	// Dice is the state of the generator behind the serves (splitmix64). It
	// never leaves the server while the match is played.
	Dice uint64
}

// New gives the state before the first serve. The seed decides every serve:
// the side of the first, and height and angle of all.
func New(r Rules, seed uint64) State {
	s := State{Dice: seed}
	s.Paddle = [2]int32{CourtHeight / 2, CourtHeight / 2}
	s.ServeTo = uint8(s.roll(2))
	s.await(&r)
	return s
}

// Over says whether the match has been won.
func (s *State) Over() bool { return s.Done }

// Winner gives the side that has won, -1 while nobody has.
func (s *State) Winner() int8 {
	switch {
	case !s.Done:
		return -1
	case s.Score[Left] > s.Score[Right]:
		return Left
	default:
		return Right
	}
}

// Hash gives the FNV-1a hash of the state's fields in a fixed order and width.
// Equal states have equal hashes, on every machine.
func (s *State) Hash() uint64 {
	var b [43]byte
	binary.BigEndian.PutUint32(b[0:], s.Steps)
	binary.BigEndian.PutUint32(b[4:], uint32(s.BallX))
	binary.BigEndian.PutUint32(b[8:], uint32(s.BallY))
	binary.BigEndian.PutUint32(b[12:], uint32(s.VX))
	binary.BigEndian.PutUint32(b[16:], uint32(s.VY))
	binary.BigEndian.PutUint32(b[20:], uint32(s.Paddle[Left]))
	binary.BigEndian.PutUint32(b[24:], uint32(s.Paddle[Right]))
	b[28], b[29], b[30] = s.Hits, s.Score[Left], s.Score[Right]
	binary.BigEndian.PutUint16(b[31:], s.Timer)
	b[33] = s.ServeTo
	if s.Live {
		b[34] |= 1
	}
	if s.Done {
		b[34] |= 2
	}
	binary.BigEndian.PutUint64(b[35:], s.Dice)
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, c := range b {
		h = (h ^ uint64(c)) * prime
	}
	return h
}

// await puts the ball in the middle, at a height of the dice's choice within
// the middle half, to wait for its serve.
func (s *State) await(r *Rules) {
	s.Live = false
	s.BallX = CourtWidth / 2
	s.BallY = CourtHeight/4 + s.roll(CourtHeight/2+1)
	s.VX, s.VY = 0, 0
	s.Hits = 0
	s.Timer = uint16(r.ServeDelay)
}

// serve puts the waiting ball into play towards ServeTo, at most 30° off the
// horizontal.
func (s *State) serve(r *Rules) {
	s.Live = true
	s.VX, s.VY = launch(r.Speed(0), s.roll(2*servePlace+1)-servePlace)
	if s.ServeTo == Left {
		s.VX = -s.VX
	}
}

// roll gives the dice's next number in [0, n). Source: S. Vigna, splitmix64,
// https://prng.di.unimi.it/splitmix64.c; the upper half is scaled to n.
func (s *State) roll(n int32) int32 {
	s.Dice += 0x9e3779b97f4a7c15
	z := s.Dice
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return int32(z >> 32 * uint64(n) >> 32)
}
