package bench

import (
	"sync/atomic"
	"time"
)

// histogram counts durations in steps of 50 µs up to 4 s. Many goroutines may
// add at once.
type histogram struct {
	counts [histogramSteps + 1]atomic.Uint32 // the last holds everything longer
	total  atomic.Uint64
}

const (
	histogramStep  = 50 * time.Microsecond
	histogramSteps = int(4 * time.Second / histogramStep)
)

func (h *histogram) add(d time.Duration) {
	h.counts[min(max(int(d/histogramStep), 0), histogramSteps)].Add(1)
	h.total.Add(1)
}

// quantile gives a duration that the share q of all is not longer than, exact
// to a step; 0 when nothing was added.
func (h *histogram) quantile(q float64) time.Duration {
	total := h.total.Load()
	if total == 0 {
		return 0
	}
	rank, seen := uint64(q*float64(total)), uint64(0)
	for i := range h.counts {
		seen += uint64(h.counts[i].Load())
		if seen > rank {
			return time.Duration(i+1) * histogramStep
		}
	}
	return time.Duration(histogramSteps) * histogramStep
}

// reset forgets everything; what is added meanwhile may count or not.
func (h *histogram) reset() {
	for i := range h.counts {
		h.counts[i].Store(0)
	}
	h.total.Store(0)
}
