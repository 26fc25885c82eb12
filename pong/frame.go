package pong

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Phase is where a match stands, as clients are told.
type Phase uint8

// The phases.
const (
	Waiting   Phase = iota // for both players to be there
	Countdown              // 3-2-1 before play starts or goes on
	Playing
	Paused // somebody is absent
	Over
)

// Frame is a state frame: all a client needs to draw the court and to run it
// forward. It travels from the server as FrameLen bytes.
type Frame struct {
	Phase  Phase
	Absent [2]bool // by side
	Live   bool    // the ball is in play
	Tick   uint32  // of the match: counts from its creation, also in pauses

	BallX, BallY uint16
	VX, VY       int16
	Paddle       [2]uint16 // y of the middles
	Dir          [2]Dir    // in force
	Score        [2]uint8
	Hits         uint8
	Ack          [2]uint16 // the last input applied, by side
	// Timer is in ticks: to the end of the countdown; to the serve while
	// playing; of the absent player's pause, the smaller if both are absent;
	// of the ready check while waiting.
	Timer uint16
}

// FrameLen is the length of an encoded Frame, in bytes.
const FrameLen = 29

// Bits of a frame's second byte, above the phase.
const (
	flagAbsentLeft  = 1 << 4
	flagAbsentRight = 1 << 5
	flagLive        = 1 << 6
)

// Show puts the ball, the paddles and the score of s into f, and in play the
// time to the serve. The other fields are the caller's.
func (f *Frame) Show(s *State) {
	f.Live = s.Live
	f.BallX, f.BallY = uint16(s.BallX), uint16(s.BallY)
	f.VX, f.VY = int16(s.VX), int16(s.VY)
	f.Paddle = [2]uint16{uint16(s.Paddle[Left]), uint16(s.Paddle[Right])}
	f.Score = s.Score
	f.Hits = s.Hits
	if f.Phase == Playing {
		f.Timer = s.Timer
	}
}

// State gives what f tells of the game, for Predict. It lacks the dice, the
// side of the next serve and the count of steps.
func (f *Frame) State() State {
	s := State{
		Live: f.Live, BallX: int32(f.BallX), BallY: int32(f.BallY), VX: int32(f.VX), VY: int32(f.VY),
		Hits: f.Hits, Paddle: [2]int32{int32(f.Paddle[Left]), int32(f.Paddle[Right])},
		Score: f.Score, Done: f.Phase == Over,
	}
	if f.Phase == Playing {
		s.Timer = f.Timer
	}
	return s
}

// Append appends the FrameLen bytes of f to dst.
func (f *Frame) Append(dst []byte) []byte {
	flags := byte(f.Phase)
	if f.Absent[Left] {
		flags |= flagAbsentLeft
	}
	if f.Absent[Right] {
		flags |= flagAbsentRight
	}
	if f.Live {
		flags |= flagLive
	}
	dst = append(dst, TypeState, flags)
	dst = binary.BigEndian.AppendUint32(dst, f.Tick)
	for _, v := range [...]uint16{f.BallX, f.BallY, uint16(f.VX), uint16(f.VY), f.Paddle[Left], f.Paddle[Right]} {
		dst = binary.BigEndian.AppendUint16(dst, v)
	}
	dst = append(dst, byte(f.Dir[Left]+1)|byte(f.Dir[Right]+1)<<4, f.Score[Left], f.Score[Right], f.Hits)
	dst = binary.BigEndian.AppendUint16(dst, f.Ack[Left])
	dst = binary.BigEndian.AppendUint16(dst, f.Ack[Right])
	dst = binary.BigEndian.AppendUint16(dst, f.Timer)
	return append(dst, 0)
}

var errField = errors.New("pong: frame: a field is out of range")

// ParseFrame decodes what Append gives, and nothing else. What it accepts,
// Predict can run.
func ParseFrame(b []byte) (Frame, error) {
	if err := expect(b, TypeState, FrameLen); err != nil {
		return Frame{}, err
	}
	u16 := func(i int) uint16 { return binary.BigEndian.Uint16(b[i:]) }
	f := Frame{
		Phase:  Phase(b[1] & 15),
		Absent: [2]bool{b[1]&flagAbsentLeft != 0, b[1]&flagAbsentRight != 0},
		Live:   b[1]&flagLive != 0,
		Tick:   binary.BigEndian.Uint32(b[2:]),
		BallX:  u16(6), BallY: u16(8), VX: int16(u16(10)), VY: int16(u16(12)),
		Paddle: [2]uint16{u16(14), u16(16)},
		Dir:    [2]Dir{Dir(b[18]&15) - 1, Dir(b[18]>>4) - 1},
		Score:  [2]uint8{b[19], b[20]}, Hits: b[21],
		Ack: [2]uint16{u16(22), u16(24)}, Timer: u16(26),
	}
	switch {
	case f.Phase > Over, b[1]&0x80 != 0, b[28] != 0,
		max(f.VX, -f.VX) > maxSpeed, max(f.VY, -f.VY) > maxSpeed, f.Live && f.VX == 0,
		f.VX == math.MinInt16, f.VY == math.MinInt16,
		!f.Dir[Left].Valid(), !f.Dir[Right].Valid(),
		f.BallX > CourtWidth, f.BallY > CourtHeight, f.Paddle[Left] > CourtHeight, f.Paddle[Right] > CourtHeight:
		return Frame{}, errField
	}
	return f, nil
}

// expect checks a frame's type and length.
func expect(b []byte, kind byte, length int) error {
	if len(b) != length || b[0] != kind {
		return fmt.Errorf("pong: frame of %d bytes is not of type %#02x and %d bytes", len(b), kind, length)
	}
	return nil
}
