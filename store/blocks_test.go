package store_test

import (
	"slices"
	"testing"

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
