package live_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally"
	"rally/live"
)

func TestCloseSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	first, _ := s.dial(t, "?stage=full&user=1&session=ended&locale=en")
	second, _ := s.dial(t, "?stage=full&user=1&session=ended&locale=en")
	other, otherEnd := s.dial(t, "?stage=full&user=1&session=other&locale=en")
	long := strings.Repeat("가", 60) // longer than a close frame may carry

	s.hub.CloseSession("ended", live.CodeSessionEnded, long)
	for _, c := range []*websocket.Conn{first, second} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, _, err := c.Read(ctx)
		cancel()
		var ce websocket.CloseError
		if !errors.As(err, &ce) || ce.Code != live.CodeSessionEnded || !strings.HasPrefix(long, ce.Reason) || ce.Reason == "" {
			t.Errorf("got %v", err)
		}
	}
	until(t, "two are counted", func() bool { return s.hub.Stats().Closed["session"] == 2 })
	write(t, other, []byte("still here"))
	if got := within(t, otherEnd.frames); got != "still here" {
		t.Errorf("got %q", got)
	}
	s.hub.CloseSession("nobody", live.CodeSessionEnded, "")
}

// A browser that neither reads nor answers is gone after CloseWait, too: nothing
// else would end it here.
func TestCloseSessionOfDeafBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{CloseWait: 500 * time.Millisecond}, nil)
	_, e := s.raw(t, query)
	s.hub.Push(1, func(string) ([]byte, error) { return bytes.Repeat([]byte("x"), 8<<20), nil })
	s.hub.CloseSession("s1", live.CodeSessionEnded, "signed out")
	within(t, e.closed)
	until(t, "it is gone", func() bool { return s.hub.Stats().Sockets == 0 })
}

// What an ended session sends is not heard any more, even before the socket is
// closed: neither when the reader waits for a message at that moment, nor when
// it is busy with one.
func TestEndedSessionIsNotHeard(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]bool{"waiting": false, "busy": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reading, ended := make(chan struct{}), make(chan struct{})
			var late atomic.Int64
			s := newSite(t, live.Config{}, func(_ *end, frame []byte) error {
				if string(frame) == "late" {
					late.Add(1)
					return nil
				}
				close(reading)
				<-ended
				return nil
			})
			r, e := s.raw(t, query)
			if busy {
				r.write(clientFrame(0x82, []byte("first")))
				within(t, reading)
			}
			s.hub.CloseSession("s1", live.CodeSessionEnded, "")
			r.write(clientFrame(0x82, []byte("late")))
			close(ended)
			if code := r.closeCode(t); code != live.CodeSessionEnded {
				t.Errorf("closed with %d", code)
			}
			r.write(clientFrame(0x82, []byte("late")))
			within(t, e.closed)
			if n := late.Load(); n > 0 {
				t.Errorf("%d frames were heard after the end", n)
			}
		})
	}
}

// A session that ends while its socket is being opened takes it along.
func TestSessionEndsDuringHandshake(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	s.hub.CloseSession("s1", live.CodeSessionEnded, "")
	c, e := s.dial(t, query)
	if code := closeCode(t, c); code != live.CodeSessionEnded {
		t.Errorf("closed with %d", code)
	}
	within(t, e.closed)

	// "Live elsewhere" ends sockets, not the session.
	s.hub.CloseSession("s2", live.CodeElsewhere, "")
	c, e = s.dial(t, "?stage=full&user=1&session=s2&locale=en")
	write(t, c, []byte("hello"))
	within(t, e.frames)
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{CloseWait: 10 * time.Second}, nil)
	var clients []*websocket.Conn
	for i := range 50 {
		c, _ := s.dial(t, fmt.Sprintf("?stage=full&user=%d&session=s%d&locale=en", i, i))
		clients = append(clients, c)
	}
	_, deaf := s.raw(t, "?stage=full&user=99&session=deaf&locale=en")
	s.hub.Push(99, func(string) ([]byte, error) { return bytes.Repeat([]byte("x"), 8<<20), nil })

	codes := make(chan int, len(clients))
	for _, c := range clients {
		go func() { codes <- closeCode(t, c) }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s.hub.Shutdown(ctx)
	if err := ctx.Err(); err != nil {
		t.Errorf("the deaf one was not cut by CloseWait: %v", err)
	}
	within(t, deaf.closed)
	for range clients {
		if code := within(t, codes); code != live.CodeStopping {
			t.Errorf("closed with %d", code)
		}
	}
	if n := s.hub.Stats().Closed["stopping"]; n != 51 {
		t.Errorf("%d closes counted, want 51", n)
	}
	if got := s.log.get(); len(got) != 0 {
		t.Errorf("logged: %q", got)
	}
}

// When Shutdown's time is up, it cuts what is left.
func TestShutdownOutOfTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{CloseWait: time.Hour}, nil)
	_, e := s.raw(t, query) // never answers
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.hub.Shutdown(ctx)
	within(t, e.closed)
}

// Sessions are asked about again and again: one that is over loses its
// sockets; one that cannot be asked about keeps them.
func TestCheck(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[rally.SessionID]int{}
	s := newSite(t, live.Config{
		CheckEvery: 40 * time.Millisecond,
		Check: func(_ context.Context, id rally.SessionID) (alive, token bool, err error) {
			mu.Lock()
			defer mu.Unlock()
			asked[id]++
			switch id {
			case "over":
				return asked[id] < 3, true, nil
			case "away":
				return false, false, errors.New("the database\nis away")
			}
			return true, true, nil
		},
	}, nil)
	over, overEnd := s.dial(t, "?stage=full&user=1&session=over&locale=en")
	away, awayEnd := s.dial(t, "?stage=full&user=2&session=away&locale=en")
	fine, fineEnd := s.dial(t, "?stage=full&user=3&session=fine&locale=en")

	if code := closeCode(t, over); code != live.CodeSessionEnded {
		t.Errorf("closed with %d", code)
	}
	within(t, overEnd.closed)
	rounds := func(n int) { // of questions
		t.Helper()
		mu.Lock()
		after := asked["fine"] + n
		mu.Unlock()
		until(t, "the others are asked about again", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return asked["fine"] >= after && asked["away"] > n
		})
	}
	rounds(2) // the first of which had begun, perhaps, before the socket was gone
	mu.Lock()
	last := asked["over"]
	mu.Unlock()
	rounds(3)
	for c, e := range map[*websocket.Conn]*end{away: awayEnd, fine: fineEnd} {
		write(t, c, []byte("still here"))
		if got := within(t, e.frames); got != "still here" {
			t.Errorf("got %q", got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if n := asked["over"]; n < 3 || n != last {
		t.Errorf("asked %d times about a session that was over, %d of them before its socket was gone", n, last)
	}
	for _, line := range s.log.get() {
		if !strings.Contains(line, `the database\nis away`) {
			t.Errorf("logged %q", line)
		}
	}
}
