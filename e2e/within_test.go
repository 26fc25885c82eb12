package e2e

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// What Rally promises about times it promises on a machine that has time for
// it. The tests of other packages run at the same time as these, as does the
// browser, so a promise is held against the work that other threads left room
// for: it is kept if what was done took no longer than the limit, stretched by
// how many threads there were for each that a core has time for.

// roomFor is how many threads may want each core before it counts: the server,
// its database and the test itself are three already.
const roomFor = 3

// crowd is how many threads wanted a core, looked at all the time.
var crowd struct {
	sync.Mutex
	looks []look
}

type look struct {
	at     time.Time
	wanted int // cores
}

// watchCrowd looks at it until the function it gives is called. Where it cannot
// be known, machines count as quiet.
func watchCrowd() (stop func()) {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case <-done:
				return
			case <-again.C:
			}
			text, err := os.ReadFile("/proc/loadavg")
			if err != nil {
				return
			}
			var ignored float64
			l := look{at: time.Now()}
			if _, err := fmt.Sscanf(string(text), "%f %f %f %d/", &ignored, &ignored, &ignored, &l.wanted); err != nil {
				return
			}
			crowd.Lock()
			crowd.looks = append(crowd.looks, l)
			crowd.Unlock()
		}
	})
	return func() { close(done); watching.Wait() }
}

// stretch gives how much longer than on a quiet machine work took between two
// moments, 1 or more.
func stretch(from, to time.Time) float64 {
	crowd.Lock()
	defer crowd.Unlock()
	wanted, looks := 0, 0
	for i := len(crowd.looks) - 1; i >= 0; i-- {
		l := crowd.looks[i]
		if l.at.After(to) {
			continue
		}
		if looks > 0 && l.at.Before(from.Add(-time.Second)) { // one look alone says little
			break
		}
		wanted += l.wanted
		looks++
	}
	return max(1, float64(wanted)/float64(max(looks, 1)*roomFor*runtime.NumCPU()))
}

// within checks what is promised: that something took no longer than limit. Of
// that, waits is what clocks take, which go on however busy the machine is; all
// else is work.
func within(t *testing.T, what string, begun time.Time, took, waits, limit time.Duration) {
	t.Helper()
	factor := stretch(begun, begun.Add(took))
	most := waits + time.Duration(factor*float64(limit-waits))
	t.Logf("%s after %v, of %v (%.1f)", what, took.Round(time.Millisecond), limit, factor)
	if took > most {
		t.Errorf("%s only after %v, want %v, which is %v with as many others on this machine", what, took, limit, most)
	}
}
