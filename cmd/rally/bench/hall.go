package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"rally"
	"rally/pong"
)

// hall is everybody together: the players, who meets whom, and what they saw.
type hall struct {
	site    *site
	start   time.Time
	players []*player
	errands chan errand
	readers sync.WaitGroup
	workers sync.WaitGroup
	quit    context.CancelFunc // ends pacers and workers

	measuring atomic.Bool // latencies count
	latency   histogram
	presses   atomic.Uint64
	finished  atomic.Uint64 // seats of matches that ended
	refused   atomic.Uint64 // joins
	gone      atomic.Uint64 // sockets that ended before leave
	leaving   atomic.Bool

	mu      sync.Mutex
	seats   map[rally.MatchID]*player // who came first
	failure error                     // the first thing that went wrong
}

func newHall(site *site, accounts []Account) *hall {
	h := &hall{
		site: site, start: time.Now(), seats: map[rally.MatchID]*player{},
		errands: make(chan errand, 4*len(accounts)), quit: func() {},
	}
	for _, account := range accounts {
		h.players = append(h.players, &player{hall: h, account: account, side: pong.NoSide, rtt: pong.UnknownRTT})
	}
	return h
}

// now is the hall's monotonic clock.
func (h *hall) now() time.Duration { return time.Since(h.start) }

// connect opens every player's socket.
func (h *hall) connect(ctx context.Context, progress *progress) error {
	return connectAll(ctx, h.site, progress, h.players, func(p *player) Account { return p.account },
		func(p *player, conn *websocket.Conn) {
			p.conn = conn
			h.readers.Go(p.read)
		})
}

// gather sends everybody to the queue, and from there to the courts, and gives
// when all play.
func (h *hall) gather(ctx context.Context, progress *progress, rate int) error {
	work, quit := context.WithCancel(context.WithoutCancel(ctx))
	h.quit = quit
	for range requestsAtOnce / 2 {
		h.workers.Go(func() { h.run(work) })
	}
	h.pace(work, rate)

	// In pairs, one after the other, as people come: the queue stays short.
	group, sub := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce / 2)
	var entered atomic.Int64
	for _, p := range h.players {
		group.Go(func() error {
			status, location, err := h.site.post(sub, p.account, "/play")
			if err != nil {
				return err
			}
			if status != http.StatusSeeOther && status != http.StatusOK {
				return fmt.Errorf("entering the queue: the server answers %d", status)
			}
			matchesIn(location, p.hear)
			progress.count("players in the queue", entered.Add(1), len(h.players))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return wrap("gathering", err)
	}

	limit := time.NewTimer(gatherLimit)
	defer limit.Stop()
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	for n := 1; ; n++ {
		playing, lone := h.census()
		progress.count("players on court", int64(playing), len(h.players))
		if err := h.trouble(); err != nil {
			return err
		}
		if n%16 == 0 {
			h.remind()
		}
		// Matches end and begin again all the time, so not all play at once.
		if playing >= len(h.players)*95/100 && lone == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("stopped early: %w", context.Cause(ctx))
		case <-limit.C:
			return fmt.Errorf("after %s only %d of %d players are on court", gatherLimit, playing, len(h.players))
		case <-look.C:
		}
	}
}

// census counts the players whose match is under way, and those without one.
func (h *hall) census() (playing, lone int) {
	for _, p := range h.players {
		p.mu.Lock()
		if p.side != pong.NoSide && !p.over && p.frame.Phase == pong.Playing {
			playing++
		}
		if p.match == "" {
			lone++
		}
		p.mu.Unlock()
	}
	return playing, lone
}

// seat introduces two players of one match to each other.
func (h *hall) seat(p *player) {
	p.mu.Lock()
	id := p.match
	p.mu.Unlock()
	h.mu.Lock()
	first := h.seats[id]
	switch first {
	case nil:
		h.seats[id] = p
	case p:
		first = nil
	default:
		delete(h.seats, id)
	}
	h.mu.Unlock()
	if first == nil {
		return
	}
	p.meet(first)
	first.meet(p)
}

func (p *player) meet(opponent *player) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opponent = opponent
}

// leave ends every match that is under way, closes the sockets and waits for
// everything the hall started.
func (h *hall) leave(ctx context.Context) error {
	h.leaving.Store(true)
	h.measuring.Store(false)
	h.quit()
	group, sub := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce / 2)
	for _, p := range h.players {
		p.mu.Lock()
		id, resigns := p.match, p.match != "" && !p.over && p.side != pong.Right
		p.mu.Unlock()
		if resigns {
			group.Go(func() error {
				_, _, err := h.site.post(sub, p.account, "/matches/"+string(id)+"/resign")
				return err
			})
		}
	}
	err := group.Wait()
	var closing errgroup.Group
	closing.SetLimit(requestsAtOnce)
	for _, p := range h.players {
		if p.conn != nil {
			closing.Go(func() error {
				return ignoreClosed(p.conn.CloseNow())
			})
		}
	}
	err = errors.Join(err, closing.Wait())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.readers.Wait()
		h.workers.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, errors.New("the players did not all leave in time"))
	}
	return wrap("leaving", err)
}

// lost notes a socket that ended by itself.
func (h *hall) lost(err error) {
	if h.leaving.Load() {
		return
	}
	h.gone.Add(1)
	if status := websocket.CloseStatus(err); status != -1 {
		h.fail(fmt.Errorf("a socket was closed with %d", status))
	}
}

// fail keeps the first thing that went wrong.
func (h *hall) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil && !h.leaving.Load() {
		h.failure = err
	}
}

func (h *hall) trouble() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failure
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// ignoreClosed drops the complaint that a socket was closed already.
func ignoreClosed(err error) error {
	if err == nil || strings.Contains(err.Error(), "closed") {
		return nil
	}
	return err
}
