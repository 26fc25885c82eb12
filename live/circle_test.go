package live_test

import (
	"context"
	"testing"
	"time"

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
	w.plays(berta, "m")
	d.hears(t, "en badge Berta playing m")
	w.forward(t, time.Second)
	w.plays(berta, "")
	d.hears(t, "en badge Berta online")
	w.forward(t, time.Second)

	w.part(berta, dora)
	w.hub.FriendsChanged(berta, dora)
	b.hears(t, "en online")
	d.hears(t, "en online")
	w.plays(berta, "m")
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
	c.towns["two"].plays(berta, "m")
	c.settle(t)
	a.hears(t, "en badge Bertha playing m")
	b.hears(t, "en online, Anna online")
	if got := c.network.snapshot("two")[berta].Name; got != "Bertha" {
		t.Errorf("other nodes are told of %q", got)
	}
}

// What was asked for somebody who went is not the answer for them when they are
// back: their friends may have changed in between.
func TestFriendsAskedBeforeLeaving(t *testing.T) {
	t.Parallel()
	p, asked, answers := newPeople(), make(chan struct{}), make(chan chan struct{}, 2)
	first, second := make(chan struct{}), make(chan struct{})
	answers <- first
	answers <- second
	w := newTownOf(t, p, newClock(), func(c *live.Config) {
		c.Friends = func(ctx context.Context, user rally.UserID) ([]rally.UserID, error) {
			friends, err := p.Friends(ctx, user)
			if user == dora {
				asked <- struct{}{}
				select {
				case <-<-answers:
				case <-t.Context().Done():
				}
			}
			return friends, err
		}
	})
	w.open(t, berta).told(t)
	d := w.open(t, dora)
	within(t, asked)
	d.close(t)
	w.clock.forward(5 * time.Second)
	until(t, "Dora is offline", func() bool { w.hub.Settled(); return w.hub.Stats().Presence.Changes == 3 })
	p.befriend(berta, dora)
	w.hub.FriendsChanged(dora) // she is not here
	d = w.open(t, dora)
	within(t, asked)
	close(first)
	close(second)
	until(t, "both answers are taken in", w.hub.Settled)
	if got := d.told(t); got[len(got)-1] != "en online, Berta online" {
		t.Errorf("told %q", got)
	}
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
	d.hears(t, "en online, Berta online")
}
