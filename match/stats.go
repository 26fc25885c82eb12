package match

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats is what a Registry has counted since it was made, and what it holds.
type Stats struct {
	Live       int // matches that are not over
	Finished   int // matches that are over and still remembered
	Unstored   int // … of these, whose result has not been kept yet
	Links      int // open
	Ties       int // … of these, into matches on other nodes
	Guests     int // … of these, from pages on other nodes
	StoreFails uint64

	Ticks        uint64 // matches' ticks, all together
	TicksSkipped uint64 // let go because a loop was too far behind
	Frames       uint64 // state frames offered
	Inputs       uint64 // applied
	Dropped      Dropped
	// Lateness tells how long after it was due each match's tick began.
	Lateness Histogram
}

// Dropped counts inputs that changed nothing, by reason.
type Dropped struct {
	Late      uint64 // came more than 8 ticks after its own
	Order     uint64 // repeated, or older than one before
	Overflow  uint64 // too many within a tick
	Spectator uint64 // from somebody without a seat
}

// Histogram counts durations by size.
type Histogram struct {
	// Bounds are the upper bounds of Counts, inclusive; the last of Counts is
	// for what exceeds them all.
	Bounds []time.Duration
	Counts []uint64
	Sum    time.Duration
}

// Count gives how many durations were counted.
func (h Histogram) Count() uint64 {
	n := uint64(0)
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile gives the upper bound of the bucket that the q-th part (0 to 1) of
// all counted durations does not exceed, and 0 if there are none. Beyond the
// last bound it gives twice that.
func (h Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	below := uint64(0)
	for i, bound := range h.Bounds {
		if below += h.Counts[i]; float64(below) >= q*float64(total) {
			return bound
		}
	}
	return 2 * h.Bounds[len(h.Bounds)-1]
}

// The buckets of a histogram double from 2^histogramFirst nanoseconds (65 µs)
// to 2^histogramLast (0.27 s, about the backlog).
const (
	histogramFirst = 16
	histogramLast  = 28
	histogramSize  = histogramLast - histogramFirst + 2
)

// histogram is written by one goroutine and read by any.
type histogram struct {
	counts [histogramSize]atomic.Uint64
	sum    atomic.Int64
}

// observe counts d, which is not negative, n times.
func (h *histogram) observe(d time.Duration, n uint64) {
	bucket := 0
	if d > 1<<histogramFirst {
		bucket = min(bits.Len64(uint64(d-1))-histogramFirst, histogramSize-1)
	}
	h.counts[bucket].Add(n)
	h.sum.Add(int64(d) * int64(n))
}

// addTo adds what was counted to sum.
func (h *histogram) addTo(sum *Histogram) {
	if sum.Counts == nil {
		sum.Counts = make([]uint64, histogramSize)
		for i := histogramFirst; i <= histogramLast; i++ {
			sum.Bounds = append(sum.Bounds, time.Duration(1<<i))
		}
	}
	for i := range h.counts {
		sum.Counts[i] += h.counts[i].Load()
	}
	sum.Sum += time.Duration(h.sum.Load())
}

// drops counts inputs that were dropped; it is written by many.
type drops struct {
	late, order, overflow, spectator atomic.Uint64
}
