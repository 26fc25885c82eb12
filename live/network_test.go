package live_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// network is what nodes share, in memory: what each has told, which of them
// live, and who listens.
type network struct {
	clock *clock

	mu    sync.Mutex
	away  bool
	news  int // times that nodes have been told something
	told  map[string]map[rally.UserID]entry
	lives map[string]life
	ears  map[string]live.Ear
}

type entry struct {
	live.Sighting
	at time.Time
}

type life struct {
	alive bool
	at    time.Time
}

func newNetwork(c *clock) *network {
	return &network{
		clock: c, told: make(map[string]map[rally.UserID]entry),
		lives: make(map[string]life), ears: make(map[string]live.Ear),
	}
}

// member is one node's end of it.
type member struct {
	*network
	name string
}

// join gives a node its end, and has the others know that it lives.
func (n *network) join(name string) *member {
	m := &member{n, name}
	n.live(name, true, n.clock.Now())
	return m
}

// live has everybody know whether a node lives.
func (n *network) live(name string, alive bool, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.news++
	n.lives[name] = life{alive, at}
	for other, ear := range n.ears {
		if other != name {
			ear.Alive(name, alive, at)
		}
	}
}

// cut has a node hear and tell nothing any more, as if it had been killed.
func (n *network) cut(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.ears, name)
}

func (n *network) setAway(away bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = away
}

// heard gives how often nodes have been told something.
func (n *network) heard() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.news
}

// entries gives of how many users a node has told something.
func (n *network) entries(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.told[name])
}

func (m *member) Tell(_ context.Context, user rally.UserID, s live.Sighting) error {
	return m.put(m.name, user, s)
}

func (m *member) Forget(_ context.Context, node string, user rally.UserID) error {
	return m.put(node, user, live.Sighting{})
}

func (m *member) put(node string, user rally.UserID, s live.Sighting) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away || m.ears[m.name] == nil {
		return errStoreAway
	}
	m.news++
	at := m.clock.Now()
	if s.Empty() {
		delete(m.told[node], user)
		at = time.Time{}
	} else {
		if m.told[node] == nil {
			m.told[node] = make(map[rally.UserID]entry)
		}
		m.told[node][user] = entry{s, at}
	}
	for other, ear := range m.ears {
		switch {
		case other != node:
			ear.Told(node, user, s, at)
		case s.Empty():
			ear.Cleared(user)
		}
	}
	return nil
}

func (m *member) Listen(_ context.Context, ear live.Ear) (stop func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, l := range m.lives {
		if name != m.name {
			ear.Alive(name, l.alive, l.at)
		}
	}
	for name, told := range m.told {
		for user, e := range told {
			ear.Told(name, user, e.Sighting, e.at)
		}
	}
	m.ears[m.name] = ear
	return func() { m.cut(m.name) }, nil
}

// county is some towns that know of each other.
type county struct {
	*people
	clock   *clock
	network *network
	towns   map[string]*town
}

func newCounty(t testing.TB, nodes ...string) *county {
	t.Helper()
	c := &county{people: newPeople(), clock: newClock(), towns: make(map[string]*town)}
	c.network = newNetwork(c.clock)
	for _, name := range nodes {
		c.start(t, name)
	}
	return c
}

// start starts a node.
func (c *county) start(t testing.TB, name string) *town {
	t.Helper()
	m := c.network.join(name)
	w := newTownOf(t, c.people, c.clock, func(cfg *live.Config) { cfg.Nodes = m })
	c.towns[name] = w
	return w
}

// kill ends a node: nobody hears of it again, and 3 s later its lease is gone.
func (c *county) kill(t testing.TB, name string) {
	t.Helper()
	last := c.clock.Now()
	c.network.cut(name)
	delete(c.towns, name)
	c.forward(t, 3*time.Second)
	c.network.live(name, false, last)
}

// settle waits until all towns are settled and none has told another anything
// while that was looked at.
func (c *county) settle(t testing.TB) {
	t.Helper()
	until(t, "all nodes are told", func() bool {
		before := c.network.heard()
		for _, w := range c.towns {
			if !w.hub.Settled() {
				return false
			}
		}
		return c.network.heard() == before
	})
}

// forward lets time pass on all nodes.
func (c *county) forward(t testing.TB, d time.Duration) {
	t.Helper()
	for step := 100 * time.Millisecond; d > 0; d -= step {
		c.settle(t)
		c.clock.forward(min(step, d))
	}
	c.settle(t)
}

// open opens a page on a node.
func (c *county) open(t testing.TB, node string, user rally.UserID) *page {
	t.Helper()
	p := c.towns[node].open(t, user)
	c.settle(t)
	return p
}

// snapshot gives what a node has told.
func (n *network) snapshot(name string) map[rally.UserID]entry {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.told[name])
}
