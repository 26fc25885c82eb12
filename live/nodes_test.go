package live_test

import (
	"context"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// Friends on different nodes see each other as if they were on one.
func TestFriendsOnTwoNodes(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two")
	a := c.open(t, "one", anna)
	a.hears(t, "en online")
	b, d := c.open(t, "two", berta), c.open(t, "two", dora)
	b.hears(t, "en online, Anna online")
	a.hears(t, "en badge Berta online")
	c.forward(t, time.Second)
	c.towns["one"].plays(berta, "m") // plays where she has no page
	a.hears(t, "en badge Berta playing m")
	c.forward(t, time.Second)
	c.towns["one"].plays(berta, "")
	a.hears(t, "en badge Berta online")
	c.forward(t, time.Second)
	left := c.clock.Now()
	b.close(t)
	c.forward(t, 5*time.Second)
	a.hears(t, "en badge Berta offline "+left.Format(time.TimeOnly))
	d.hears(t, "en online")
	if at := c.seenAt(berta); !at.Equal(left) {
		t.Errorf("seen at %v, want %v", at, left)
	}
	if _, written := c.counts(); written != 1 {
		t.Errorf("written down %d times", written)
	}
	if n := c.network.entries("two"); n != 1 { // Dora's
		t.Errorf("%d entries", n)
	}
}

// Until it is known what other nodes had told, pages are told nothing; then all
// at once.
func TestGreetingWaitsForNodes(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one")
	c.open(t, "one", carla)
	late := &slowToHear{member: c.network.join("two"), begin: make(chan struct{})}
	w := newTownOf(t, c.people, c.clock, func(cfg *live.Config) { cfg.Nodes = late })
	c.towns["two"] = w
	a := w.open(t, anna)
	w.open(t, berta)
	w.plays(berta, "m")
	until(t, "it is known who are friends", func() bool { return len(w.hub.Watchers(berta)) == 1 })
	until(t, "it is known that she plays", func() bool { return w.hub.Presence(berta).State == rally.PresencePlaying })
	if n := w.painter.lists.Load() + w.painter.badges.Load(); n != 0 {
		t.Errorf("%d texts are rendered", n)
	}
	close(late.begin)
	a.hears(t, "en online, Berta playing m, Carla online")
}

// slowToHear is a node that hears nothing before begin is closed.
type slowToHear struct {
	*member
	begin chan struct{}
}

func (s *slowToHear) Listen(ctx context.Context, ear live.Ear) (stop func(), err error) {
	select {
	case <-s.begin:
	case <-ctx.Done():
	}
	return s.member.Listen(ctx, ear)
}

// Whoever goes from one node to another has never been gone.
func TestMoving(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two", "three")
	a := c.open(t, "three", anna)
	b := c.open(t, "one", berta)
	a.told(t)
	for _, node := range []string{"two", "one", "two", "three", "one"} {
		b.close(t)
		c.forward(t, 2*time.Second)
		b = c.open(t, node, berta)
		b.hears(t, "en online, Anna online")
		c.forward(t, 4*time.Second)
	}
	c.forward(t, 10*time.Second)
	a.hears(t)
}

// A node that is killed takes its people offline everywhere in time, and what
// it has left behind is cleared away.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two", "three")
	a := c.open(t, "one", anna)
	c.open(t, "two", berta)
	c.open(t, "three", dora)
	a.told(t)
	c.forward(t, time.Minute)
	last := c.clock.Now()
	c.kill(t, "two")
	c.forward(t, 5*time.Second-time.Millisecond)
	a.hears(t)
	c.forward(t, time.Millisecond)
	a.hears(t, "en badge Berta offline "+last.Format(time.TimeOnly))
	if at := c.seenAt(berta); !at.Equal(last) {
		t.Errorf("seen at %v, want %v", at, last)
	}
	until(t, "what the dead node told is cleared away", func() bool { return c.network.entries("two") == 0 })
	until(t, "it is forgotten", func() bool { _, _, nodes := c.towns["one"].hub.Crowd(); return nodes == 1 })
	a.hears(t)
}

// A node that is killed and starts again under another name makes nobody flap,
// neither for those elsewhere nor for those who come back to it.
func TestRestartedNode(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two")
	c.befriend(berta, carla)
	a := c.open(t, "one", anna)
	c.open(t, "two", berta)
	carlas := c.open(t, "two", carla)
	carlas.hears(t, "en online, Anna online, Berta online")
	a.told(t)
	c.forward(t, time.Minute)
	c.network.cut("two")
	last := c.clock.Now()
	delete(c.towns, "two")
	c.forward(t, 2*time.Second)
	c.start(t, "another two")
	// Carla is the first to come back; Berta still counts.
	carlas = c.open(t, "another two", carla)
	carlas.hears(t, "en online, Anna online, Berta online")
	c.forward(t, time.Second)
	c.network.live("two", false, last)
	c.forward(t, time.Second)
	b := c.open(t, "another two", berta)
	b.hears(t, "en online, Anna online, Carla online")
	c.forward(t, time.Minute)
	for _, p := range []*page{a, b, carlas} {
		p.hears(t)
	}
}

