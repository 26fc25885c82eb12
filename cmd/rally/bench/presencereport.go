package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// presenceMeasurement is what happened during the time that counts.
type presenceMeasurement struct {
	before, idle, first, last sample        // the server's metrics
	opened                    time.Duration // it took to open everybody's socket
	entered                   flow          // what came then
	during                    flow          // what came while it was measured
	span                      time.Duration // by the bench's clock
	ownCPU                    time.Duration
}

// measure lets time pass and notes what it cost.
func (s *square) measure(ctx context.Context, cfg PresenceConfig, progress *progress) (m presenceMeasurement, err error) {
	if m.first, err = s.site.sample(ctx, false); err != nil {
		return m, err
	}
	begun, cpu, traffic := s.now(), ownCPU(), s.traffic()
	s.measuring.Store(true)
	for s.now()-begun < cfg.Duration {
		if err := wait(ctx, min(time.Second, cfg.Duration-(s.now()-begun))); err != nil {
			return m, err
		}
		progress.count("seconds measured", int64((s.now()-begun)/time.Second), int(cfg.Duration/time.Second))
		if err := s.trouble(); err != nil {
			return m, err
		}
	}
	s.measuring.Store(false)
	m.span, m.ownCPU, m.during = s.now()-begun, ownCPU()-cpu, s.traffic().less(traffic)
	m.last, err = s.site.sample(ctx, false)
	return m, err
}

// PresenceReport is what RunPresence found. What is about the server itself is
// 0 when its metrics were not to be had.
type PresenceReport struct {
	Sockets   int     `json:"sockets"` // of those who look on, with as many friends each
	Friends   int     `json:"friends"`
	Strangers int     `json:"strangers"` // sockets of people without friends, beside them
	Rate      int     `json:"changes_per_second"`
	Seconds   float64 `json:"seconds"`
	Changes   uint64  `json:"changes"`

	// A badge for each change and friend who looks on.
	Expected uint64 `json:"badges_expected"`
	Arrived  uint64 `json:"badges_arrived"`
	Again    uint64 `json:"badges_again"`   // for a change that had been shown
	Wrong    uint64 `json:"badges_wrong"`   // another state than was true
	Astray   uint64 `json:"badges_astray"`  // about somebody who is no friend
	Other    uint64 `json:"texts_other"`    // about nobody
	Strange  uint64 `json:"stranger_bytes"` // to people without friends

	// From before the socket is asked for until the badge has been read.
	CameP50ms float64 `json:"came_p50_ms"`
	CameP99ms float64 `json:"came_p99_ms"`
	// From when somebody has been without a socket for as long as the site
	// waits until the badge has been read.
	WentP50ms float64 `json:"went_p50_ms"`
	WentP99ms float64 `json:"went_p99_ms"`

	BadgeBytes   float64 `json:"bytes_per_badge"`
	ChangeBytes  float64 `json:"bytes_per_change"`
	EntryBytes   float64 `json:"bytes_per_socket_at_entry"` // for everybody to learn who is there
	EntryTexts   float64 `json:"texts_per_socket_at_entry"`
	EntrySeconds float64 `json:"entry_seconds"` // to open all sockets
	Rendered     float64 `json:"renders_per_change"`
	CPUPercent   float64 `json:"server_cpu_percent"` // of one core
	CPUPerChange float64 `json:"server_cpu_us_per_change"`
	ResidentMB   float64 `json:"server_resident_mb"`
	SocketKB     float64 `json:"server_kb_per_socket"` // resident
	SocketUsedKB float64 `json:"server_kb_per_socket_in_use"`
	SocketsLost  uint64  `json:"sockets_lost"`
	BenchCPU     float64 `json:"bench_cpu_percent"`
	Known        bool    `json:"server_metrics"`
}

