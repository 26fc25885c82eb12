package rally

import (
	"math"
	"testing"
)

// The worked example of the paper: a player rated 1500 (200) beats 1400 (30)
// and loses to 1550 (100) and 1700 (300) in one period.
func TestRatingFollowsThePapersExample(t *testing.T) {
	t.Parallel()
	got := Rating{1500, 200, 0.06}.after([]game{
		{Rating{1400, 30, 0.06}, 1},
		{Rating{1550, 100, 0.06}, 0},
		{Rating{1700, 300, 0.06}, 0},
	})
	for _, c := range []struct {
		what            string
		got, want, near float64
	}{
		{"rating", got.Value, 1464.06, 0.01},
		{"deviation", got.Deviation, 151.52, 0.01},
		{"volatility", got.Volatility, 0.05999, 0.00001},
	} {
		if math.Abs(c.got-c.want) > c.near {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
}
