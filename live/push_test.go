package live_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"rally"
	"rally/live"
)

// A fragment is rendered once for each language among the user's sockets.
func TestPush(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	en1, e := s.dial(t, "?stage=full&user=7&session=a&locale=en")
	en2, _ := s.dial(t, "?stage=full&user=7&session=a&locale=en")
	ko, _ := s.dial(t, "?stage=full&user=7&session=b&locale=ko")
	other, _ := s.dial(t, "?stage=full&user=8&session=c&locale=en")
	if v := e.Viewer(); v.User.ID != 7 || v.Session != "a" {
		t.Errorf("viewer %+v", v)
	}

	var renders atomic.Int64
	push := func(user rally.UserID, fail string) {
		s.hub.Push(user, func(locale string) ([]byte, error) {
			renders.Add(1)
			if locale == fail {
				return nil, errors.New("no such\nword")
			}
			return []byte("<p>" + locale), nil
		})
	}
	push(7, "")
	push(8, "")
	push(9, "") // nobody
	for c, want := range map[*websocket.Conn]string{en1: "<p>en", en2: "<p>en", ko: "<p>ko", other: "<p>en"} {
		if kind, got := read(t, c); kind != websocket.MessageText || got != want {
			t.Errorf("got %v %q, want %q", kind, got, want)
		}
	}
	if n := renders.Load(); n != 3 {
		t.Errorf("rendered %d times, want 3", n)
	}

	// One language that fails does not take the other along.
	push(7, "en")
	if _, got := read(t, ko); got != "<p>ko" {
		t.Errorf("got %q", got)
	}
	if got := s.log.get(); len(got) != 1 || !strings.Contains(got[0], `no such\nword`) {
		t.Errorf("logged %q", got)
	}
	if n := renders.Load(); n != 5 {
		t.Errorf("rendered %d times, want 5", n)
	}
}

// Fragments of every length arrive whole, whatever the browser sends meanwhile.
func TestPushLengths(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	c, _ := s.dial(t, query)
	c.SetReadLimit(1 << 20)
	for _, n := range []int{0, 1, 124, 125, 126, 127, 128, 65_535, 65_536, 300_000} {
		want := strings.Repeat("x", n)
		s.hub.Push(1, func(string) ([]byte, error) { return []byte(want), nil })
		go func() { _ = c.Ping(t.Context()) }() // answered while the fragment is written
		if kind, got := read(t, c); kind != websocket.MessageText || got != want {
			t.Errorf("%v of %d bytes, want %d", kind, len(got), n)
		}
	}
}

func TestOnline(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	if s.hub.Online(7) {
		t.Error("online before a socket")
	}
	first, _ := s.dial(t, "?stage=full&user=7&session=a&locale=en")
	second, e := s.dial(t, "?stage=full&user=7&session=a&locale=en")
	if !s.hub.Online(7) || s.hub.Online(8) {
		t.Error("7 should be online, and 8 not")
	}
	_ = second.CloseNow()
	within(t, e.closed)
	if !s.hub.Online(7) {
		t.Error("gone although a socket is left")
	}
	_ = first.CloseNow()
	until(t, "7 is gone", func() bool { return !s.hub.Online(7) })
	if stats := s.hub.Stats(); stats.Opened != 2 || stats.Sockets != 0 {
		t.Errorf("counted %+v", stats)
	}
}
