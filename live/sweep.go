package live

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rally"
)

// How sessions are checked.
const (
	checksAtOnce = 8
	checkTimeout = 5 * time.Second
)

// sweepLoop looks after all sockets until the hub has shut down: pings, and
// giving up on those that are silent or stuck.
func (h *Hub) sweepLoop() {
	h.every(func() {
		now := h.now()
		for _, c := range h.conns() {
			c.sweep(now)
		}
		h.forget(now)
	})
}

// forget drops ended sessions that no request can be under way for any more.
func (h *Hub) forget(now time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, e := range h.ended {
		if now-e.at > endedMemory {
			delete(h.ended, id)
		}
	}
}

// checkLoop asks Config.Check about sessions as they fall due, until the hub
// has shut down.
func (h *Hub) checkLoop() {
	h.every(func() {
		var (
			group  errgroup.Group
			failed atomic.Int64
			last   atomic.Pointer[error]
		)
		group.SetLimit(checksAtOnce)
		for _, id := range h.due() {
			group.Go(func() error {
				ctx, cancel := context.WithTimeout(h.ctx, checkTimeout)
				defer cancel()
				alive, token, err := h.cfg.Check(ctx, id)
				switch {
				case err != nil:
					failed.Add(1)
					last.Store(&err)
				case !alive:
					_, code, reason := causeSession.describe()
					h.CloseSession(id, code, reason)
				case !token:
					_, code, reason := causeRenew.describe()
					h.CloseSession(id, code, reason)
				}
				return nil
			})
		}
		_ = group.Wait() // no function of the group fails
		if n := failed.Load(); n > 0 && h.ctx.Err() == nil {
			h.cfg.Log.Warn("sessions could not be checked", "count", n, "error", escape((*last.Load()).Error()))
		}
	})
}

// due gives the sessions to be checked now, and sets each one's next time.
func (h *Hub) due() []rally.SessionID {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	var ids []rally.SessionID
	for id, s := range h.sessions {
		if now >= s.checkAt {
			s.checkAt = h.nextCheck()
			ids = append(ids, id)
		}
	}
	return ids
}

// every calls f once per sweepEvery until the hub has shut down.
func (h *Hub) every(f func()) {
	ticker := time.NewTicker(h.sweepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-ticker.C:
			f()
		}
	}
}
