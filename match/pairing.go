package match

import (
	"cmp"
	"math"
	"slices"
	"time"

	"rally"
)

// How far apart two ratings may be to be paired, by how long the one who
// waits longer has waited. After windowOpen anybody will do: on a small site
// an uneven match is better than none.
const (
	windowFirst  = 150.0 // rating points, at once
	windowGrowth = 25.0  // … and per second of waiting
	windowOpen   = 20 * time.Second
)

// candidate is somebody to be paired.
type candidate struct {
	user   rally.UserID
	rating float64
	waited time.Duration
}

// window gives how far away an opponent's rating may be.
func window(waited time.Duration) float64 {
	if waited >= windowOpen {
		return math.Inf(1)
	}
	return windowFirst + windowGrowth*max(waited, 0).Seconds()
}

// apart holds pairs of users who must not meet, by apartKey.
type apart map[[2]rally.UserID]struct{}

// keepApart gives the set of pairs, which may name their two in either order.
func keepApart(pairs [][2]rally.UserID) apart {
	set := make(apart, len(pairs))
	for _, p := range pairs {
		set[apartKey(p[0], p[1])] = struct{}{}
	}
	return set
}

// has says whether the two must not meet.
func (a apart) has(one, other rally.UserID) bool {
	_, ok := a[apartKey(one, other)]
	return ok
}

func apartKey(a, b rally.UserID) [2]rally.UserID { return [2]rally.UserID{min(a, b), max(a, b)} }

// pair puts candidates together, and gives the pairs by their users. Whoever
// has waited longest chooses first, and takes whoever is nearest in rating
// within the window; of those equally near, whoever has waited longest. Those
// who are to be kept apart are to each other as if not there. The result does
// not depend on the order of the candidates, whose users must differ.
func pair(candidates []candidate, blocks apart) [][2]rally.UserID {
	queue := slices.Clone(candidates)
	slices.SortFunc(queue, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.waited, a.waited), cmp.Compare(a.user, b.user))
	})
	var pairs [][2]rally.UserID
	taken := make([]bool, len(queue))
	for i, c := range queue {
		if taken[i] {
			continue
		}
		best, distance := -1, window(c.waited)
		for j := i + 1; j < len(queue); j++ {
			d := math.Abs(queue[j].rating - c.rating)
			if !taken[j] && (d < distance || d == distance && best < 0) && !blocks.has(c.user, queue[j].user) {
				best, distance = j, d
			}
		}
		if best >= 0 {
			taken[i], taken[best] = true, true
			pairs = append(pairs, [2]rally.UserID{c.user, queue[best].user})
		}
	}
	return pairs
}
