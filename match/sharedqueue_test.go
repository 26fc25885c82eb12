package match

import (
	"encoding/json"
	"sync/atomic"
	"testing"
	"time"

	"rally"
)

// desk is the queue at one node.
type desk struct {
	*Matchmaker
	node  *node
	leads atomic.Bool  // of those that are open, one may
	asked atomic.Int64 // how often it was asked whether it leads
}

// desk opens the queue at a node.
func (f *fabric) desk() *desk {
	f.Helper()
	d := &desk{node: f.node()}
	d.Matchmaker = NewMatchmaker(MatchmakerConfig{
		Playing: d.node.Playing,
		Present: func(user rally.UserID) bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.present[user]
		},
		Publish: f.publish, Points: 3,
		Shared: &Shared{Nodes: d.node.Nodes, Board: f.queue, Leads: func() bool { d.asked.Add(1); return d.leads.Load() }},
	})
	d.Start()
	f.Cleanup(d.Stop)
	return d
}

func (f *fabric) come(users ...rally.UserID) {
	f.locked(func() {
		for _, user := range users {
			f.present[user] = true
		}
	})
}

func (d *desk) enter(user rally.UserID) {
	d.node.fabric.Helper()
	if err := d.Enter(entrant(user)); err != nil {
		d.node.fabric.Fatal(err)
	}
	d.node.fabric.until("who has entered waits, or plays", func() bool {
		_, in := d.Waiting(user)
		_, busy := d.node.Playing(user)
		return in || busy
	})
}

// There is one queue: whoever enters at one node waits at all of them, is paired
// with somebody from another, and plays where one of the two has entered.
func TestSharedQueue(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	leader, a, b := f.desk(), f.desk(), f.desk()
	leader.leads.Store(true)
	f.come(1, 2, 3)
	a.enter(1)
	a.enter(1)
	f.until("the user waits everywhere", func() bool {
		_, one := leader.Waiting(1)
		waited, two := b.Waiting(1)
		return one && two && waited < time.Minute && b.Len() == 1
	})
	begun := time.Now()
	b.enter(2)
	var id rally.MatchID
	f.until("they play", func() bool {
		id, _ = a.node.Playing(1)
		other, _ := b.node.Playing(2)
		return id != "" && id == other
	})
	t.Logf("paired within %v", time.Since(begun))
	if a.node.Runs(id) == b.node.Runs(id) {
		t.Error("the match runs on neither node where they have entered")
	}
	f.until("both were called, and wait no longer", func() bool {
		return f.count(rally.MatchPaired, id) == 1 && leader.Len()+a.Len()+b.Len() == 0
	})
	if err := b.Enter(entrant(1)); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("who plays has entered: %v", err)
	}
	a.enter(3)
	f.until("the user waits at the leader's", func() bool { return leader.Len() == 1 })
	b.knows(3)
	b.Leave(3)
	f.until("nobody waits anywhere", func() bool { return leader.Len()+a.Len()+b.Len() == 0 })
	if f.queue.has(queueKey(3)) {
		t.Error("the user is still on the board")
	}
}

// knows waits until a user is in this node's copy of the queue.
func (d *desk) knows(user rally.UserID) {
	d.node.fabric.Helper()
	d.node.fabric.until("the user is known here", func() bool { _, in := d.Waiting(user); return in })
}

// While nobody leads, everybody waits; whoever comes to lead pairs those who
// have waited since before.
func TestQueueChangesHands(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.desk(), f.desk()
	a.leads.Store(true)
	f.come(1, 2)
	a.enter(1)
	a.leads.Store(false)
	asked := a.asked.Load()
	a.nudge()
	f.until("what it paired while it led is paired", func() bool { return a.asked.Load() > asked })
	a.enter(2)
	b.knows(1)
	b.knows(2)
	if _, busy := b.node.Playing(1); busy {
		t.Error("paired, and nobody leads")
	}
	a.node.kill()
	b.leads.Store(true)
	f.until("they are paired", func() bool { _, busy := b.node.Playing(2); return busy })
	if id, _ := b.node.Playing(2); !b.node.Runs(id) {
		t.Error("the match runs on a node that is gone")
	}
}