// report puts a measurement into numbers.
func (s *square) report(cfg PresenceConfig, m presenceMeasurement) PresenceReport {
	c, seconds, sockets := &s.counts, m.span.Seconds(), float64(len(s.seated))
	per := func(n uint64, of float64) float64 { return float64(n) / max(of, 1) }
	r := PresenceReport{
		Sockets: cfg.Sockets, Friends: cfg.Friends, Strangers: len(s.strange), Rate: cfg.Changes, Seconds: seconds,
		Changes: c.changes.Load(), Expected: c.expected.Load(), Arrived: c.arrived.Load(), Again: c.again.Load(),
		Wrong: c.wrong.Load(), Astray: c.astray.Load(), Other: c.other.Load(), Strange: c.strange.Load(),
		CameP50ms: milliseconds(s.came.quantile(0.5)), CameP99ms: milliseconds(s.came.quantile(0.99)),
		WentP50ms: milliseconds(s.went.quantile(0.5)), WentP99ms: milliseconds(s.went.quantile(0.99)),
		EntryBytes: per(m.entered.bytes, sockets), EntryTexts: per(m.entered.messages, sockets), EntrySeconds: m.opened.Seconds(),
		SocketsLost: c.gone.Load(), BenchCPU: 100 * m.ownCPU.Seconds() / seconds, Known: cfg.Metrics != "",
	}
	r.BadgeBytes = per(c.bytes.Load(), float64(r.Arrived))
	r.ChangeBytes = per(c.bytes.Load(), float64(r.Changes))
	if !r.Known {
		return r
	}
	r.Rendered = (m.last.values[metricRendered] - m.first.values[metricRendered]) / max(float64(r.Changes), 1)
	cpu := (m.last.values[metricCPU] - m.first.values[metricCPU]) / m.last.at.Sub(m.first.at).Seconds()
	r.CPUPercent = 100 * cpu
	r.CPUPerChange = 1e6 * cpu / float64(cfg.Changes)
	r.ResidentMB = m.last.values[metricResident] / (1 << 20)
	if cfg.Sockets >= 2*enough {
		r.SocketKB = (m.idle.values[metricResident] - m.before.values[metricResident]) / sockets / 1024
		r.SocketUsedKB = (m.idle.inUse() - m.before.inUse()) / sockets / 1024
	}
	return r
}

// WriteText writes the report as a table for people.
func (r PresenceReport) WriteText(w io.Writer) error {
	rows := [][2]string{
		{"sockets", fmt.Sprintf("%d with %d friends each, %d with none; opened in %.1f s", r.Sockets, r.Friends, r.Strangers, r.EntrySeconds)},
		{"measured", fmt.Sprintf("%.1f s, %d changes, %.1f a second", r.Seconds, r.Changes, float64(r.Changes)/r.Seconds)},
		{"badges", fmt.Sprintf("%d of %d; %d twice, %d wrong, %d astray, %d other fragments",
			r.Arrived, r.Expected, r.Again, r.Wrong, r.Astray, r.Other)},
		{"to those without friends", fmt.Sprintf("%d B", r.Strange)},
		{"somebody came→badge", fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, with the handshake", r.CameP50ms, r.CameP99ms)},
		{"somebody went→badge", fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, beyond %s", r.WentP50ms, r.WentP99ms, offlineAfter)},
		{"size", fmt.Sprintf("%.0f B a badge, %.1f kB a change; %.1f texts and %.1f kB a socket while all arrived",
			r.BadgeBytes, r.ChangeBytes/1024, r.EntryTexts, r.EntryBytes/1024)},
	}
	if r.Known {
		rows = append(rows,
			[2]string{"rendered", fmt.Sprintf("%.2f fragments a change; each who comes has a list of their own", r.Rendered)},
			[2]string{"server's processor", fmt.Sprintf("%.1f %% of a core, %.0f µs a change", r.CPUPercent, r.CPUPerChange)},
			[2]string{"server's memory", fmt.Sprintf("%.0f MB resident", r.ResidentMB)},
		)
		if r.SocketUsedKB != 0 {
			rows = append(rows, [2]string{"… per socket", fmt.Sprintf("%.1f kB resident, %.1f kB in use", r.SocketKB, r.SocketUsedKB)})
		}
	} else {
		rows = append(rows, [2]string{"the server itself", "unknown: set RALLY_METRICS_ADDR for both"})
	}
	return writeRows(w, append(rows,
		[2]string{"sockets lost", fmt.Sprint(r.SocketsLost)},
		[2]string{"bench's own processor", fmt.Sprintf("%.0f %% of a core", r.BenchCPU)},
	))
}
