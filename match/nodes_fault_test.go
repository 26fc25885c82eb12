package match

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rally"
	"rally/pong"
)

// Letters may be lost: joins, welcomes, closes. What is true comes about all the
// same.
func TestLettersAreLost(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a := f.node(), f.node()
	id := pairOn(f, home, 3)
	lost := map[byte]int{}
	f.locked(func() {
		f.lose = func(_ string, letter []byte) bool {
			lost[letter[0]]++ // the first of every kind
			return lost[letter[0]] == 1
		}
	})
	v, leave := a.visit(1, id)
	f.until("the player is there", func() bool { info, _ := a.Find(id); return info.Players[0].Connected })
	f.until("it is welcome", func() bool { return v.welcomed() > 0 })

	before := v.welcomed()
	home.dismiss(a.name) // as if it had been taken for dead
	f.until("it is welcome again", func() bool { return v.welcomed() > before })

	leave() // nobody hears of that
	f.until("home hears of it all the same", func() bool { return home.Stats().Guests == 0 })
}

// While NATS is away a match plays on where it runs, and waits for who is
// elsewhere; then it goes on.
func TestNATSAway(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a := f.node(func(c *Config) { c.Silence = 2 * time.Second }), f.node()
	id := pairOn(f, home, 99)
	f.until("it is known", func() bool { at, _ := a.Playing(2); return at == id })
	home.visit(1, id)
	far, _ := a.visit(2, id)
	if err := home.Ready(id, 1); err != nil {
		t.Fatal(err)
	}
	if err := a.Ready(id, 2); err != nil {
		t.Fatal(err)
	}
	phase := func() Phase { info, _ := home.Find(id); return info.Phase }
	f.until("it plays", func() bool { return phase() == Playing })
	f.setAway(true)
	f.until("it waits", func() bool { return phase() == Paused })
	if info, ok := a.Find(id); !ok || info.Phase != Paused || info.Stored {
		t.Errorf("from afar it is %+v", info)
	}
	if err := a.Resign(id, 2); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("resigned while NATS is away: %v", err)
	}
	practice, err := home.Practice(entrant(5), rally.BotEasy, 3)
	if err != nil {
		t.Fatalf("no practice while NATS is away: %v", err)
	}
	f.setAway(false)
	f.until("it goes on", func() bool { return phase() == Playing })
	if _, refused, _ := far.answers(); len(refused) > 0 {
		t.Error("refused meanwhile")
	}
	f.until("what was made meanwhile is known", func() bool { at, _ := a.Playing(5); return at == practice })
}

// NATS takes cards and gives no answer: calls to matches wait for one try, not for
// one after the other.
func TestCallsDoNotQueue(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	n := f.node()
	fail := make(chan struct{})
	failing := sync.OnceFunc(func() { f.matches.setStead(nil); close(fail) })
	defer failing()
	f.matches.setStead(func(string, func() error) error { <-fail; return errAway() })
	var ids []rally.MatchID
	for i := range rally.UserID(5) {
		id := rally.NewMatchID()
		if err := n.registry.Pair(id, rally.Casual, 3, [2]Entrant{entrant(2*i + 1), entrant(2*i + 2)}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	waited := make(chan struct{})
	go func() { defer close(waited); n.cards.writer.wait(ids[4]) }()
	fail <- struct{}{}
	for _, id := range ids {
		f.until("they are called", func() bool { return f.count(rally.MatchPaired, id) == 1 })
	}
	<-waited
	failing()
	f.until("all are on the board in the end", func() bool {
		for _, id := range ids {
			if !f.matches.has(string(id)) {
				return false
			}
		}
		return true
	})
}

// A node dies: its matches are over without a result, their pages say so, and
// nobody is stuck in them.
func TestNodeDies(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a := f.node(), f.node()
	id := pairOn(f, home, 3)
	v, _ := a.visit(1, id)
	f.until("the player is there", func() bool { info, _ := a.Find(id); return info.Players[0].Connected })
	own := pairAt(f, a, 3, 4)
	guest, _ := home.visit(3, own)
	f.until("there is a guest", func() bool { return a.Stats().Guests == 1 && guest.welcomed() > 0 })

	home.kill()
	if info, ok := a.Find(id); !ok || info.Phase != Over || info.Outcome != rally.Interrupted || !info.Stored ||
		info.Players[0].User != 1 || info.FinishedAt.IsZero() {
		t.Errorf("the match is %+v", info)
	}
	if at, busy := a.Playing(1); busy {
		t.Errorf("user 1 is stuck in %s", at)
	}
	if err := a.Ready(id, 1); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("ready for it: %v", err)
	}
	if _, refused, _ := v.answers(); len(refused) != 1 || refused[0].Reason != pong.RefusedGone {
		t.Errorf("its page was told %v", refused)
	}
	if n := f.count(rally.MatchChanged, id); n == 0 {
		t.Error("nobody is told")
	}
	if s := a.Stats(); s.Ties != 0 || s.Guests != 0 {
		t.Errorf("%d ties, %d guests are left", s.Ties, s.Guests)
	}
	if _, err := a.Practice(entrant(1), rally.BotEasy, 3); err != nil {
		t.Errorf("user 1 cannot play: %v", err)
	}
}

func pairAt(f *fabric, n *node, left, right rally.UserID) rally.MatchID {
	f.Helper()
	id, err := n.Create(rally.Rated, 3, [2]Entrant{entrant(left), entrant(right)})
	if err != nil {
		f.Fatal(err)
	}
	return id
}

// What dead nodes have left on the board is cleared away in the end, also by one
// who never knew them; a node that was taken for dead puts its cards back.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a := f.node(), f.node()
	board := f.matches
	id := pairOn(f, home, 3)
	if err := board.Delete(context.Background(), string(id)); err != nil {
		t.Fatal(err)
	}
	f.until("the card is back", func() bool { return board.has(string(id)) })
	marker := pairAt(f, a, 8, 9) // comes to the board after that
	f.until("all of that is known", func() bool {
		a.cards.mu.RLock()
		defer a.cards.mu.RUnlock()
		return a.cards.posted[marker] != nil
	})
	home.kill()
	if left := a.cards.leftovers(time.Hour); len(left) != 0 {
		t.Errorf("%v are leftovers already", left)
	}
	if left := a.cards.leftovers(0); !slices.Equal(left, []rally.MatchID{id}) {
		t.Errorf("leftovers are %v", left)
	}
	f.made(id, time.Now().Add(time.Hour))
	late := f.node()
	f.until("the late one has heard", func() bool { _, ok := late.cards.where(id); return ok })
	if info, ok := late.Find(id); !ok || info.Phase == Over {
		t.Errorf("for the late one, who may not have heard of its node yet, it is %+v", info)
	}
	f.made(id, time.Now().Add(-unheardTime))
	f.until("it is over for the late one as well", func() bool {
		info, _ := late.Find(id)
		return info.Outcome == rally.Interrupted
	})
	if _, busy := late.Playing(1); busy {
		t.Error("user 1 is stuck in it")
	}
	for _, left := range late.cards.leftovers(0) {
		late.cards.writer.write(left, nil)
	}
	f.until("it is cleared away", func() bool { return !board.has(string(id)) })
	f.until("nothing is known of it", func() bool { _, ok := a.Find(id); return !ok })
}

