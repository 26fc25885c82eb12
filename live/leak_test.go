package live_test

import (
	"context"
	"net"
	"runtime"
	"testing"

	"rally"
	"rally/live"
)

// A thousand sockets that come and go leave nothing behind. Not parallel: it
// counts all goroutines.
func TestNothingIsLeft(t *testing.T) {
	s := newSite(t, live.Config{}, func(e *end, frame []byte) error {
		e.Offer(frame)
		e.Send(frame)
		return nil
	})
	before := runtime.NumGoroutine()
	for i := range 1000 {
		r, e := s.raw(t, query)
		switch i % 4 {
		case 0: // leaves at once
		case 1: // leaves in order
			r.write(clientFrame(0x82, []byte("hello")))
			r.next(t)
			r.write(clientFrame(0x88, []byte{0x03, 0xe9}))
			r.closeCode(t)
		case 2: // leaves in the middle of a frame and of an answer
			r.write(clientFrame(0x82, []byte("hello")))
			r.write([]byte{0x82})
		case 3: // is thrown out
			r.write(clientFrame(0x81, []byte("hello")))
			r.closeCode(t)
		}
		if i%8 < 4 {
			_ = r.Conn.(*net.TCPConn).SetLinger(0) // a reset instead of a farewell
		}
		_ = r.Close()
		within(t, e.closed)
	}
	until(t, "the sockets are gone", func() bool { return s.hub.Stats().Sockets == 0 })
	until(t, "their goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

// Shutdown ends the hub's own goroutines.
func TestHubLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		h := live.NewHub(live.Config{Check: func(context.Context, rally.SessionID) (bool, bool, error) { return true, true, nil }})
		h.Shutdown(t.Context())
		h.Shutdown(t.Context())
	}
	until(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}
