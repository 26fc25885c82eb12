package bench

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// measurement is what happened during the time that counts.
type measurement struct {
	first, last    sample        // the server's metrics
	span           time.Duration // by the bench's clock
	in, texts, out flow          // of all players
	ownCPU         time.Duration
	playing        float64 // matches in which the ball or its serve ran, on average
	presses        uint64
	finished       uint64 // matches
	gone           uint64 // sockets
	latency        [2]time.Duration
	latencySamples uint64
}

// flow is an amount of traffic.
type flow struct{ messages, bytes uint64 }

func (f flow) less(g flow) flow { return flow{f.messages - g.messages, f.bytes - g.bytes} }

func (f *flow) add(t *traffic) {
	f.messages += t.messages.Load()
	f.bytes += t.bytes.Load()
}

// measure watches the players for cfg.Duration.
func measure(ctx context.Context, cfg Config, h *hall, site *site, progress *progress) (m measurement, err error) {
	if m.first, err = site.sample(ctx, false); err != nil {
		return m, err
	}
	begin := h.now()
	in, texts, out := h.traffic()
	cpu, finished, gone, presses := ownCPU(), h.finished.Load(), h.gone.Load(), h.presses.Load()
	h.latency.reset()
	h.measuring.Store(true)

	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	censuses := 0
	for h.now()-begin < cfg.Duration {
		select {
		case <-ctx.Done():
			return m, fmt.Errorf("stopped early: %w", context.Cause(ctx))
		case <-tick.C:
		}
		playing, _ := h.census()
		m.playing += float64(playing) / 2
		censuses++
		progress.count(fmt.Sprintf("seconds measured, %d matches in play", playing/2),
			int64((h.now()-begin)/time.Second), int(cfg.Duration/time.Second))
		if err := h.trouble(); err != nil {
			return m, err
		}
	}
	h.measuring.Store(false)
	m.span = h.now() - begin
	m.ownCPU = ownCPU() - cpu
	m.in, m.texts, m.out = h.traffic()
	m.in, m.texts, m.out = m.in.less(in), m.texts.less(texts), m.out.less(out)
	m.presses = h.presses.Load() - presses
	m.playing /= float64(max(censuses, 1))
	m.finished = (h.finished.Load() - finished) / 2
	m.gone = h.gone.Load() - gone
	m.latency = [2]time.Duration{h.latency.quantile(0.5), h.latency.quantile(0.99)}
	m.latencySamples = h.latency.total.Load()
	m.last, err = site.sample(ctx, false)
	return m, err
}

// traffic gives what all players have been sent and have sent so far.
func (h *hall) traffic() (in, texts, out flow) {
	for _, p := range h.players {
		in.add(&p.in)
		texts.add(&p.texts)
		out.add(&p.out)
	}
	return in, texts, out
}

// ownCPU is the processor time the bench itself has used.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
