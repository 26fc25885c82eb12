package bench

import (
	"fmt"
	"io"
	"strings"
	"time"

	"rally/pong"
)

// Report is what a bench found. Rates are per second and player; those of the
// server are 0 when its metrics were not to be had.
type Report struct {
	Matches  int     `json:"matches"`         // at once
	Playing  float64 `json:"matches_in_play"` // of them on average; the others count down or begin again
	Finished uint64  `json:"matches_finished"`
	Seconds  float64 `json:"seconds"`
	Presses  float64 `json:"presses"` // direction changes

	FramesIn    float64 `json:"frames_in"` // of the game, to the player
	BytesIn     float64 `json:"bytes_in"`  // their payload
	TextBytesIn float64 `json:"text_bytes_in"`
	FramesOut   float64 `json:"frames_out"`
	BytesOut    float64 `json:"bytes_out"`

	// Input→opponent's frame: from the moment before an input is written to
	// the moment the opponent has read the first frame that acknowledges it.
	InputP50ms float64 `json:"input_to_frame_p50_ms"`
	InputP99ms float64 `json:"input_to_frame_p99_ms"`
	Inputs     uint64  `json:"inputs_timed"`

	TickP50ms float64 `json:"tick_lateness_p50_ms"`
	TickP99ms float64 `json:"tick_lateness_p99_ms"`
	Dropped   float64 `json:"inputs_dropped"` // by the server, all together
	Skipped   float64 `json:"ticks_skipped"`

	CPUPercent   float64 `json:"server_cpu_percent"` // of one core
	CPUPerMatch  float64 `json:"server_cpu_us_per_match_second"`
	CPUPerTick   float64 `json:"server_cpu_us_per_match_tick"`
	ResidentMB   float64 `json:"server_resident_mb"`
	SocketKB     float64 `json:"server_kb_per_idle_socket"`        // resident; 0 with too few matches
	MatchKB      float64 `json:"server_kb_per_match"`              // resident, beside its sockets
	SocketUsedKB float64 `json:"server_kb_per_idle_socket_in_use"` // heap and stacks
	MatchUsedKB  float64 `json:"server_kb_per_match_in_use"`

	SocketsLost uint64  `json:"sockets_lost"`
	BenchCPU    float64 `json:"bench_cpu_percent"` // near 100: the bench is what is slow
	Known       bool    `json:"server_metrics"`
}

// enough is how many matches it takes for memory to say anything: with fewer,
// what the server needs once is more than what they add.
const enough = 100

// report puts a measurement into numbers. The samples are the server's with
// nobody there, with everybody's socket open, and with everybody playing.
func (m measurement) report(cfg Config, before, idle, playing sample) Report {
	seconds, players := m.span.Seconds(), float64(2*cfg.Matches)
	rate := func(n uint64) float64 { return float64(n) / seconds / players }
	r := Report{
		Matches: cfg.Matches, Playing: m.playing, Finished: m.finished, Seconds: seconds, Presses: rate(m.presses),
		FramesIn: rate(m.in.messages), BytesIn: rate(m.in.bytes), TextBytesIn: rate(m.texts.bytes),
		FramesOut: rate(m.out.messages), BytesOut: rate(m.out.bytes),
		InputP50ms: milliseconds(m.latency[0]), InputP99ms: milliseconds(m.latency[1]), Inputs: m.latencySamples,
		SocketsLost: m.gone, BenchCPU: 100 * m.ownCPU.Seconds() / seconds, Known: cfg.Metrics != "",
	}
	if !r.Known {
		return r
	}
	r.TickP50ms = milliseconds(latenessBetween(m.first, m.last, 0.50))
	r.TickP99ms = milliseconds(latenessBetween(m.first, m.last, 0.99))
	for name, value := range m.last.values {
		if strings.HasPrefix(name, metricDropped) {
			r.Dropped += value - m.first.values[name]
		}
	}
	r.Skipped = m.last.values[metricSkipped] - m.first.values[metricSkipped]
	cpu := (m.last.values[metricCPU] - m.first.values[metricCPU]) / m.last.at.Sub(m.first.at).Seconds()
	r.CPUPercent = 100 * cpu
	r.CPUPerMatch = 1e6 * cpu / float64(cfg.Matches)
	r.CPUPerTick = r.CPUPerMatch / pong.TicksPerSecond
	r.ResidentMB = m.last.values[metricResident] / (1 << 20)
	if cfg.Matches < enough {
		return r
	}
	kb := func(from, to, parts float64) float64 { return (to - from) / parts / 1024 }
	r.SocketKB = kb(before.values[metricResident], idle.values[metricResident], players)
	r.MatchKB = kb(idle.values[metricResident], playing.values[metricResident], float64(cfg.Matches))
	r.SocketUsedKB = kb(before.inUse(), idle.inUse(), players)
	r.MatchUsedKB = kb(idle.inUse(), playing.inUse(), float64(cfg.Matches))
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// WriteText writes the report as a table for people.
func (r Report) WriteText(w io.Writer) error {
	rows := [][2]string{
		{"matches at once", fmt.Sprintf("%d (%.0f in play on average, %d finished)", r.Matches, r.Playing, r.Finished)},
		{"measured", fmt.Sprintf("%.1f s, %.1f direction changes/s per player", r.Seconds, r.Presses)},
		{"to each player", fmt.Sprintf("%.1f frames/s, %.0f B/s; %.0f B/s of page fragments", r.FramesIn, r.BytesIn, r.TextBytesIn)},
		{"from each player", fmt.Sprintf("%.1f frames/s, %.0f B/s", r.FramesOut, r.BytesOut)},
		{"input→opponent's frame", fmt.Sprintf("p50 %.1f ms, p99 %.1f ms (of %d)", r.InputP50ms, r.InputP99ms, r.Inputs)},
	}
	if r.Known {
		rows = append(rows,
			[2]string{"tick lateness", fmt.Sprintf("p50 %.2f ms, p99 %.2f ms (%.0f ticks skipped)", r.TickP50ms, r.TickP99ms, r.Skipped)},
			[2]string{"inputs dropped", fmt.Sprintf("%.0f", r.Dropped)},
			[2]string{"server's processor", fmt.Sprintf("%.1f %% of a core, %.0f µs a second and match, %.1f µs a tick", r.CPUPercent, r.CPUPerMatch, r.CPUPerTick)},
			[2]string{"server's memory", fmt.Sprintf("%.0f MB resident", r.ResidentMB)},
		)
	}
	if r.Known && r.Matches >= enough {
		rows = append(rows,
			[2]string{"… per idle socket", fmt.Sprintf("%.1f kB resident, %.1f kB in use", r.SocketKB, r.SocketUsedKB)},
			[2]string{"… per match", fmt.Sprintf("%.1f kB resident, %.1f kB in use, beside its sockets", r.MatchKB, r.MatchUsedKB)},
		)
	}
	if !r.Known {
		rows = append(rows, [2]string{"the server itself", "unknown: set RALLY_METRICS_ADDR for both"})
	}
	rows = append(rows,
		[2]string{"sockets lost", fmt.Sprint(r.SocketsLost)},
		[2]string{"bench's own processor", fmt.Sprintf("%.0f %% of a core", r.BenchCPU)},
	)
	return writeRows(w, rows)
}

// writeRows writes names and what there is to say of each, in two columns.
func writeRows(w io.Writer, rows [][2]string) error {
	width := 0
	for _, row := range rows {
		width = max(width, len([]rune(row[0])))
	}
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%s%*s  %s\n", row[0], width-len([]rune(row[0])), "", row[1]); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
	}
	return nil
}
