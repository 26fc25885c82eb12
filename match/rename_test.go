package match

import (
	"testing"

	"rally"
)

// Whoever takes another name is called by it from then on, in the match they
// are in, in the rematch and by a result that comes later; nobody else is.
func TestRename(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _, _ := w.begin(1)
	before := w.count(rally.MatchChanged, id)
	w.Rename(2, "Someone")
	w.Rename(2, "Someone")
	w.Rename(3, "Nobody")
	info := w.info(id)
	if info.Players[0].Name != "Player" || info.Players[1].Name != "Someone" {
		t.Errorf("%q against %q", info.Players[0].Name, info.Players[1].Name)
	}
	if n := w.count(rally.MatchChanged, id) - before; n != 1 {
		t.Errorf("told %d times, want once", n)
	}
	w.must(w.Resign(id, 1))
	w.stored(id)
	if got := w.results(id)[0].Players[1].Name; got != "Someone" {
		t.Errorf("the result is of %q", got)
	}

	// A match that is over tells nobody, and its rematch is by the newest name.
	before = w.count(rally.MatchChanged, id)
	w.Rename(1, "Other")
	if n := w.count(rally.MatchChanged, id) - before; n != 0 {
		t.Errorf("told %d times of a match that is over", n)
	}
	if _, err := w.Rematch(id, 1, false); err != nil {
		t.Fatal(err)
	}
	next, err := w.Rematch(id, 2, false)
	if err != nil {
		t.Fatal(err)
	}
	if players := w.info(next).Players; players[0].Name != "Other" || players[1].Name != "Someone" {
		t.Errorf("the rematch is %q against %q", players[0].Name, players[1].Name)
	}
}

func TestRenameInTheQueue(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	l.enter(1, 1500)
	l.Rename(1, "Someone")
	l.Rename(9, "Nobody")
	l.enter(2, 1500)
	l.settle()
	id, paired := l.registry.Playing(1)
	info, _ := l.registry.Find(id)
	if !paired {
		t.Fatal("they are not paired")
	}
	if got := info.Players[info.Of(1)].Name; got != "Someone" {
		t.Errorf("plays as %q", got)
	}
}
