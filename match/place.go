package match

import (
	"context"
	"encoding/json"
	"time"

	"rally"
)

// place is where a match runs.
type place struct {
	card
	lost time.Time // when its node died; zero while that lives
}

// where gives what this node knows of a match elsewhere.
func (c *cards) where(id rally.MatchID) (place, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.posted[id]
	if !ok || p.Node == c.nodes.name {
		return place{}, false
	}
	return place{*p, c.lostAt(p)}, true
}

// look is where, and asks the board for what this node may not have heard of
// yet.
func (c *cards) look(ctx context.Context, id rally.MatchID) (place, bool) {
	if p, ok := c.where(id); ok {
		return p, true
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	value, _, err := c.board.Get(ctx, string(id))
	if err != nil {
		if rally.ErrorCode(err) != rally.ENotFound {
			c.nodes.log.Debug("where a match is cannot be known", "match", id, "error", err)
		}
		return place{}, false
	}
	var n card
	if err := json.Unmarshal(value, &n); err != nil || n.Node == c.nodes.name {
		return place{}, false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return place{n, c.lostAt(&n)}, true
}

// info gives what the card alone says of a match. Whatever seems over may have
// been stored.
func (p *place) info(id rally.MatchID) Info {
	info := Info{
		ID: id, Kind: p.Kind, Points: p.Points, Phase: Paused, Winner: rally.NoSide, StartedAt: p.Made,
	}
	if p.Over || !p.lost.IsZero() {
		info.Phase, info.Outcome, info.Stored, info.FinishedAt = Over, rally.Interrupted, true, p.lost
	}
	for side := range info.Players {
		info.Players[side] = InfoPlayer{Entrant: p.Players[side], RTT: -1}
	}
	return info
}
