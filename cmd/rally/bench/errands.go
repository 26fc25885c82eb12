package bench

import (
	"context"
	"net/http"

	"rally/pong"
)

// errand is an HTTP request that a player has to make.
type errand struct {
	player *player
	what   errandKind
}

type errandKind uint8

const (
	joinMatch  errandKind = iota // go on court
	askRematch                   // after a match
	lookUp                       // whether there is a match: a push can be lost
)

// run does errands until ctx ends.
func (h *hall) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-h.errands:
			if err := h.do(ctx, e); err != nil && ctx.Err() == nil {
				h.fail(err)
			}
		}
	}
}

func (h *hall) do(ctx context.Context, e errand) error {
	p := e.player
	p.mu.Lock()
	id := p.match
	p.mu.Unlock()
	switch e.what {
	case joinMatch:
		if err := p.write(pong.JoinFrame{Match: [pong.MatchIDLen]byte([]byte(id))}.Append(nil)); err != nil {
			return err
		}
		// A rematch needs no ready press, and a late one is no fault.
		_, _, err := h.site.post(ctx, p.account, "/matches/"+string(id)+"/ready")
		return err
	case lookUp:
		_, location, err := h.site.get(ctx, p.account, "/play")
		matchesIn(location, p.hear)
		return err
	default: // askRematch
		status, location, err := h.site.post(ctx, p.account, "/matches/"+string(id)+"/rematch")
		if err != nil {
			return err
		}
		matchesIn(location, p.hear)
		if status >= http.StatusBadRequest {
			_, location, err = h.site.post(ctx, p.account, "/play")
			matchesIn(location, p.hear)
		}
		return err
	}
}

// remind has every player without a match look whether there is one.
func (h *hall) remind() {
	for _, p := range h.players {
		p.mu.Lock()
		lone := p.match == ""
		p.mu.Unlock()
		if lone {
			h.errands <- errand{p, lookUp}
		}
	}
}
