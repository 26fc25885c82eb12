package bench

import (
	"fmt"
	"math"
)

// circle says who is friends with whom: everybody has the same number of
// friends, and they are spread over the whole, as those of real people are.
// People are numbered from 0.
type circle struct {
	people  int
	offsets []int // i is friends with i ± each of them, all the way round
}

// newCircle makes a circle in which everybody has so many friends, an even
// number.
func newCircle(people, friends int) (circle, error) {
	c := circle{people: people}
	if friends%2 != 0 || friends < 0 || friends >= people {
		return c, fmt.Errorf("%d friends each among %d people: choose an even number below that of people", friends, people)
	}
	half := (people - 1) / 2 // the furthest that has a left and a right
	taken := make([]bool, half+1)
	for i := range friends / 2 {
		offset := 1 + int(spread(i+1, math.Phi)*float64(half))
		for taken[offset] {
			offset = offset%half + 1
		}
		taken[offset] = true
		c.offsets = append(c.offsets, offset)
	}
	return c, nil
}

// friends gives the friends of person i.
func (c circle) friends(i int) []int {
	all := make([]int, 0, 2*len(c.offsets))
	for _, offset := range c.offsets {
		all = append(all, (i+offset)%c.people, (i-offset+c.people)%c.people)
	}
	return all
}

// pairs gives every friendship once.
func (c circle) pairs() [][2]int {
	all := make([][2]int, 0, c.people*len(c.offsets))
	for i := range c.people {
		for _, offset := range c.offsets {
			all = append(all, [2]int{i, (i + offset) % c.people})
		}
	}
	return all
}
