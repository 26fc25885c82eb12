package match

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rally"
)

func TestPairingProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var queue []candidate
		byUser := map[rally.UserID]candidate{}
		for i := range rapid.IntRange(0, 30).Draw(t, "candidates") {
			c := candidate{
				user:   rally.UserID(i + 1),
				rating: float64(rapid.IntRange(30, 60).Draw(t, "rating")) * 50,
				waited: time.Duration(rapid.IntRange(0, 25).Draw(t, "waited")) * time.Second,
			}
			queue = append(queue, c)
			byUser[c.user] = c
		}
		// Some have blocked others, some of them people who do not wait.
		user := rapid.IntRange(1, 35)
		blocks := apart{}
		for range rapid.IntRange(0, 60).Draw(t, "blocks") {
			one, other := rally.UserID(user.Draw(t, "one")), rally.UserID(user.Draw(t, "other"))
			maps.Copy(blocks, keepApart([][2]rally.UserID{{one, other}}))
		}
		given := slices.Clone(queue)
		pairs := pair(queue, blocks)
		if !slices.Equal(queue, given) {
			t.Fatal("the candidates were changed")
		}

		// Everybody at most once, and only within the longer-waiting one's window.
		paired := map[rally.UserID]bool{}
		for _, p := range pairs {
			for _, user := range p {
				if paired[user] || byUser[user].user == 0 {
					t.Fatalf("user %d is paired twice or out of nowhere", user)
				}
				paired[user] = true
			}
			if blocks.has(p[0], p[1]) || blocks.has(p[1], p[0]) {
				t.Fatalf("%d and %d are paired, and one has blocked the other", p[0], p[1])
			}
			a, b := byUser[p[0]], byUser[p[1]]
			if d := math.Abs(a.rating - b.rating); d > window(max(a.waited, b.waited)) {
				t.Fatalf("%+v and %+v are %v apart", a, b, d)
			}
		}

		// Nobody is left who could have been paired with another who is left.
		var left []candidate
		for _, c := range queue {
			if !paired[c.user] {
				left = append(left, c)
			}
		}
		for i, a := range left {
			for _, b := range left[i+1:] {
				if math.Abs(a.rating-b.rating) <= window(max(a.waited, b.waited)) && !blocks.has(a.user, b.user) {
					t.Fatalf("%+v and %+v are left", a, b)
				}
			}
		}

		// Whoever has waited longest gets the nearest of all.
		if len(queue) > 1 {
			first := slices.MinFunc(queue, func(a, b candidate) int {
				if a.waited != b.waited {
					return int(b.waited - a.waited)
				}
				return int(a.user - b.user)
			})
			nearest := math.Inf(1)
			for _, c := range queue {
				if c.user != first.user && !blocks.has(c.user, first.user) {
					nearest = min(nearest, math.Abs(c.rating-first.rating))
				}
			}
			if !math.IsInf(nearest, 1) && nearest <= window(first.waited) {
				i := slices.IndexFunc(pairs, func(p [2]rally.UserID) bool { return p[0] == first.user })
				if i < 0 {
					t.Fatalf("%+v waited longest and is left", first)
				}
				if d := math.Abs(byUser[pairs[i][1]].rating - first.rating); d != nearest {
					t.Fatalf("%+v waited longest and got somebody %v away, not %v", first, d, nearest)
				}
			}
		}

		// The order of the candidates does not matter.
		rand.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
		if !slices.Equal(pair(queue, blocks), pairs) {
			t.Fatal("another order, other pairs")
		}
	})
}

func TestWindowWidens(t *testing.T) {
	t.Parallel()
	last := 0.0
	for s := range 20 {
		w := window(time.Duration(s) * time.Second)
		if w <= last {
			t.Errorf("after %d s the window is %v, before %v", s, w, last)
		}
		last = w
	}
	if !math.IsInf(window(windowOpen), 1) || window(-time.Second) != windowFirst {
		t.Error("the window has the wrong ends")
	}
}
