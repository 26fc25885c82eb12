package bench

import (
	"context"
	"math"
	"time"
)

// The pacers' wheel: one turn a second, in slots.
const (
	slots    = 200
	slotTime = time.Second / slots
	pacers   = 2
)

// task is what a player does at a slot of the wheel.
type task struct {
	player *player
	ping   bool
}

// pace has every player change direction rate times a second and ping once,
// from a few goroutines for all of them. A key is held for longer than it is
// released, so that paddles get somewhere.
func (h *hall) pace(ctx context.Context, rate int) {
	wheels := make([][slots][]task, pacers)
	for i, p := range h.players {
		wheel := &wheels[i%pacers]
		first := spread(i, math.Phi)
		at := func(turn float64) *[]task {
			return &wheel[int(turn*slots)%slots]
		}
		for k := range rate {
			turn := first + float64(k)/float64(rate)
			if k%2 == 1 {
				turn += 0.4 / float64(rate)
			}
			slot := at(turn)
			*slot = append(*slot, task{player: p})
		}
		slot := at(spread(i, math.Sqrt2))
		*slot = append(*slot, task{player: p, ping: true})
	}
	for i := range wheels {
		h.workers.Go(func() { h.turn(ctx, &wheels[i]) })
	}
}

// spread gives the i-th of a row of numbers from 0 to 1 that fill the space
// between evenly, however many there are: multiples of an irrational number.
func spread(i int, step float64) float64 {
	_, fraction := math.Modf(float64(i) * step)
	return fraction
}

// turn turns a wheel until ctx ends, by absolute deadlines.
func (h *hall) turn(ctx context.Context, wheel *[slots][]task) {
	buf := make([]byte, 0, 16)
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now()
	for n := 0; ; n++ {
		next = next.Add(slotTime)
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		for _, t := range wheel[n%slots] {
			var err error
			if t.ping {
				err = t.player.ping(buf)
			} else {
				err = t.player.press(buf)
			}
			if err != nil && ctx.Err() == nil {
				// The socket is gone: its reader says why.
				continue
			}
		}
	}
}
