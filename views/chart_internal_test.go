package views

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rally"
)

var chartStart = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func english(tb testing.TB) *locale {
	tb.Helper()
	bundle, err := loadBundle()
	if err != nil {
		tb.Fatal(err)
	}
	l, err := newLocale(bundle, "en")
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// points gives ratings in order of time, some of them at once.
func points(t *rapid.T) []rally.RatingPoint {
	at := chartStart
	longest := rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, 30 * 24 * time.Hour, 3000 * time.Hour}).Draw(t, "longest")
	var all []rally.RatingPoint
	for range rapid.IntRange(1, 200).Draw(t, "points") {
		all = append(all, rally.RatingPoint{At: at, Rating: rally.Rating{
			Value:     rapid.Float64Range(-100000, 100000).Draw(t, "value"),
			Deviation: rapid.Float64Range(45, 350).Draw(t, "deviation"),
		}})
		at = at.Add(time.Duration(rapid.Int64Range(0, int64(longest)).Draw(t, "gap")))
	}
	return all
}

// Whatever the ratings: every one of them is within the chart, in order of time,
// above those that are lower, and all the width points at one of them.
func TestChartHoldsEveryRating(t *testing.T) {
	t.Parallel()
	l := english(t)
	rapid.Check(t, func(t *rapid.T) {
		all := points(t)
		c := newChart(l, all)
		if len(c.dots) != len(all) {
			t.Fatalf("%d dots of %d ratings", len(c.dots), len(all))
		}
		for i, d := range c.dots {
			if d.x < 0 || d.x > chartUnits || d.y < 0 || d.y > chartUnits {
				t.Fatalf("%v is at %d, %d", d.RatingPoint, d.x, d.y)
			}
			if i == 0 {
				continue
			}
			if before := c.dots[i-1]; before.x > d.x || before.Rating.Value > d.Rating.Value && before.y > d.y ||
				before.Rating.Value < d.Rating.Value && before.y < d.y {
				t.Fatalf("%+v comes after %+v", d, before)
			}
		}
		reached := 0
		for _, d := range c.columns {
			if d.from != reached || d.until < d.from || d.x < d.from || d.x > d.until {
				t.Fatalf("the one at %d has from %d to %d, and %d is shared out", d.x, d.from, d.until, reached)
			}
			reached = d.until
		}
		if n := len(c.columns); reached != chartUnits || n > columnsMax || n != len(all) && n < columnsMax/2 ||
			c.columns[n-1].chartDot != c.dots[len(all)-1] {
			t.Fatalf("%d of %d can be pointed at, on %d", n, len(all), reached)
		}
		if n := strings.Count(c.line, "L") + 1; n != len(all) || !strings.HasPrefix(c.line, "M") {
			t.Fatalf("the line goes through %d points", n)
		}
		if n := strings.Count(c.band, "L") + 1; n != 2*len(all) || !strings.HasSuffix(c.band, "Z") {
			t.Fatalf("the band has %d corners", n)
		}
		checkTicks(t, c.times, timesMax)
		checkTicks(t, c.ratings, ratingsMax)
		if first, last := c.ratings[0].place, c.ratings[len(c.ratings)-1].place; first != chartUnits || last != 0 {
			t.Fatalf("ratings go from %d to %d", first, last)
		}
	})
}

// checkTicks fails unless ticks are few, within the chart, and different.
func checkTicks(t *rapid.T, ticks []chartTick, most int) {
	if len(ticks) < 1 || len(ticks) > most {
		t.Fatalf("%d ticks", len(ticks))
	}
	for i, tick := range ticks {
		if tick.place < 0 || tick.place > chartUnits || tick.label == "" {
			t.Fatalf("a tick at %d says %q", tick.place, tick.label)
		}
		if i > 0 && (tick.place == ticks[i-1].place || tick.label == ticks[i-1].label) {
			t.Fatalf("two ticks say %q and %q", ticks[i-1].label, tick.label)
		}
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Float64Range(-1e6, 1e6).Draw(t, "from")
		s := scale{from: from, to: from + rapid.Float64Range(1e-3, 1e6).Draw(t, "span")}
		if rapid.Bool().Draw(t, "turned") {
			s.from, s.to = s.to, s.from
		}
		if a, b := s.place(s.from), s.place(s.to); a != 0 || b != chartUnits {
			t.Fatalf("the ends are at %d and %d", a, b)
		}
		share := rapid.Float64Range(-3, 4).Draw(t, "share")
		if got := s.place(s.from + share*(s.to-s.from)); got < int(1000*share)-2 || got > int(1000*share)+2 {
			t.Fatalf("%v of it is at %d", share, got)
		}
	})
	if got := (scale{from: 3, to: 3}).place(3); got != chartUnits/2 {
		t.Errorf("of nothing: %d", got)
	}
}

