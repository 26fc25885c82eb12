package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"rally/pong"
)

// faults are what can be wrong with what a player sends.
var faults = []struct {
	cause string
	code  websocket.StatusCode // 0: the socket stays
	do    func(*court)
}{
	{"silence", 0, func(c *court) { c.line.silent.Store(true) }},
	{"malformed", 1007, func(c *court) { c.send([]byte{pong.TypeInput, 0, 1, 2, 0, 0, 0, 0}) }},
	{"text", 1003, func(c *court) { _ = c.write(websocket.MessageText, []byte("hello")) }},
	{"too_big", 1009, func(c *court) { c.send(bytes.Repeat([]byte{pong.TypePing}, 1025)) }},
	{"flood", 1008, func(c *court) {
		for range 1000 { // until it is closed
			if c.write(websocket.MessageBinary, pong.PingFrame{RTT: pong.UnknownRTT}.Append(nil)) != nil {
				return
			}
		}
	}},
}

// silence is how long a match does without a sign of a player.
const silence = 2500 * time.Millisecond

// What the sockets of a running match have to bear: others that come and go in
// hundreds, and players whose browsers misbehave or fall silent.
func TestFaultSockets(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "RALLY_POINTS=21")
	people := h.newPlayers(6) // nobody may have 100 sockets
	match, onCourt := meet(people[0], people[1])
	for _, c := range onCourt {
		c.until(soon, "play", playing)
	}
	storm(t, h, people[2:], onCourt)

	bad, good := onCourt[0], onCourt[1]
	var lines []string
	for _, fault := range faults {
		bad.press(pong.Down)
		begun := time.Now()
		fault.do(bad)
		if fault.code != 0 {
			lines = append(lines, fmt.Sprint(fault.cause, " ", int(fault.code), " ", people[0].id))
			if code := bad.closing(); code != fault.code {
				t.Errorf("%s closes the socket with %d, want %d", fault.cause, code, fault.code)
			}
		}
		pause := good.until(soon, "the pause", pausedFor(bad.side))
		within(t, fault.cause+": the match pauses", begun, pause.at.Sub(begun), silence, 3*time.Second)
		if pause.Dir[bad.side] != pong.Stay {
			t.Errorf("%s: the paddle goes on", fault.cause)
		}
		bad = people[0].enter(match)
		for _, c := range []*court{bad, good} {
			c.until(soon, "play to go on", playing)
			c.press(pong.Up)
		}
	}

	var found []string
	for _, line := range h.lines("socket closed") {
		found = append(found, fmt.Sprint(line["cause"], " ", line["code"], " /players/", line["user"]))
	}
	if !slices.Equal(found, lines) {
		t.Errorf("the log says %q, want %q", found, lines)
	}
	if all := h.complaints(); len(all) != len(lines) {
		t.Errorf("it complains of %q", all)
	}
}

// storm has two hundred sockets drop and return, again and again. They leave
// nothing behind, and the match meanwhile is not disturbed.
func storm(t *testing.T, h *house, crowd []*player, onCourt [2]*court) {
	t.Helper()
	const (
		sockets, rounds = 200, 3
		atOnce          = 32 // the server has to share the processor with this test
		// What there may be more of afterwards: connections to the database,
		// a request being answered.
		few = 20
	)
	begun := time.Now()
	goroutines, files := h.metric("go_goroutines"), h.metric("process_open_fds")
	for round := range rounds {
		gone := time.Now()
		took := make([]time.Duration, sockets)
		conns := make([]*websocket.Conn, sockets)
		var all errgroup.Group
		all.SetLimit(atOnce)
		for i := range conns {
			all.Go(func() (err error) {
				conns[i], _, err = crowd[i%len(crowd)].connect(t.Context())
				took[i] = time.Since(gone)
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatalf("coming back: %v", err)
		}
		slices.Sort(took)
		t.Logf("round %d: half are back after %v", round+1, took[sockets/2].Round(time.Millisecond))
		within(t, "all are back", gone, took[sockets-1], 0, 10*time.Second)
		eventually(t, "the sockets to be counted", func() bool { return h.metric("rally_sockets") == sockets+2 })
		for _, conn := range conns {
			_ = conn.CloseNow()
		}
		eventually(t, "the sockets to be gone", func() bool { return h.metric("rally_sockets") == 2 })
	}
	var goroutinesNow, filesNow float64
	eventually(t, "goroutines and files to be given back", func() bool {
		goroutinesNow, filesNow = h.metric("go_goroutines"), h.metric("process_open_fds")
		return goroutinesNow <= goroutines+few && filesNow <= files+few
	})
	t.Logf("goroutines: %v, then %v; files: %v, then %v", goroutines, goroutinesNow, files, filesNow)
	for _, c := range onCourt {
		steady(t, c.since(begun), 2*time.Second)
		c.press(pong.Up)
	}
	if found := h.complaints(); len(found) > 0 {
		t.Errorf("it complains of %q", found)
	}
}
