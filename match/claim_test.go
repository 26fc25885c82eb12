package match

import (
	"sync"
	"testing"

	"rally"
)

// pairOf makes the match of users 1 and 2 that an id stands for.
func (n *node) pairOf(id rally.MatchID) error {
	return n.Pair(id, rally.Casual, 3, [2]Entrant{entrant(1), entrant(2)})
}

// Both accept a challenge on two nodes at once: there is one match.
func TestPairOnce(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.node(), f.node()
	for range 50 {
		id := rally.NewMatchID()
		var both sync.WaitGroup
		for _, n := range []*node{a, b, a, b} {
			both.Go(func() {
				if err := n.pairOf(id); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if a.Runs(id) == b.Runs(id) {
			t.Fatal("there is not one match")
		}
		f.until("both were called", func() bool { return f.count(rally.MatchPaired, id) == 1 })
		f.until("all know who plays", func() bool {
			one, _ := a.Playing(1)
			two, _ := b.Playing(1)
			return one == id && two == id
		})
		if err := b.Resign(id, 1); err != nil {
			t.Fatal(err)
		}
		f.until("both are free", func() bool {
			_, one := a.Playing(1)
			_, two := b.Playing(1)
			return !one && !two
		})
	}
}

// A claim was written, and nobody has heard so. It is taken back: nobody is told
// of a match that is not there, or stuck in it, and the two can ask again.
func TestClaimWithoutAnswer(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.node(), f.node()
	id := rally.NewMatchID()
	refused := func(n *node) {
		t.Helper()
		if err := n.pairOf(id); rally.ErrorCode(err) != rally.EUnavailable {
			t.Errorf("at %s: %v", n.name, err)
		}
	}
	f.matches.pause(true) // so that nobody sees the claim before the others ask
	f.matches.setStead(func(_ string, create func() error) error { _ = create(); return errAway() })
	refused(a)
	f.matches.setStead(nil)
	refused(a)
	refused(b)
	if !f.matches.has(string(id)) || a.Runs(id) || b.Runs(id) {
		t.Fatal("there is no claim, or a match")
	}
	f.matches.pause(false)
	f.until("it is taken back, and forgotten", func() bool {
		_, busy := b.Playing(1)
		return !f.matches.has(string(id)) && !busy
	})
	if err := b.pairOf(id); err != nil || !b.Runs(id) {
		t.Fatalf("asked again: %v", err)
	}
	if err := a.pairOf(id); err != nil {
		t.Errorf("asked again where it was claimed first: %v", err)
	}
	f.until("all know who plays", func() bool { at, _ := a.Playing(2); return at == id })
}

// While one asks whether there is a match, another may be about to make it: they
// wait for that.
func TestClaimIsAwaited(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.node(), f.node()
	id := rally.NewMatchID()
	claimed, goOn := make(chan struct{}), make(chan struct{})
	f.matches.setStead(func(_ string, create func() error) error {
		f.matches.setStead(nil)
		err := create()
		close(claimed)
		<-goOn
		return err
	})
	var all sync.WaitGroup
	pair := func(n *node) {
		all.Go(func() {
			if err := n.pairOf(id); err != nil {
				t.Errorf("at %s: %v", n.name, err)
			}
		})
	}
	pair(a)
	<-claimed
	f.until("the claim is known", func() bool { _, busy := b.Playing(1); return busy })
	pair(a)
	pair(b)
	close(goOn)
	all.Wait()
	if !a.Runs(id) || b.Runs(id) {
		t.Error("it does not run where it was claimed")
	}
}

// A claim that comes to the board after another match of one of the two clashes
// with it, also if this node sees both before it has made its own.
func TestClaimClashes(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.node(), f.node()
	id := rally.NewMatchID()
	f.matches.setStead(func(what string, do func() error) error {
		if what != "create" {
			return do()
		}
		first := pairAt(f, b, 1, 3)
		f.until("it is on the board", func() bool { return f.matches.has(string(first)) })
		err := do()
		f.until("both have been seen", func() bool {
			at, _ := a.cards.elsewhere(1)
			a.cards.mu.RLock()
			defer a.cards.mu.RUnlock()
			return at == first && a.cards.posted[id] != nil
		})
		return err
	})
	if err := a.pairOf(id); err != nil {
		t.Fatal(err)
	}
	f.until("the second is called off", func() bool {
		info, _ := a.Find(id)
		return info.Phase == Over && info.Outcome == rally.NoShow
	})
}

// A claim that leads to no match, because one of the two plays on this node
// already, is taken back as well.
func TestClaimInVain(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.node(), f.node()
	own := pairAt(f, a, 1, 3)
	id := rally.NewMatchID()
	if err := a.pairOf(id); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("user 1 plays twice: %v", err)
	}
	f.until("the other is free everywhere, the one plays on", func() bool {
		at, _ := b.Playing(1)
		_, busy := b.Playing(2)
		return at == own && !busy && !f.matches.has(string(id))
	})
}
