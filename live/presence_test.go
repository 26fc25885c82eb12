package live_test

import (
	"testing"
	"time"

	"rally"
)

// The first thing that a page is told is who is online: one text, also when
// nobody is.
func TestGreeting(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.open(t, anna)
	a.hears(t, "en online")
	b := w.open(t, berta, "ko")
	b.hears(t, "ko online, Anna online")
	a.hears(t, "en badge Berta online")
	d := w.open(t, dora)
	d.hears(t, "en online")
	again := w.open(t, anna, "ko")
	again.hears(t, "ko online, Berta online")
	for _, p := range []*page{a, b, d, again} {
		p.hears(t)
	}
	if asked, _ := w.counts(); asked != 3 {
		t.Errorf("asked for friends %d times, want once for each of 3", asked)
	}
}

// A page change, a reload and a gap of four seconds are nothing to anybody.
func TestNobodyFlaps(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a, d := w.open(t, anna), w.open(t, dora)
	b := w.open(t, berta)
	a.told(t)
	d.told(t)
	rendered := w.painter.badges.Load()

	for range 5 { // the old page goes before the new one comes, as browsers do
		b.close(t)
		w.forward(t, 300*time.Millisecond)
		b = w.open(t, berta)
		b.hears(t, "en online, Anna online")
	}
	for range 5 { // the other way round
		next := w.open(t, berta)
		next.hears(t, "en online, Anna online")
		b.close(t)
		b = next
		w.forward(t, 300*time.Millisecond)
	}
	for _, gap := range []time.Duration{4 * time.Second, 5*time.Second - time.Millisecond} {
		b.close(t)
		w.forward(t, gap)
		b = w.open(t, berta)
		b.hears(t, "en online, Anna online")
	}
	w.forward(t, time.Minute)
	a.hears(t)
	d.hears(t)
	b.hears(t)
	if n := w.painter.badges.Load() - rendered; n != 0 {
		t.Errorf("%d badges rendered for nobody", n)
	}
	if asked, _ := w.counts(); asked > 4 {
		t.Errorf("asked for friends %d times", asked)
	}
}

// Five seconds after the last socket, friends who are here are told once, with
// the time, and nobody else is.
func TestOffline(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	pages := []*page{w.open(t, anna), w.open(t, anna, "ko"), w.open(t, carla), w.open(t, dora)}
	one, two := w.open(t, berta), w.open(t, berta)
	for _, p := range pages {
		p.told(t)
	}
	one.close(t)
	w.forward(t, time.Minute)
	pages[0].hears(t)
	left := w.clock.Now()
	two.close(t)
	w.forward(t, 5*time.Second-time.Millisecond)
	pages[0].hears(t)
	if s := w.hub.Presence(berta).State; s != rally.PresenceOnline {
		t.Errorf("%s too early", s)
	}
	w.forward(t, time.Millisecond)
	pages[0].hears(t, "en badge Berta offline "+left.Format(time.TimeOnly))
	pages[1].hears(t, "ko badge Berta offline "+left.Format(time.TimeOnly))
	pages[2].hears(t)
	pages[3].hears(t)
	if at := w.seenAt(berta); !at.Equal(left) {
		t.Errorf("seen at %v, want %v", at, left)
	}
	if s := w.hub.Presence(berta).State; s != rally.PresenceOffline {
		t.Errorf("still %s", s)
	}

	// And back: once more, and to nobody else.
	w.forward(t, time.Second)
	w.open(t, berta).hears(t, "en online, Anna online")
	pages[0].hears(t, "en badge Berta online")
	pages[1].hears(t, "ko badge Berta online")
	pages[2].hears(t)
	pages[3].hears(t)
}

// Who has gone leaves nothing behind.
func TestForgotten(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, user := range []rally.UserID{anna, berta, dora} {
		p := w.open(t, user)
		p.told(t)
		p.close(t)
	}
	w.plays(carla, "m")
	w.plays(carla, "")
	w.forward(t, 6*time.Second)
	w.clock.forward(5 * time.Minute)
	w.settle(t)
	if people, watched, _ := w.hub.Crowd(); people != 0 || watched != 0 {
		t.Errorf("%d people and %d watched are left", people, watched)
	}
}

// One text for each change that lasts: the first at once, what follows at most
// every 300 ms, and nothing for what was taken back meanwhile.
func TestCoalescing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.open(t, anna)
	w.open(t, berta).told(t)
	a.told(t)
	w.forward(t, time.Second)

	w.plays(berta, "m1")
	a.hears(t, "en badge Berta playing m1")
	for range 50 { // there and back
		w.plays(berta, "m2")
		w.plays(berta, "m1")
	}
	w.forward(t, time.Second)
	a.hears(t)

	w.plays(berta, "")
	a.hears(t, "en badge Berta online")
	w.plays(berta, "m3")
	w.forward(t, 200*time.Millisecond)
	w.plays(berta, "")
	w.plays(berta, "m4")
	w.forward(t, 99*time.Millisecond)
	a.hears(t)
	w.forward(t, time.Millisecond)
	a.hears(t, "en badge Berta playing m4")
	w.forward(t, time.Minute)
	a.hears(t)

	// Many changes in a second are four texts at most, and the last is true.
	before := w.hub.Stats().Presence.Badges
	for i := range 100 {
		w.plays(berta, rally.MatchID([]string{"", "m"}[i%2]))
		w.settle(t)
		w.clock.forward(10 * time.Millisecond)
	}
	w.forward(t, time.Second)
	heard := a.told(t)
	if n := len(heard); n < 2 || n > 5 || heard[n-1] != "en badge Berta playing m" {
		t.Errorf("told %q", heard)
	}
	if n := w.hub.Stats().Presence.Badges - before; n != uint64(len(heard)) {
		t.Errorf("%d badges counted, %d came", n, len(heard))
	}
}

// A page that is opened while a change has to wait is told what the others have
// been told, and then the change with them.
func TestGreetingWhileQuiet(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	first := w.open(t, anna)
	w.settle(t)
	w.open(t, berta).told(t)
	w.forward(t, time.Second)
	w.plays(berta, "m")
	first.hears(t, "en online", "en badge Berta online", "en badge Berta playing m")
	w.plays(berta, "")
	second := w.open(t, anna)
	second.hears(t, "en online, Berta playing m")
	if s := w.hub.Presence(berta).State; s != rally.PresenceOnline {
		t.Errorf("Berta is %s", s)
	}
	w.forward(t, 300*time.Millisecond)
	first.hears(t, "en badge Berta online")
	second.hears(t, "en badge Berta online")
}
