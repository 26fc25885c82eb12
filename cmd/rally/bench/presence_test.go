package bench

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rally"
)

// In a circle everybody has as many friends as was asked for, different ones,
// none of them themselves, and each friendship is there once and mutual.
func TestCircle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		people := rapid.IntRange(1, 300).Draw(t, "people")
		friends := 2 * rapid.IntRange(0, (people-1)/2).Draw(t, "half the friends")
		c, err := newCircle(people, friends)
		if err != nil {
			t.Fatal(err)
		}
		mutual := map[[2]int]int{}
		for i := range people {
			mine := c.friends(i)
			slices.Sort(mine)
			if len(mine) != friends || len(slices.Compact(mine)) != friends || slices.Contains(mine, i) {
				t.Fatalf("%d has the friends %v", i, mine)
			}
			for _, j := range mine {
				mutual[[2]int{min(i, j), max(i, j)}]++
			}
		}
		pairs := c.pairs()
		if len(pairs) != people*friends/2 || len(pairs) != len(mutual) {
			t.Fatalf("%d friendships, of %d pairs", len(pairs), len(mutual))
		}
		for _, p := range pairs {
			if mutual[[2]int{min(p[0], p[1]), max(p[0], p[1])}] != 2 {
				t.Fatalf("%v is not mutual", p)
			}
		}
	})
}

func TestCircleOfTooFew(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]int{{10, 3}, {10, 10}, {4, 6}, {10, -2}} {
		if _, err := newCircle(c[0], c[1]); err == nil {
			t.Errorf("%d people have %d friends each", c[0], c[1])
		}
	}
}

func TestBadgesAreRead(t *testing.T) {
	t.Parallel()
	for fragment, want := range map[string][]rally.UserID{
		"":                                 nil,
		`<span id="online-count">3</span>`: nil,
		`<span data-badge="42" data-state="away"></span>`:            {42},
		`<hx-partial hx-target="[data-badge=&#34;7&#34;]">`:          {7},
		`<li id="online-7"><i data-badge="7"></i></li>`:              {7},
		`<ul><li id="online-12"></li><li id='online-3'></li></ul>`:   {3, 12},
		`<hx-partial hx-target="#online-9" hx-swap="delete"></hx-…>`: {9},
	} {
		if got := named([]byte(fragment)); !slices.Equal(got, want) {
			t.Errorf("%s names %v, want %v", fragment, got, want)
		}
	}
}

// What an onlooker is shown is held against what has been done.
func TestOnlookerCounts(t *testing.T) {
	t.Parallel()
	who, err := newCircle(9, 2)
	if err != nil {
		t.Fatal(err)
	}
	accounts := make([]Account, 10)
	for i := range accounts {
		accounts[i].User = rally.UserID(i + 1)
	}
	s := newSquare(nil, who, accounts, 1)
	v := s.visitors[0]
	if len(s.seated) != 9 || len(s.strange) != 1 || v.audience != 2 {
		t.Fatalf("%d look on, %d are strangers, and %d see who comes", len(s.seated), len(s.strange), v.audience)
	}
	var friend, other *onlooker
	for _, o := range s.seated {
		if _, knows := o.friends[v.account.User]; knows {
			friend = o
		} else {
			other = o
		}
	}

	const here, gone = `<i data-badge="1" data-state="online">`, `<i data-badge="1" data-state="offline">`
	see := func(o *onlooker, text string) { o.see(v.account.User, []byte(text), s.now(), true) }
	see(friend, here) // before anything that is measured
	s.measuring.Store(true)
	s.change(v, false, s.now())
	see(friend, gone)
	s.change(v, true, s.now()+offlineAfter)
	see(friend, here)
	s.change(v, false, s.now())
	see(friend, here)
	see(friend, here)
	see(other, here)
	c := &s.counts
	got := [...]uint64{c.changes.Load(), c.expected.Load(), c.arrived.Load(), c.wrong.Load(), c.again.Load(), c.astray.Load()}
	if want := [...]uint64{3, 6, 1, 2, 1, 1}; got != want {
		t.Errorf("changes, badges expected, arrived, wrong, again and astray are %v, want %v", got, want)
	}
	if c.bytes.Load() != uint64(len(here)) || s.came.total.Load() != 1 || s.went.total.Load() != 0 {
		t.Error("what did not arrive as it should is measured")
	}
}
