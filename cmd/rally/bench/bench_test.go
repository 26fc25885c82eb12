package bench

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"rally"
)

func TestHistogramQuantiles(t *testing.T) {
	t.Parallel()
	var h histogram
	if got := h.quantile(0.99); got != 0 {
		t.Errorf("of nothing: %s", got)
	}
	for ms := range 100 {
		h.add(time.Duration(ms) * time.Millisecond)
	}
	h.add(time.Hour)
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 50 * time.Millisecond, 0.98: 98 * time.Millisecond} {
		if got := h.quantile(q); got < want || got > want+histogramStep {
			t.Errorf("quantile %v is %s, want %s", q, got, want)
		}
	}
	if got := h.quantile(1); got != time.Duration(histogramSteps)*histogramStep {
		t.Errorf("the longest is %s", got)
	}
	h.reset()
	if got := h.quantile(0.5); got != 0 {
		t.Errorf("after reset: %s", got)
	}
}

const exposition = `# HELP rally_tick_lateness_seconds How long after it was due a tick began.
# TYPE rally_tick_lateness_seconds histogram
rally_tick_lateness_seconds_bucket{le="0.001"} %a
rally_tick_lateness_seconds_bucket{le="0.002"} %b
rally_tick_lateness_seconds_bucket{le="+Inf"} %c
process_cpu_seconds_total 12.5
process_resident_memory_bytes 1.2e+08
rally_inputs_dropped_total{reason="late"} 3
`

func exposed(t *testing.T, a, b, c string) sample {
	t.Helper()
	s, err := parseSample(strings.NewReader(strings.NewReplacer("%a", a, "%b", b, "%c", c).Replace(exposition)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSampleIsRead(t *testing.T) {
	t.Parallel()
	s := exposed(t, "1", "2", "3")
	for name, want := range map[string]float64{
		metricCPU: 12.5, metricResident: 1.2e8, metricDropped + `reason="late"}`: 3,
	} {
		if got := s.values[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if len(s.lateness) != 3 || !math.IsInf(s.lateness[2].limit, 1) || s.lateness[2].count != 3 {
		t.Errorf("buckets are %v", s.lateness)
	}
}

func TestLatenessIsThatOfTheTimeBetween(t *testing.T) {
	t.Parallel()
	before, after := exposed(t, "900", "900", "900"), exposed(t, "1000", "1100", "1100")
	for q, want := range map[float64]time.Duration{0.25: 500 * time.Microsecond, 0.75: 1500 * time.Microsecond} {
		if got := latenessBetween(before, after, q); got != want {
			t.Errorf("quantile %v is %s, want %s", q, got, want)
		}
	}
	if got := latenessBetween(before, before, 0.5); got != 0 {
		t.Errorf("without ticks it is %s", got)
	}
	late := exposed(t, "900", "900", "1000")
	if got := latenessBetween(before, late, 0.5); got != 2*time.Millisecond {
		t.Errorf("beyond the last bound it is %s", got)
	}
}

func TestMatchesAreFoundInText(t *testing.T) {
	t.Parallel()
	var found []rally.MatchID
	text := `<a href="/matches/abcdefghijkl">go</a> /matches/ /matches/ABCDEFGHIJKL /matches/short <form action="/matches/234567abcdef/ready">`
	matchesIn(text, func(id rally.MatchID) { found = append(found, id) })
	if len(found) != 2 || found[0] != "abcdefghijkl" || found[1] != "234567abcdef" {
		t.Errorf("found %q", found)
	}
}

func TestOnlyThisMachineIsPlayedAgainst(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:8443", "[::1]:8443", "localhost:8443", "127.9.9.9:1"} {
		if err := checkLocal(addr); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, addr := range []string{"10.0.0.1:8443", "0.0.0.0:8443", "example.org:443", "[::]:8443", "localhost.example.org:1"} {
		if err := checkLocal(addr); !errors.Is(err, ErrNotLocal) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if err := checkLocal("127.0.0.1"); err == nil {
		t.Error("an address without a port is accepted")
	}
}
