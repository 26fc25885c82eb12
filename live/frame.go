package live

import (
	"encoding/binary"
	"math"
)

// textFrame gives a fragment as it goes over the wire, in one piece: made once
// for all sockets it goes to, and written to each at once. The library would
// write it in two.
func textFrame(fragment []byte) []byte {
	const finalText = 0x81
	frame := make([]byte, 0, len(fragment)+10)
	switch n := len(fragment); {
	case n < 126:
		frame = append(frame, finalText, byte(n))
	case n <= math.MaxUint16:
		frame = binary.BigEndian.AppendUint16(append(frame, finalText, 126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, finalText, 127), uint64(n))
	}
	return append(frame, fragment...)
}
