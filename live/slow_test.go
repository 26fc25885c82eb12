package live_test

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"rally/live"
)

// A browser that does not read loses old states, never memory, and sees the
// newest one when it reads again.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	r, e := s.raw(t, query)
	if err := r.Conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	const offers = 300_000
	frame := make([]byte, 29)
	for i := range uint32(offers) {
		binary.BigEndian.PutUint32(frame, i)
		e.Offer(frame)
	}
	// What the kernels on both sides hold may be stale, and is bounded.
	if stats := s.hub.Stats(); stats.Offered != offers || stats.Replaced == 0 {
		t.Errorf("nothing was replaced: %+v", stats)
	}
	var last uint32
	received := 1
	for ; ; received++ {
		first, payload := r.next(t)
		if first != 0x82 || len(payload) != len(frame) {
			t.Fatalf("frame %x of %d bytes", first, len(payload))
		}
		n := binary.BigEndian.Uint32(payload)
		if received > 1 && n <= last {
			t.Fatalf("state %d came after %d", n, last)
		}
		if last = n; n == offers-1 {
			break
		}
	}
	// The rest was waiting in the kernel. At 60 states a second, 1,400 are half
	// a minute, and that is what a client that never reads may be behind.
	if received > 4000 {
		t.Errorf("%d of %d states arrived at a browser that did not read", received, offers)
	}
	until(t, "all are counted", func() bool { return s.hub.Stats().Written >= uint64(received) })
	stats := s.hub.Stats()
	if stats.Written != uint64(received) || stats.Written+stats.Replaced != offers {
		t.Errorf("%d received, but counted %+v", received, stats)
	}
}

// Fragments cannot be replaced: one that finds no room closes the socket, once
// and with its own code. Binary frames that find no room are dropped.
func TestOverfullQueue(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{CloseWait: 500 * time.Millisecond}, nil)
	r, e := s.raw(t, query)
	fragment := make([]byte, 32<<10)
	push := func() { s.hub.Push(1, func(string) ([]byte, error) { return fragment, nil }) }

	// Fill the kernel's buffers and then the queue.
	for s.hub.Stats().Dropped == 0 {
		e.Send(fragment)
	}
	if n := s.hub.Stats().Closed["slow"]; n != 0 {
		t.Fatal("a binary frame closed the socket")
	}
	push()
	push()
	if code := r.closeCode(t); code != live.CodeSlow && code != 0 {
		t.Errorf("closed with %d", code)
	}
	within(t, e.closed)
	if line := s.only(t); line == "" || s.hub.Stats().Closed["slow"] != 1 {
		t.Errorf("logged %q, counted %+v", line, s.hub.Stats())
	}
}
