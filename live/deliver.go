package live

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// deliver gives a fragment to sockets, rendered once for each locale among
// them, and says how often that was. A locale that cannot be rendered is told
// of, and its sockets get nothing.
func deliver(
	conns []*Conn, give func(c *Conn, frame []byte),
	render func(locale string) ([]byte, error), failed func(locale string, err error),
) (times int) {
	var painted []string
	var frames [][]byte
	for _, c := range conns {
		i := slices.Index(painted, c.viewer.Locale)
		if i < 0 {
			i = len(painted)
			fragment, err := attempt(render, c.viewer.Locale)
			var frame []byte
			if err != nil {
				failed(c.viewer.Locale, err)
			} else if fragment != nil {
				frame = textFrame(fragment)
			}
			painted, frames = append(painted, c.viewer.Locale), append(frames, frame)
		}
		if frames[i] != nil {
			give(c, frames[i])
		}
	}
	return len(painted)
}

// attempt renders; what panics has failed.
func attempt(render func(locale string) ([]byte, error), locale string) (fragment []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			fragment, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	if fragment, err = render(locale); err != nil {
		return nil, err
	}
	return fragment, nil
}

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