// Any two minutes or more have two round times in them, sixty years too.
func TestTimeSteps(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := chartStart.Add(time.Duration(rapid.Int64Range(0, int64(20000*time.Hour)).Draw(t, "from")))
		size := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 24 * time.Hour, 1000 * time.Hour, 50000 * time.Hour}).Draw(t, "size")
		span := 2*time.Minute + time.Duration(rapid.Int64Range(0, 10*int64(size)).Draw(t, "span"))
		_, found := timeSteps(from, from.Add(span))
		if len(found) < 2 || len(found) > timesMax {
			t.Fatalf("%d times in %v", len(found), span)
		}
		for i, at := range found {
			if at.Before(from) || at.After(from.Add(span)) || i > 0 && !at.After(found[i-1]) {
				t.Fatalf("%v is not between %v and %v", at, from, span)
			}
		}
	})
}

func TestTimesAreRound(t *testing.T) {
	t.Parallel()
	l := english(t)
	day := 24 * time.Hour
	for _, c := range []struct {
		span time.Duration
		want string
	}{
		{0, "22 Nov"},
		{40 * time.Second, "22 Nov"},
		{3 * time.Minute, "12:07|12:08|12:09"},
		{4 * time.Hour, "13:00|14:00|15:00|16:00"},
		{30 * time.Hour, "18:00|23 Nov|06:00|12:00|18:00"},
		{5 * day, "23 Nov|24 Nov|25 Nov|26 Nov|27 Nov"},
		{30 * day, "23 Nov|30 Nov|7 Dec|14 Dec|21 Dec"},
		{150 * day, "Dec 2026|Jan 2027|Feb 2027|Mar 2027|Apr 2027"},
		{500 * day, "Jan 2027|Apr 2027|Jul 2027|Oct 2027|Jan 2028|Apr 2028"},
		{2500 * day, "2028|2030|2032"},
	} {
		from := chartStart.Add(7*time.Minute - 10*time.Second)
		unit, found := timeSteps(from, from.Add(c.span))
		var labels []string
		for _, at := range found {
			labels = append(labels, l.axisTime(unit, at))
		}
		if got := strings.Join(labels, "|"); got != c.want {
			t.Errorf("%v is %s, want %s", c.span, got, c.want)
		}
	}
}

func TestRatingSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lowest, highest float64
		want            string
	}{
		{1500, 1500, "1460 1480 1500 1520 1540"}, // a rating that never changes
		{1500.4, 1534.4, "1480 1500 1520 1540 1560"},
		{1350, 1742, "1300 1400 1500 1600 1700 1800"},
		{-120, 900, "-500 0 500 1000 1500"},
	} {
		var steps []string
		for _, s := range ratingSteps(c.lowest, c.highest) {
			steps = append(steps, strconv.Itoa(int(s)))
		}
		if got := strings.Join(steps, " "); got != c.want {
			t.Errorf("%v to %v: %s, want %s", c.lowest, c.highest, got, c.want)
		}
	}
}

// The first matches throw a rating about, so they are not its best or worst.
func TestExtremesAreSure(t *testing.T) {
	t.Parallel()
	at := func(value, deviation float64) rally.RatingPoint {
		return rally.RatingPoint{At: chartStart, Rating: rally.Rating{Value: value, Deviation: deviation}}
	}
	c := newChart(english(t), []rally.RatingPoint{at(1750, 290), at(1400, 200), at(1500, 100), at(1560, 90)})
	if c.lowest.Rating.Value != 1500 || c.highest.Rating.Value != 1560 || !c.settled {
		t.Errorf("from %v to %v", c.lowest, c.highest)
	}
	c = newChart(english(t), []rally.RatingPoint{at(1750, 290), at(1400, 200)})
	if c.lowest.Rating.Value != 1400 || c.highest.Rating.Value != 1750 || c.settled {
		t.Errorf("all provisional: from %v to %v", c.lowest, c.highest)
	}
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for place, want := range map[int]string{0: "0%", 7: "0.7%", 10: "1%", 123: "12.3%", 1000: "100%"} {
		if got := percent(place); got != want {
			t.Errorf("%d is %s, want %s", place, got, want)
		}
	}
}
