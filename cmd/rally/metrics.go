package main

import (
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"rally/bus"
	"rally/live"
	"rally/match"
)

// operations answers on the metrics address: /metrics and /debug/pprof/. It is
// never part of the site itself.
func operations(rooms prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
		rooms,
	)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// roomMetrics publishes what the rooms have counted, asking them whenever
// somebody looks.
type roomMetrics struct {
	matches func() match.Stats
	sockets func() live.Stats
	events  func() bus.Stats
	waiting func() int // in the queue

	live, finished, unstored, links, queue, open *prometheus.Desc
	ties, guests                                 *prometheus.Desc
	storeFails, ticks, skipped, frames, inputs   *prometheus.Desc
	droppedInputs, lateness                      *prometheus.Desc
	opened, offered, written, replaced           *prometheus.Desc
	texts, droppedFrames, closed                 *prometheus.Desc
	presence                                     presenceMetrics
	bus                                          busMetrics
}

// descriptor names a metric; gauge and counter publish one.
type (
	descriptor func(name, help string, labels ...string) *prometheus.Desc
	gauge      func(d *prometheus.Desc, v float64, labels ...string)
	counter    func(d *prometheus.Desc, v uint64, labels ...string)
)

func newRoomMetrics(
	matches func() match.Stats, sockets func() live.Stats, events func() bus.Stats, waiting func() int,
) *roomMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rally_"+name, help, labels, nil)
	}
	return &roomMetrics{
		matches: matches, sockets: sockets, events: events, waiting: waiting,

		live:          desc("matches_live", "Matches that are not over."),
		finished:      desc("matches_finished", "Matches that are over and still remembered."),
		unstored:      desc("matches_unstored", "Finished matches whose result is not in the database yet."),
		links:         desc("match_links", "Sockets that may join a match."),
		ties:          desc("match_ties", "Of the sockets that may join a match, those in a match on another node."),
		guests:        desc("match_guests", "Sockets on other nodes that are in a match here."),
		queue:         desc("queue_length", "People waiting for an opponent."),
		storeFails:    desc("match_store_failures_total", "Attempts to store a result that failed and are repeated."),
		ticks:         desc("ticks_total", "Ticks of all matches."),
		skipped:       desc("ticks_skipped_total", "Ticks let go because a loop was too far behind."),
		frames:        desc("state_frames_total", "State frames offered to sockets."),
		inputs:        desc("inputs_total", "Inputs applied."),
		droppedInputs: desc("inputs_dropped_total", "Inputs that changed nothing.", "reason"),
		lateness:      desc("tick_lateness_seconds", "How long after it was due a match's tick began."),

		open:          desc("sockets", "Open sockets."),
		opened:        desc("sockets_opened_total", "Sockets opened."),
		closed:        desc("sockets_closed_total", "Sockets closed.", "cause"),
		offered:       desc("socket_states_offered_total", "States given to sockets."),
		written:       desc("socket_states_written_total", "States written to sockets."),
		replaced:      desc("socket_states_replaced_total", "States that a newer one took the place of."),
		texts:         desc("socket_texts_total", "Page fragments written."),
		droppedFrames: desc("socket_frames_dropped_total", "Binary frames that found no room."),

		presence: newPresenceMetrics(desc),
		bus:      newBusMetrics(desc),
	}
}

// Describe implements prometheus.Collector.
func (m *roomMetrics) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, out) }

// Collect implements prometheus.Collector.
func (m *roomMetrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	s := m.matches()
	gauge(m.live, float64(s.Live))
	gauge(m.finished, float64(s.Finished))
	gauge(m.unstored, float64(s.Unstored))
	gauge(m.links, float64(s.Links))
	gauge(m.ties, float64(s.Ties))
	gauge(m.guests, float64(s.Guests))
	gauge(m.queue, float64(m.waiting()))
	counter(m.storeFails, s.StoreFails)
	counter(m.ticks, s.Ticks)
	counter(m.skipped, s.TicksSkipped)
	counter(m.frames, s.Frames)
	counter(m.inputs, s.Inputs)
	counter(m.droppedInputs, s.Dropped.Late, "late")
	counter(m.droppedInputs, s.Dropped.Order, "order")
	counter(m.droppedInputs, s.Dropped.Overflow, "overflow")
	counter(m.droppedInputs, s.Dropped.Spectator, "spectator")
	out <- constHistogram(m.lateness, s.Lateness)

	h := m.sockets()
	gauge(m.open, float64(h.Sockets))
	counter(m.opened, h.Opened)
	counter(m.offered, h.Offered)
	counter(m.written, h.Written)
	counter(m.replaced, h.Replaced)
	counter(m.texts, h.Texts)
	counter(m.droppedFrames, h.Dropped)
	for cause, n := range h.Closed {
		counter(m.closed, n, cause)
	}

	m.presence.collect(h.Presence, gauge, counter)
	m.bus.collect(m.events(), counter)
}

// constHistogram gives h in Prometheus's form: cumulative, in seconds.
func constHistogram(d *prometheus.Desc, h match.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	below := uint64(0)
	for i, bound := range h.Bounds {
		below += h.Counts[i]
		buckets[bound.Seconds()] = below
	}
	return prometheus.MustNewConstHistogram(d, h.Count(), h.Sum.Round(time.Microsecond).Seconds(), buckets)
}