// made has the board say when a match was made.
func (f *fabric) made(id rally.MatchID, at time.Time) {
	f.Helper()
	value, _, err := f.matches.Get(f.Context(), string(id))
	if err != nil {
		f.Fatal(err)
	}
	var c card
	if err := json.Unmarshal(value, &c); err != nil {
		f.Fatal(err)
	}
	c.Made = at
	if value, err = json.Marshal(c); err != nil {
		f.Fatal(err)
	}
	if err := f.matches.Put(f.Context(), string(id), value); err != nil {
		f.Fatal(err)
	}
}

// Two nodes put the same person into matches before either has heard of the
// other's: the one that came to the board first stays.
func TestClash(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	a, b := f.node(), f.node()
	board := f.matches
	board.pause(true)
	first := pairAt(f, a, 1, 2)
	f.until("the first is on the board", func() bool { return board.has(string(first)) })
	second := pairAt(f, b, 1, 3)
	board.pause(false)
	f.until("the second is called off", func() bool {
		info, _ := b.Find(second)
		return info.Phase == Over && info.Outcome == rally.NoShow
	})
	if info, _ := a.Find(first); info.Phase != Waiting {
		t.Errorf("the first is %v", info.Phase)
	}
	f.until("user 1 plays the first everywhere", func() bool {
		one, _ := a.Playing(1)
		two, _ := b.Playing(1)
		_, third := b.Playing(3)
		return one == first && two == first && !third
	})
}

// A node that stops in order takes its matches off the board, with their results
// stored.
func TestNodeStops(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a := f.node(), f.node()
	id := pairOn(f, home, 3)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := home.registry.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	home.Stop(ctx)
	if home.results(id) != 1 || f.matches.has(string(id)) {
		t.Errorf("%d results", home.results(id))
	}
	f.until("nothing is known of it", func() bool { _, ok := a.Find(id); return !ok })
}

// Whatever is in a letter, nothing breaks, and links go on.
func TestLettersOfNonsense(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a := f.node(), f.node()
	id := pairOn(f, home, 3)
	v, _ := a.visit(1, id)
	f.until("it is welcome", func() bool { return v.welcomed() > 0 })
	rapid.Check(t, func(t *rapid.T) {
		letter := []byte{rapid.SampledFrom([]byte("jfcsmux")).Draw(t, "what"), 0, 0, 0, 0, 0, 0, 0, rapid.Byte().Draw(t, "number")}
		letter = append(letter, rapid.SliceOf(rapid.Byte()).Draw(t, "rest")...)
		for _, n := range []*node{home, a} {
			n.receive(letter)
		}
	})
	f.until("it is there", func() bool { info, _ := a.Find(id); return info.Players[0].Connected })
}
