package views

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"rally"
)

// chart is a rating over time, ready to be drawn. A place in it counts
// thousandths of its width from the left, or of its height from the top.
type chart struct {
	line, band string // path data: the rating, and as far as its deviation reaches
	dots       []chartDot
	columns    []chartColumn
	times      []chartTick // along the bottom
	ratings    []chartTick // along the side
	clock      bool        // times are of a day or two
	lowest     rally.RatingPoint
	highest    rally.RatingPoint
	settled    bool // these are of the time since the rating was no longer provisional
}

// chartDot is one rating.
type chartDot struct {
	rally.RatingPoint
	x, y int
}

// chartColumn is the part of a chart's width that points at a rating.
type chartColumn struct {
	chartDot
	from, until int
}

// chartTick is a line of the grid with its label.
type chartTick struct {
	place int
	label string
}

// chartUnits is the width of a chart, and its height.
const chartUnits = 1000

// newChart lays out ratings, of which there are some, the oldest first.
func newChart(l *locale, points []rally.RatingPoint) chart {
	first, last := points[0].At, points[len(points)-1].At
	var c chart
	lowest, highest := extremes(points)
	steps := ratingSteps(lowest.Rating.Value, highest.Rating.Value)
	down := scale{from: steps[len(steps)-1], to: steps[0]}
	for _, step := range steps {
		c.ratings = append(c.ratings, chartTick{down.place(step), strconv.Itoa(wholeNumber(step))})
	}
	across := scale{from: seconds(first), to: seconds(last)}
	unit, moments := timeSteps(first, last)
	c.clock = unit == inMinutes
	for _, t := range moments {
		c.times = append(c.times, chartTick{across.place(seconds(t)), l.axisTime(unit, t)})
	}
	for _, p := range points {
		c.dots = append(c.dots, chartDot{RatingPoint: p, x: across.place(seconds(p.At)), y: down.place(p.Rating.Value)})
	}
	c.trace(down)
	c.share()
	counted := sure(points)
	c.lowest, c.highest = extremes(counted)
	c.settled = len(counted) < len(points)
	return c
}

// extremes gives the lowest and the highest rating, the earliest if there are
// several.
func extremes(points []rally.RatingPoint) (lowest, highest rally.RatingPoint) {
	value := func(a, b rally.RatingPoint) int { return cmp.Compare(a.Rating.Value, b.Rating.Value) }
	return slices.MinFunc(points, value), slices.MaxFunc(points, value)
}

// sure leaves out the ratings that were still provisional, unless all were: the
// first matches throw a rating about.
func sure(points []rally.RatingPoint) []rally.RatingPoint {
	provisional := func(p rally.RatingPoint) bool { return p.Rating.Provisional() }
	if kept := slices.DeleteFunc(slices.Clone(points), provisional); len(kept) > 0 {
		return kept
	}
	return points
}

// trace draws what goes through the dots.
func (c *chart) trace(down scale) {
	line, band := make([]byte, 0, 10*len(c.dots)), make([]byte, 0, 20*len(c.dots))
	for _, d := range c.dots {
		line = appendPoint(line, d.x, d.y)
		band = appendPoint(band, d.x, down.place(d.Rating.Value+d.Rating.Deviation))
	}
	for _, d := range slices.Backward(c.dots) {
		band = appendPoint(band, d.x, down.place(d.Rating.Value-d.Rating.Deviation))
	}
	c.line, c.band = string(line), string(append(band, 'Z'))
}

// columnsMax is how many ratings can be pointed at; more would be narrower than
// a finger or a steady hand.
const columnsMax = 100

// share shares the width among the dots, or every so manieth from the last: to
// each belongs what is nearer to it than to another.
func (c *chart) share() {
	stride := (len(c.dots) + columnsMax - 1) / columnsMax
	for i := (len(c.dots) - 1) % stride; i < len(c.dots); i += stride {
		column := chartColumn{chartDot: c.dots[i], until: chartUnits}
		if n := len(c.columns); n > 0 {
			column.from = (c.columns[n-1].x + column.x) / 2
			c.columns[n-1].until = column.from
		}
		c.columns = append(c.columns, column)
	}
}

// appendPoint goes on to a point of a path, or begins there.
func appendPoint(path []byte, x, y int) []byte {
	if len(path) == 0 {
		path = append(path, 'M')
	} else {
		path = append(path, 'L')
	}
	path = strconv.AppendInt(path, int64(x), 10)
	path = append(path, ' ')
	return strconv.AppendInt(path, int64(y), 10)
}

// scale maps what lies between two values to places; where there is nothing
// between them, to the middle.
type scale struct{ from, to float64 }

// place gives where a value belongs. Values from outside are outside, though
// never far.
func (s scale) place(v float64) int {
	if s.from == s.to {
		return chartUnits / 2
	}
	at := (v - s.from) / (s.to - s.from)
	return wholeNumber(chartUnits * min(max(at, -5), 5))
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// percent writes a place for an attribute.
func percent(place int) string {
	tenths := strconv.Itoa(place % 10)
	if tenths == "0" {
		return strconv.Itoa(place/10) + "%"
	}
	return strconv.Itoa(place/10) + "." + tenths + "%"
}

const (
	ratingSpan  = 60  // a smaller change does not fill the chart
	ratingSpace = 0.1 // of the span, left free above and below
	ratingsMax  = 6   // lines of the grid across
	timesMax    = 6   // and down
)

// ratingSteps gives the round ratings at which a chart has lines, from one
// below the lowest rating to one above the highest.
func ratingSteps(lowest, highest float64) (steps []float64) {
	if missing := ratingSpan - (highest - lowest); missing > 0 {
		lowest, highest = lowest-missing/2, highest+missing/2
	}
	space := ratingSpace * (highest - lowest)
	lowest, highest = lowest-space, highest+space
	for size := 10.0; ; size *= 10 {
		for _, step := range []float64{size, 2 * size, 5 * size} {
			from, to := math.Floor(lowest/step), math.Ceil(highest/step)
			if to-from+1 > ratingsMax {
				continue
			}
			for n := from; n <= to; n++ {
				steps = append(steps, n*step)
			}
			return steps
		}
	}
}
