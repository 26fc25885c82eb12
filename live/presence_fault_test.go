package live_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally"
	"rally/live"
)

// While friends cannot be asked for, pages wait; afterwards all is as ever.
func TestFriendsAway(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b := w.open(t, berta)
	b.told(t)
	w.setAway(true)
	a, late := w.open(t, anna), w.open(t, anna)
	w.forward(t, 3*time.Second)
	a.hears(t)
	w.setAway(false)
	w.forward(t, time.Second)
	a.hears(t, "en online, Berta online")
	late.hears(t, "en online, Berta online")
	if asked, _ := w.counts(); asked != 6 {
		t.Errorf("asked for friends %d times, want once a second", asked)
	}

	// Who is known to be a friend stays one meanwhile.
	w.forward(t, 2*time.Minute)
	w.setAway(true)
	w.open(t, anna).hears(t, "en online, Berta online")
	if n := len(w.log.get()); n != 2 { // once for each trouble
		t.Errorf("complained %d times: %q", n, w.log.get())
	}
}

// While it cannot be written down when people were last here, friends are told
// all the same, and it is written down later.
func TestSeenAway(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, b, c := w.open(t, anna), w.open(t, berta), w.open(t, carla)
	a.told(t)
	w.setAway(true)
	for _, gone := range []*page{b, c} {
		left, before := w.clock.Now(), w.painter.badges.Load()
		gone.close(t)
		w.clock.forward(5 * time.Second)
		until(t, "Anna is told", func() bool { w.hub.Settled(); return w.painter.badges.Load() > before })
		want := "en badge " + names[gone.user] + " offline " + left.Format(time.TimeOnly)
		if _, text := read(t, a.conn); text != want {
			t.Errorf("told %q, want %q", text, want)
		}
		defer func() {
			if at := w.seenAt(gone.user); !at.Equal(left) {
				t.Errorf("%s seen at %v, want %v", names[gone.user], at, left)
			}
		}()
	}
	w.setAway(false)
	w.settle(t)
}

// Friends are told that somebody went after that has been written down: a page
// that they open then says the same.
func TestSeenBeforeTold(t *testing.T) {
	t.Parallel()
	p, begun, done := newPeople(), make(chan struct{}), make(chan struct{})
	w := newTownOf(t, p, newClock(), func(c *live.Config) {
		c.SetSeen = func(ctx context.Context, seen map[rally.UserID]time.Time) error {
			for _, step := range []chan struct{}{begun, done} {
				select {
				case <-step:
				case <-t.Context().Done():
					return errStoreAway
				}
			}
			return p.SetSeen(ctx, seen)
		}
	})
	a := w.open(t, anna)
	w.settle(t)
	b := w.open(t, berta)
	a.told(t)
	left := w.clock.Now()
	b.close(t)
	w.clock.forward(5 * time.Second)
	w.hub.Settled()
	begun <- struct{}{}
	c := w.open(t, carla) // what is told about others does not wait
	until(t, "Anna is told of Carla", func() bool { return w.painter.badges.Load() == 2 })
	done <- struct{}{}
	a.hears(t, "en badge Carla online", "en badge Berta offline "+left.Format(time.TimeOnly))

	// Nor does anybody wait for long.
	c.close(t)
	w.clock.forward(5 * time.Second)
	w.hub.Settled()
	begun <- struct{}{}
	w.clock.forward(150 * time.Millisecond)
	until(t, "Anna is told", func() bool { w.hub.Settled(); return w.painter.badges.Load() == 4 })
	done <- struct{}{}
	a.hears(t, "en badge Carla offline "+left.Add(5*time.Second).Format(time.TimeOnly))
	close(begun)
	close(done)
}

// Nothing waits for a store that does not answer: neither sockets nor what
// they send, nor what is told about others.
func TestStoreHangs(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	p := newPeople()
	w := newTownOf(t, p, newClock(), func(c *live.Config) {
		c.Friends = func(ctx context.Context, user rally.UserID) ([]rally.UserID, error) {
			if user >= dora {
				select {
				case <-hang:
				case <-t.Context().Done():
					return nil, errStoreAway
				}
			}
			return p.Friends(ctx, user)
		}
	})
	a := w.open(t, anna)
	until(t, "Anna is greeted", func() bool { return w.painter.lists.Load() == 1 })
	d := w.open(t, dora)
	write(t, d.conn, []byte("hello"))
	if got := within(t, d.end.frames); got != "hello" {
		t.Errorf("received %q", got)
	}
	w.open(t, berta)
	until(t, "Anna is told", func() bool { return w.painter.badges.Load() == 1 })
	close(hang)
	d.hears(t, "en online")
	a.hears(t, "en online", "en badge Berta online")
}

// A painter that panics or fails loses that text, and nothing else.
func TestPainterFails(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *live.Config) { c.Painter = broken{c.Painter} })
	a, ko := w.open(t, anna), w.open(t, anna, "ko")
	until(t, "Anna is greeted twice", func() bool { return w.painter.lists.Load() == 2 })
	w.open(t, berta, "xx").hears(t)
	a.hears(t, "en online", "en badge Berta online")
	ko.hears(t, "ko online")
	lines := strings.Join(w.log.get(), "\n")
	if !strings.Contains(lines, "brush") || !strings.Contains(lines, "no such language") {
		t.Errorf("logged %q", lines)
	}
}

// broken paints English and panics for Korean badges.
type broken struct{ live.Painter }

func (b broken) Badge(locale string, f rally.FriendState) ([]byte, error) {
	if locale == "ko" {
		panic("brush")
	}
	return b.Painter.Badge(locale, f)
}

func (b broken) Online(locale string, friends []rally.FriendState) ([]byte, error) {
	if locale == "xx" {
		return nil, errNoLanguage
	}
	return b.Painter.Online(locale, friends)
}

var errNoLanguage = &rally.Error{Code: rally.EInternal, Message: "no such language"}

// A socket that asks for nothing and floods hurts nobody: it is closed, it is
// offline five seconds later as any other, and friends hear no more of it than
// that.
func TestFloodingFriend(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, b := w.open(t, anna), w.open(t, berta)
	a.told(t)
	flood := func(p *page) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for p.conn.Write(ctx, websocket.MessageBinary, make([]byte, 900)) == nil {
			select {
			case <-p.end.frames:
			default:
			}
		}
		within(t, p.end.closed)
	}
	for range 5 { // and comes back at once
		flood(b)
		b = w.open(t, berta)
	}
	a.hears(t)
	left := w.clock.Now()
	flood(b)
	w.forward(t, 6*time.Second)
	a.hears(t, "en badge Berta offline "+left.Format(time.TimeOnly))
	if n := w.hub.Stats().Closed["flood"]; n != 6 {
		t.Errorf("%d floods, want 6", n)
	}
}
