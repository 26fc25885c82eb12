package pong

import "encoding/binary"

// The first byte of every frame. Those below 0x80 travel to the server.
const (
	TypeJoin    byte = 0x01
	TypeInput   byte = 0x02
	TypePing    byte = 0x03
	TypeState   byte = 0x81 // Frame
	TypePong    byte = 0x82
	TypeWelcome byte = 0x83
	TypeRefused byte = 0x84
)

// The lengths of the frames, in bytes. No frame has any other length.
const (
	MatchIDLen  = 12
	JoinLen     = 1 + MatchIDLen
	InputLen    = 8
	PingLen     = 7
	PongLen     = 14
	WelcomeLen  = 2 + RulesLen
	RefusedLen  = 2
	UnknownRTT  = 0xFFFF // of a ping or pong: not measured yet
	NoSide      = -1     // of a welcome: a spectator
	RefusedGone = 1      // there is no such match
	RefusedTab  = 2      // another socket of the same user has taken the seat
)

// JoinFrame asks for a match: for the seat if the user plays in it, else to
// watch.
type JoinFrame struct{ Match [MatchIDLen]byte }

// Append appends the JoinLen bytes of j to dst.
func (j JoinFrame) Append(dst []byte) []byte {
	return append(append(dst, TypeJoin), j.Match[:]...)
}

// ParseJoin decodes a JoinFrame. An id has only the characters a-z and 2-7.
func ParseJoin(b []byte) (JoinFrame, error) {
	if err := expect(b, TypeJoin, JoinLen); err != nil {
		return JoinFrame{}, err
	}
	for _, c := range b[1:] {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return JoinFrame{}, errField
		}
	}
	return JoinFrame{Match: [MatchIDLen]byte(b[1:])}, nil
}

// InputFrame says that a player now wants to go in another direction.
type InputFrame struct {
	Seq  uint16 // counts up by one from any start, wraps
	Dir  Dir
	Tick uint32 // of the match, when the client expects it to arrive
}

// Append appends the InputLen bytes of f to dst.
func (f InputFrame) Append(dst []byte) []byte {
	dst = append(dst, TypeInput)
	dst = binary.BigEndian.AppendUint16(dst, f.Seq)
	dst = append(dst, byte(f.Dir))
	return binary.BigEndian.AppendUint32(dst, f.Tick)
}

// ParseInput decodes an InputFrame.
func ParseInput(b []byte) (InputFrame, error) {
	if err := expect(b, TypeInput, InputLen); err != nil {
		return InputFrame{}, err
	}
	f := InputFrame{Seq: binary.BigEndian.Uint16(b[1:]), Dir: Dir(b[3]), Tick: binary.BigEndian.Uint32(b[4:])}
	if !f.Dir.Valid() {
		return InputFrame{}, errField
	}
	return f, nil
}

// PingFrame is a client's question for the time, and its sign of life.
type PingFrame struct {
	Time uint32 // the client's clock in milliseconds, from any start; echoed
	RTT  uint16 // milliseconds, as last measured, or UnknownRTT
}

// Append appends the PingLen bytes of f to dst.
func (f PingFrame) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, TypePing), f.Time)
	return binary.BigEndian.AppendUint16(dst, f.RTT)
}

// ParsePing decodes a PingFrame.
func ParsePing(b []byte) (PingFrame, error) {
	if err := expect(b, TypePing, PingLen); err != nil {
		return PingFrame{}, err
	}
	return PingFrame{Time: binary.BigEndian.Uint32(b[1:]), RTT: binary.BigEndian.Uint16(b[5:])}, nil
}

// PongFrame answers a ping with the match's time and both players' RTT.
type PongFrame struct {
	Time     uint32 // of the ping
	Tick     uint32 // of the match, now
	Fraction uint8  // of that tick already gone, in 1/256
	RTT      [2]uint16
}

// Append appends the PongLen bytes of f to dst.
func (f PongFrame) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, TypePong), f.Time)
	dst = append(binary.BigEndian.AppendUint32(dst, f.Tick), f.Fraction)
	dst = binary.BigEndian.AppendUint16(dst, f.RTT[Left])
	return binary.BigEndian.AppendUint16(dst, f.RTT[Right])
}

// ParsePong decodes a PongFrame.
func ParsePong(b []byte) (PongFrame, error) {
	if err := expect(b, TypePong, PongLen); err != nil {
		return PongFrame{}, err
	}
	return PongFrame{
		Time: binary.BigEndian.Uint32(b[1:]), Tick: binary.BigEndian.Uint32(b[5:]), Fraction: b[9],
		RTT: [2]uint16{binary.BigEndian.Uint16(b[10:]), binary.BigEndian.Uint16(b[12:])},
	}, nil
}

// WelcomeFrame answers a join.
type WelcomeFrame struct {
	Side  int8 // Left, Right or NoSide
	Rules Rules
}

// Append appends the WelcomeLen bytes of f to dst.
func (f WelcomeFrame) Append(dst []byte) []byte {
	dst, _ = f.Rules.AppendBinary(append(dst, TypeWelcome, byte(f.Side)))
	return dst
}

// ParseWelcome decodes a WelcomeFrame.
func ParseWelcome(b []byte) (WelcomeFrame, error) {
	if err := expect(b, TypeWelcome, WelcomeLen); err != nil {
		return WelcomeFrame{}, err
	}
	f := WelcomeFrame{Side: int8(b[1])}
	if f.Side < NoSide || f.Side > Right {
		return WelcomeFrame{}, errField
	}
	var err error
	f.Rules, err = ParseRules(b[2:])
	return f, err
}

// RefusedFrame says that the socket has no part in the match, or not any
// more.
type RefusedFrame struct{ Reason uint8 }

// Append appends the RefusedLen bytes of f to dst.
func (f RefusedFrame) Append(dst []byte) []byte { return append(dst, TypeRefused, f.Reason) }

// ParseRefused decodes a RefusedFrame.
func ParseRefused(b []byte) (RefusedFrame, error) {
	if err := expect(b, TypeRefused, RefusedLen); err != nil {
		return RefusedFrame{}, err
	}
	if b[1] != RefusedGone && b[1] != RefusedTab {
		return RefusedFrame{}, errField
	}
	return RefusedFrame{Reason: b[1]}, nil
}