// Whoever is gone lapses, also what was left by a site that stopped overnight;
// whoever has no socket stays by asking, at whatever node.
func TestSharedQueueLapses(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	yesterday := time.Now().Add(-24 * time.Hour)
	value, err := json.Marshal(waiter{Entrant: entrant(1), Node: "gone", Since: yesterday, Seen: yesterday})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.queue.Put(t.Context(), queueKey(1), value); err != nil {
		t.Fatal(err)
	}
	a, b := f.desk(), f.desk()
	a.knows(1)
	a.leads.Store(true)
	a.enter(2) // nobody is paired with who is not there
	f.until("the leftover is gone", func() bool { return !f.queue.has(queueKey(1)) })
	if _, busy := a.node.Playing(2); busy {
		t.Error("paired with somebody who is not there")
	}
	b.knows(2)
	aged := a.age(2)
	f.until("the leader has heard of it", func() bool {
		b.age(2)
		b.Seen(2)
		a.mu.Lock()
		defer a.mu.Unlock()
		e := a.entries[2]
		return e != nil && e.seen > aged
	})
}

// age has this node have heard last of a user so long ago that a sign of life
// would be passed on, and gives when that is. Whoever is not there stays so.
func (d *desk) age(user rally.UserID) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.entries[user]
	if !ok {
		return 0
	}
	e.seen -= seenAgain
	return e.seen
}

// While NATS is away nobody can enter, and whoever has left stays out.
func TestSharedQueueAway(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.desk(), f.desk()
	f.come(1, 2)
	a.enter(1)
	b.knows(1)
	f.setAway(true)
	if err := b.Enter(entrant(2)); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("entered while NATS is away: %v", err)
	}
	a.Leave(1)
	if _, in := a.Waiting(1); in {
		t.Error("has left and waits")
	}
	f.setAway(false)
	f.until("is out everywhere", func() bool { return a.Len()+b.Len() == 0 })
	a.enter(1)
	b.knows(1)
}

// Somebody leaves while another node passes on that they are there: they stay
// out, everywhere.
func TestSignOfLifeIsLate(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.desk(), f.desk()
	a.enter(1)
	b.knows(1)
	b.age(1)
	f.queue.setStead(func(_ string, do func() error) error {
		a.Leave(1)
		f.until("has left everywhere", func() bool { return a.Len()+b.Len() == 0 })
		return do()
	})
	b.Seen(1)
	f.queue.setStead(nil)
	if f.queue.has(queueKey(1)) {
		t.Error("back on the board")
	}
}

// Whoever has entered at one node can leave at another that has not heard of it.
func TestLeaveUnseen(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.desk(), f.desk()
	f.come(1, 2)
	f.queue.pause(true)
	if err := a.Enter(entrant(1)); err != nil {
		t.Fatal(err)
	}
	b.Leave(1)
	if f.queue.has(queueKey(1)) {
		t.Error("still on the board")
	}
	f.queue.pause(false)
	a.enter(2)
	a.knows(2)
	b.knows(2)
	if a.Len() != 1 || b.Len() != 1 {
		t.Errorf("%d and %d wait", a.Len(), b.Len())
	}
}

// Whoever was told that entering failed is not in the queue, although the board
// had them before its answer was lost; and can enter again.
func TestEnteringWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"seen before": true, "seen after": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFabric(t)
			a, b := f.desk(), f.desk()
			f.come(1)
			f.queue.pause(!first)
			f.queue.setStead(func(_ string, do func() error) error {
				if err := do(); err != nil {
					t.Error(err)
				}
				if first {
					a.knows(1)
				}
				return errAway()
			})
			if err := a.Enter(entrant(1)); rally.ErrorCode(err) != rally.EUnavailable {
				t.Errorf("entered: %v", err)
			}
			f.queue.setStead(nil)
			f.queue.pause(false)
			f.until("is out everywhere", func() bool { return !f.queue.has(queueKey(1)) && a.Len()+b.Len() == 0 })
			a.mu.Lock()
			if len(a.entering) > 0 {
				t.Error("still entering")
			}
			a.mu.Unlock()
			a.enter(1)
			b.knows(1)
		})
	}
}

// Whoever could not enter at one node and has at another stays there: what is
// still to be taken off the board is what the first one may have written.
func TestEnterElsewhere(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.desk(), f.desk()
	f.come(1)
	f.setAway(true)
	if err := a.Enter(entrant(1)); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("entered: %v", err)
	}
	f.queue.pause(true) // the first does not hear of the second
	f.setAway(false)
	if err := b.Enter(entrant(1)); err != nil {
		t.Fatal(err)
	}
	a.eraseAgain()
	if !f.queue.has(queueKey(1)) {
		t.Error("taken off the board")
	}
	f.queue.pause(false)
	a.knows(1)
	b.knows(1)
}
