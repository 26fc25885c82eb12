package live_test

import (
	"bytes"
	"errors"
	"net"
	"testing"

	"rally/live"
)

// FuzzRawBytes sends bytes right after the handshake. Whatever they are, the
// socket ends, its receiver is closed, no message is longer than FrameMax, and
// the server lives on.
func FuzzRawBytes(f *testing.F) {
	good := clientFrame(0x82, []byte("input"))
	for _, seed := range [][]byte{
		nil,
		good,
		good[:3],
		bytes.Repeat(good, 200),
		clientFrame(0x81, []byte("text")),
		clientFrame(0x82, make([]byte, 2000)),
		append(clientFrame(0x02, []byte("a")), clientFrame(0x80, []byte("b"))...),
		clientFrame(0x88, []byte{0x03, 0xe8, 'b', 'y', 'e'}),
		clientFrame(0x88, []byte{0x03}),
		clientFrame(0x89, []byte("ping")),
		{0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5},
		bytes.Repeat([]byte{0xff}, 300),
		[]byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		f.Add(seed)
	}
	s := newSite(f, live.Config{}, func(e *end, frame []byte) error {
		if len(frame) > live.FrameMax {
			panic("a frame of more than FrameMax bytes")
		}
		if bytes.HasPrefix(frame, []byte("bad")) {
			return errors.New("malformed")
		}
		e.Offer(frame[:min(len(frame), live.StateMax)])
		e.Send(frame)
		return nil
	})
	f.Fuzz(func(t *testing.T, garbage []byte) {
		r, e := s.raw(t, query)
		r.write(garbage)
		_ = r.Conn.(*net.TCPConn).CloseWrite()
		r.closeCode(t)
		_ = r.Close()
		within(t, e.closed)
		if n := s.hub.Stats().Closed["panic"]; n != 0 {
			t.Fatal("a receiver panicked")
		}
	})
}
