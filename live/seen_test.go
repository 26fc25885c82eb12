package live_test

import (
	"slices"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// What all friends see is rendered once for each language.
func TestRenderedOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var pages []*page
	for i := range rally.UserID(20) {
		w.befriend(berta, 100+i)
		pages = append(pages, w.open(t, 100+i, []string{"en", "ko"}[i%2]), w.open(t, 100+i, "en"))
	}
	for _, p := range pages {
		p.told(t)
	}
	w.open(t, berta)
	w.settle(t)
	for _, p := range pages {
		if got := p.told(t); len(got) != 1 || got[0][2:] != " badge Berta online" {
			t.Errorf("%d is told %q", p.user, got)
		}
	}
	if n := w.painter.badges.Load(); n != 2 {
		t.Errorf("rendered %d times, want once for each of 2 languages", n)
	}
}

// Whoever does nothing for five minutes is away until they do something; a
// browser that comes back by itself does nothing.
func TestAway(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, b := w.open(t, anna), w.open(t, berta)
	a.told(t)
	w.forward(t, 4*time.Minute)
	w.hub.Active(anna)
	w.hub.Active(berta)
	w.forward(t, 5*time.Minute-time.Millisecond)
	a.hears(t)
	w.hub.Active(anna)
	w.forward(t, time.Millisecond)
	a.hears(t, "en badge Berta away")
	b.close(t)
	w.forward(t, time.Second)
	b = w.open(t, berta)
	b.hears(t, "en online, Anna online")
	a.hears(t)
	w.hub.Active(berta)
	a.hears(t, "en badge Berta online")

	// A page that is opened is something that was done, on whatever node.
	w.hub.Active(carla)
	c := w.open(t, carla)
	c.hears(t, "en online, Anna online")
	a.hears(t, "en badge Carla online")
}

// A match is played while a page is open, and waits otherwise.
func TestPlaying(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, b := w.open(t, anna), w.open(t, berta)
	a.told(t)
	w.forward(t, time.Second)
	w.plays(berta, "m")
	a.hears(t, "en badge Berta playing m")
	w.open(t, anna).hears(t, "en online, Berta playing m")
	left := w.clock.Now()
	b.close(t)
	w.forward(t, 6*time.Second)
	a.hears(t, "en badge Berta reconnecting m")
	if !w.seenAt(berta).Equal(left) {
		t.Errorf("seen at %v, want %v", w.seenAt(berta), left)
	}
	b = w.open(t, berta)
	a.hears(t, "en badge Berta playing m")
	b.close(t)
	w.forward(t, 6*time.Second)
	a.told(t)
	w.plays(berta, "")
	a.hears(t, "en badge Berta offline "+left.Add(6*time.Second).Format(time.TimeOnly))
	if got := w.hub.Presence(anna); got.State != rally.PresenceOnline {
		t.Errorf("Anna is %+v", got)
	}
}

// Of somebody who has a match and has never had a page nothing is seen, not
// even a name.
func TestPlayingUnseen(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.open(t, anna)
	w.plays(berta, "m")
	a.hears(t, "en online")
	if s := w.hub.Presence(berta).State; s != rally.PresenceOffline {
		t.Errorf("Berta is %s", s)
	}
	w.open(t, berta).hears(t, "en online, Anna online")
	a.hears(t, "en badge Berta playing m")
}

// What pages are rendered with.
func TestSeen(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.open(t, carla)
	w.open(t, berta)
	w.plays(carla, "m")
	w.settle(t)
	want := []rally.FriendState{
		{User: berta, Name: "Berta", Presence: rally.Presence{State: rally.PresenceOnline}},
		{User: carla, Name: "Carla", Presence: rally.Presence{State: rally.PresencePlaying, Match: "m"}},
	}
	if got := w.hub.Among([]rally.UserID{carla, dora, anna, berta}); !slices.Equal(got, want) {
		t.Errorf("seen %+v", got)
	}
	if got := w.hub.Watchers(anna); !slices.Equal(got, []rally.UserID{berta, carla}) {
		t.Errorf("Anna is watched by %v", got)
	}
	if got := w.hub.Watchers(berta); len(got) != 0 {
		t.Errorf("Berta is watched by %v", got)
	}
}

// Pushing to many renders once for each language, and reaches each once.
func TestPushAll(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(c *live.Config) { c.Painter = nil })
	pages := []*page{w.open(t, anna), w.open(t, berta, "ko"), w.open(t, carla), w.open(t, dora)}
	times := 0
	w.hub.PushAll([]rally.UserID{berta, anna, anna, 99, carla, berta}, func(locale string) ([]byte, error) {
		times++
		return []byte(locale + " news"), nil
	})
	pages[0].hears(t, "en news")
	pages[1].hears(t, "ko news")
	pages[2].hears(t, "en news")
	pages[3].hears(t)
	if times != 2 {
		t.Errorf("rendered %d times", times)
	}
}
