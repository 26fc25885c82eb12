package store_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally"
)

func TestBlocksAmong(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Cilla", "Dora", "Edda")
	act(t, d.store.Block, ids[1], ids[0])
	act(t, d.store.Block, ids[2], ids[3])
	act(t, d.store.Block, ids[3], ids[2]) // both ways: one pair
	act(t, d.store.Block, ids[4], ids[0]) // who is not among them
	for name, c := range map[string]struct {
		among []rally.UserID
		want  [][2]rally.UserID
	}{
		"all but one": {ids[:4], [][2]rally.UserID{{ids[0], ids[1]}, {ids[2], ids[3]}}},
		"another order": {
			[]rally.UserID{ids[3], ids[1], ids[2], ids[0], 1 << 40},
			[][2]rally.UserID{{ids[0], ids[1]}, {ids[2], ids[3]}},
		},
		"none blocked": {[]rally.UserID{ids[0], ids[2]}, nil},
		"one":          {ids[:1], nil},
		"nobody":       {nil, nil},
	} {
		got, err := d.store.BlocksAmong(t.Context(), c.among)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b [2]rally.UserID) int { return int(a[0] - b[0]) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// A block does not end what who is blocked has sent and the other never saw:
// that nobody else could have ended it would tell them.
func TestBlockLeavesWhatIsHidden(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta")
	anna, berta := ids[0], ids[1]
	stranger := d.challenge(t, anna, berta, 11)
	back := d.challenge(t, berta, anna, 11)
	d.forget()
	act(t, s.Block, berta, anna)
	d.isState(t, stranger.ID, anna, rally.ChallengeOpen)
	if diff := cmp.Diff([]rally.ChallengeID{stranger.ID}, d.challenges(t, anna)); diff != "" {
		t.Errorf("she sees (-want +got):\n%s", diff)
	}
	_, err := s.FindChallenge(t.Context(), back.ID, berta)
	isError(t, err, rally.ENotFound, "challenge.gone") // one's own goes
	isError(t, take(t, d, stranger.ID, berta), rally.ENotFound, "challenge.gone")
	if again := d.challenge(t, anna, berta, 11); again.ID != stranger.ID {
		t.Error("the same is another")
	}
	d.ask(t, anna, berta)
	act(t, s.Unblock, berta, anna)
	act(t, s.Block, berta, anna)
	if got, want := d.stand(t, anna, berta), [2]rally.Relation{rally.RelationAsked, rally.RelationBlocked}; got != want {
		t.Errorf("they stand %q, want %q", got, want)
	}
	for _, kind := range []rally.EventKind{rally.FriendsChanged, rally.ChallengeChanged, rally.Noticed} {
		for _, users := range d.told(kind) {
			if slices.Contains(users, anna) && !cmp.Equal(users, []rally.UserID{anna}) {
				t.Errorf("%s: told %v", kind, users)
			}
		}
	}
	d.move(rally.ChallengeLife)
	if got := d.challenges(t, anna); got != nil {
		t.Errorf("she sees %v", got)
	}
}
