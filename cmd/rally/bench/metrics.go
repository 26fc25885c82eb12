package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the metrics the bench reads, as the server publishes them.
const (
	metricCPU      = "process_cpu_seconds_total"
	metricResident = "process_resident_memory_bytes"
	metricHeap     = "go_memstats_heap_inuse_bytes"
	metricStack    = "go_memstats_stack_inuse_bytes"
	metricLateness = "rally_tick_lateness_seconds"
	metricDropped  = "rally_inputs_dropped_total{"
	metricUnstored = "rally_matches_unstored"
	metricSkipped  = "rally_ticks_skipped_total"
	metricRendered = "rally_presence_renders_total"
)

// sample is what the server says of itself at one moment.
type sample struct {
	at       time.Time
	values   map[string]float64 // by name and labels as written
	lateness []bucket
}

// bucket is one of a cumulative histogram's: count of what is at most limit.
type bucket struct {
	limit float64
	count float64
}

// inUse is what the server's heap and stacks hold, in bytes.
func (s sample) inUse() float64 { return s.values[metricHeap] + s.values[metricStack] }

// scrape asks the server for its metrics; after collecting garbage, when tidy.
func scrape(ctx context.Context, addr string, tidy bool) (sample, error) {
	client := &http.Client{Timeout: 20 * time.Second}
	if tidy {
		body, err := get(ctx, client, "http://"+addr+"/debug/pprof/heap?gc=1")
		if err != nil {
			return sample{}, err
		}
		_, err = io.Copy(io.Discard, body)
		if err = errors.Join(err, body.Close()); err != nil {
			return sample{}, fmt.Errorf("reading the server's heap profile: %w", err)
		}
	}
	body, err := get(ctx, client, "http://"+addr+"/metrics")
	if err != nil {
		return sample{}, err
	}
	defer body.Close()
	return parseSample(body)
}

func get(ctx context.Context, client *http.Client, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking the server for its metrics: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking the server for its metrics: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("asking the server for its metrics: %s answers %s", url, response.Status)
	}
	return response.Body, nil
}

// parseSample reads the text format of Prometheus as far as the bench needs it.
func parseSample(r io.Reader) (sample, error) {
	s := sample{at: time.Now(), values: map[string]float64{}}
	for lines := bufio.NewScanner(r); ; {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return s, fmt.Errorf("reading the server's metrics: %w", err)
			}
			return s, nil
		}
		name, text, ok := strings.Cut(lines.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			continue // a line with spaces in its labels: none that is asked for
		}
		if limit, ok := strings.CutPrefix(name, metricLateness+`_bucket{le="`); ok {
			if le, err := strconv.ParseFloat(strings.TrimSuffix(limit, `"}`), 64); err == nil {
				s.lateness = append(s.lateness, bucket{le, value})
			}
			continue
		}
		s.values[name] = value
	}
}

// latenessBetween gives a quantile of the ticks' lateness between two samples,
// interpolated within its bucket; 0 when there were no ticks.
func latenessBetween(before, after sample, q float64) time.Duration {
	if len(before.lateness) != len(after.lateness) || len(after.lateness) == 0 {
		return 0
	}
	count := func(i int) float64 { return after.lateness[i].count - before.lateness[i].count }
	rank := q * count(len(after.lateness)-1)
	if rank == 0 {
		return 0
	}
	var low, below float64
	for i, b := range after.lateness {
		if c := count(i); c >= rank {
			high := b.limit
			if math.IsInf(high, 1) {
				return seconds(low)
			}
			return seconds(low + (high-low)*(rank-below)/max(c-below, 1))
		}
		low, below = b.limit, count(i)
	}
	return seconds(low)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
