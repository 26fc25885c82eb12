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

// Becoming friends and ceasing to be shows on the pages of both at once, and
// on nobody else's.
func TestFriendsChanged(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b, d, c := w.open(t, berta), w.open(t, dora), w.open(t, carla)
	for _, p := range []*page{b, d, c} {
		p.hears(t, "en online")
	}
	w.hub.FriendsChanged(berta, dora) // one has asked the other: no friends yet
	b.hears(t)
	d.hears(t)

	w.befriend(berta, dora)
	w.hub.FriendsChanged(berta, dora)
	b.hears(t, "en online, Dora online")
	d.hears(t, "en online, Berta online")
	w.hub.SetPlaying(berta, "m")
	d.hears(t, "en badge Berta playing m")
	w.forward(t, time.Second)
	w.hub.SetPlaying(berta, "")
	d.hears(t, "en badge Berta online")
	w.forward(t, time.Second)

	w.part(berta, dora)
	w.hub.FriendsChanged(berta, dora)
	b.hears(t, "en online")
	d.hears(t, "en online")
	w.hub.SetPlaying(berta, "m")
	w.forward(t, time.Second)
	b.hears(t)
	d.hears(t)
	c.hears(t)
}

// An event that names one of the two is enough for both, since friendship has
// two sides.
func TestFriendsChangedForOne(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b, d := w.open(t, berta), w.open(t, dora)
	b.told(t)
	d.told(t)
	w.befriend(berta, dora)
	w.hub.FriendsChanged(berta)
	b.hears(t, "en online, Dora online")
	d.hears(t, "en online, Berta online")
	w.part(berta, dora)
	w.hub.FriendsChanged(dora)
	b.hears(t, "en online")
	d.hears(t, "en online")
	if asked, _ := w.counts(); asked != 6 {
		t.Errorf("asked for friends %d times, want twice at first and for each change", asked)
	}
}

// An event that is lost is made up for by the next page.
func TestFriendsChangedIsLost(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	b, d := w.open(t, berta), w.open(t, dora)
	b.told(t)
	d.told(t)
	w.befriend(berta, dora)
	w.forward(t, 2*time.Minute)
	again := w.open(t, berta)
	w.settle(t)
	got := again.told(t)
	if got[len(got)-1] != "en online, Dora online" {
		t.Errorf("told %q", got)
	}
	d.hears(t, "en online, Berta online")
}

// A new name is in what is told later, and nothing is told for it.
func TestRenamed(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two")
	a, b := c.open(t, "one", anna), c.open(t, "two", berta)
	a.told(t)
	for _, w := range c.towns { // as an event comes to all nodes
		w.hub.Renamed(berta, "Bertha")
	}
	c.settle(t)
	a.hears(t)
	again := c.towns["one"].open(t, anna)
	again.hears(t, "en online, Bertha online")
	c.forward(t, time.Second)
	c.towns["two"].hub.SetPlaying(berta, "m")
	c.settle(t)
	a.hears(t, "en badge Bertha playing m")
	b.hears(t, "en online, Anna online")
	if got := c.network.snapshot("two")[berta].Name; got != "Bertha" {
		t.Errorf("other nodes are told of %q", got)
	}
}

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
	p, hang := newPeople(), make(chan struct{})
	w := newTownOf(t, p, newClock(), func(c *live.Config) {
		c.Seen = func(ctx context.Context, seen map[rally.UserID]time.Time) error {
			<-hang
			return p.Seen(ctx, seen)
		}
	})
	a, b := w.open(t, anna), w.open(t, berta)
	a.told(t)
	left := w.clock.Now()
	b.close(t)
	w.clock.forward(5 * time.Second)
	until(t, "Berta is seen to be gone", func() bool {
		w.hub.Settled()
		return w.hub.Presence(berta).State == rally.PresenceOffline && w.hub.Stats().Presence.Here == 1
	})
	c := w.open(t, carla) // what is told about others does not wait
	until(t, "Anna is told of Carla", func() bool { return w.painter.badges.Load() == 2 })
	close(hang)
	a.hears(t, "en badge Carla online", "en badge Berta offline "+left.Format(time.TimeOnly))
	c.hears(t, "en online, Anna online")
}

// Friends who change while they are asked for are asked for again.
func TestFriendsChangedMeanwhile(t *testing.T) {
	t.Parallel()
	p, asked, answer := newPeople(), make(chan struct{}), make(chan struct{})
	w := newTownOf(t, p, newClock(), func(c *live.Config) {
		c.Friends = func(ctx context.Context, user rally.UserID) ([]rally.UserID, error) {
			friends, err := p.Friends(ctx, user)
			if user == dora {
				asked <- struct{}{}
				<-answer
			}
			return friends, err
		}
	})
	w.open(t, berta).told(t)
	d := w.open(t, dora)
	within(t, asked)
	p.befriend(berta, dora)
	w.hub.FriendsChanged(dora)
	answer <- struct{}{}
	within(t, asked)
	answer <- struct{}{}
	d.hears(t, "en online", "en online, Berta online")
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
				case <-ctx.Done():
					return nil, ctx.Err()
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