// Who was away before a restart is away after it.
func TestAwayAcrossRestart(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two")
	a := c.open(t, "one", anna)
	c.open(t, "two", berta)
	a.told(t)
	c.forward(t, 4*time.Minute)
	c.towns["one"].hub.Active(anna)
	c.forward(t, time.Minute)
	a.hears(t, "en badge Berta away")
	c.network.cut("two")
	last := c.clock.Now()
	delete(c.towns, "two")
	c.start(t, "another")
	c.open(t, "another", berta)
	c.network.live("two", false, last)
	c.forward(t, 20*time.Second)
	a.hears(t)
	// What she does may come to a node where she has no page.
	c.towns["one"].hub.Active(berta)
	a.hears(t, "en badge Berta online")
	c.forward(t, 4*time.Minute)
	c.towns["one"].hub.Active(anna)
	c.forward(t, time.Minute)
	a.hears(t, "en badge Berta away")
}

// What was left behind long ago counts for nothing, whether it is still known
// when its node died or not.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"lease known": true, "lease forgotten": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCounty(t, "old")
			c.open(t, "old", berta)
			told := c.clock.Now()
			c.forward(t, time.Minute)
			died := c.clock.Now()
			c.network.cut("old")
			delete(c.towns, "old")
			c.network.live("old", false, died)
			want := died
			if !known {
				c.network.mu.Lock()
				delete(c.network.lives, "old")
				c.network.mu.Unlock()
				want = told
			}
			c.clock.forward(10 * time.Hour)
			w := c.start(t, "new")
			a := c.open(t, "new", anna)
			a.hears(t, "en online")
			if s := w.hub.Presence(berta).State; s != rally.PresenceOffline {
				t.Errorf("Berta is %s", s)
			}
			until(t, "it is cleared away", func() bool { return c.network.entries("old") == 0 })
			if at := c.seenAt(berta); !at.Equal(want) {
				t.Errorf("seen at %v, want %v", at, want)
			}
			a.hears(t)
		})
	}
}

// While nothing can be told, nobody flaps; afterwards everything is.
func TestNetworkAway(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two")
	a, b := c.open(t, "one", anna), c.open(t, "two", berta)
	a.told(t)
	b.told(t)
	c.network.setAway(true)
	carlas := c.towns["two"].open(t, carla)
	until(t, "Carla is told", func() bool { return c.towns["two"].painter.lists.Load() == 2 })
	for range 200 { // nothing settles now
		c.clock.forward(100 * time.Millisecond)
		c.towns["one"].hub.Settled()
		c.towns["two"].hub.Settled()
	}
	if n := c.towns["one"].hub.Stats().Presence.Badges; n != 1 { // Berta's
		t.Errorf("%d badges", n)
	}
	c.network.setAway(false)
	c.settle(t)
	a.hears(t, "en badge Carla online")
	carlas.hears(t, "en online, Anna online")
	b.hears(t)
}

// A node that seemed dead, and was not, tells again what was cleared away.
func TestSeemingDead(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two")
	a := c.open(t, "one", anna)
	c.open(t, "two", berta)
	a.told(t)
	c.forward(t, time.Minute)
	last := c.clock.Now()
	c.forward(t, 3*time.Second)
	c.network.live("two", false, last)
	c.forward(t, 5*time.Second)
	a.hears(t, "en badge Berta offline "+last.Format(time.TimeOnly))
	want := live.Sighting{Name: "Berta", Here: true, Awake: true}
	if got := c.towns["two"].hub.Told(berta); got != want {
		t.Errorf("node two believes that it has told %+v", got)
	}
	c.forward(t, time.Second)
	c.network.live("two", true, c.clock.Now())
	a.hears(t, "en badge Berta online")
	until(t, "it is told again", func() bool { return c.network.snapshot("two")[berta].Sighting == want })
	c.forward(t, time.Minute)
	a.hears(t)
}

// Stopping tells nobody anything, and writes down when everybody was here.
func TestStopping(t *testing.T) {
	t.Parallel()
	c := newCounty(t, "one", "two")
	a, b := c.open(t, "one", anna), c.open(t, "two", berta)
	left := c.open(t, "two", carla)
	a.told(t)
	before := c.clock.Now()
	left.close(t)
	c.forward(t, 2*time.Second)
	stopped := c.clock.Now()
	c.towns["two"].hub.Shutdown(t.Context())
	within(t, b.end.closed)
	delete(c.towns, "two")
	if !c.seenAt(berta).Equal(stopped) || !c.seenAt(carla).Equal(before) {
		t.Errorf("seen at %v and %v, want %v and %v", c.seenAt(berta), c.seenAt(carla), stopped, before)
	}
	c.network.live("two", false, stopped)
	c.forward(t, 4*time.Second)
	c.open(t, "one", berta).hears(t, "en online, Anna online")
	a.hears(t)
	c.forward(t, 3999*time.Millisecond)
	a.hears(t)
	c.forward(t, time.Millisecond)
	a.hears(t, "en badge Carla offline "+stopped.Format(time.TimeOnly))
}
