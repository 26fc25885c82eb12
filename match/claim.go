package match

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rally"
)

// claim is the making of a match under an id that others may want to make it
// under as well.
type claim struct {
	done chan struct{} // closed when it has come to an end
	err  error         // nil if there is a match then
}

// errUnmade says that it is not known whether there is a match, or who makes it.
func errUnmade() error {
	return &rally.Error{
		Code: rally.EUnavailable, Message: "error.busy", RetryAfter: 1,
		Cause: errors.New("match: claimed, and not there"),
	}
}

// Pair is Registry.Pair, also when the same is asked of several nodes at once:
// one of them makes the match. Once it gives nil, there is one.
//
// Errors are those of Create, and rally.EUnavailable while the board is away, or
// has not answered. It may be called again then.
func (n *Nodes) Pair(id rally.MatchID, kind rally.MatchKind, points int, players [2]Entrant) error {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	c, first := n.cards.begin(id)
	if !first {
		return c.wait(ctx)
	}
	defer n.cards.finish(id, c)
	c.err = n.pair(ctx, id, kind, points, players)
	return c.err
}

func (n *Nodes) pair(ctx context.Context, id rally.MatchID, kind rally.MatchKind, points int, players [2]Entrant) error {
	if n.Runs(id) {
		return nil
	}
	if err := n.free(players); err != nil {
		if _, there := n.cards.where(id); there {
			return n.made(ctx, id)
		}
		return err
	}
	err := n.cards.claim(ctx, id, card{Node: n.name, Kind: kind, Points: points, Players: players, Made: n.registry.clock.Date()})
	switch {
	case rally.ErrorCode(err) == rally.EConflict:
		return n.made(ctx, id)
	case err != nil:
		return err
	}
	return n.registry.Pair(id, kind, points, players)
}

// made gives nil if there is, or was, a match that another node has claimed.
func (n *Nodes) made(ctx context.Context, id rally.MatchID) error {
	p, ok := n.cards.look(ctx, id)
	switch {
	case !ok: // it is on its way off the board
		return errUnmade()
	case !p.lost.IsZero():
		return nil
	}
	_, err := n.ask(ctx, p.Node, question{Do: doFind, Match: id})
	if rally.ErrorCode(err) == rally.ENotFound {
		return errUnmade()
	}
	return err
}

// begin notes a claim, or gives the one that is under way.
func (c *cards) begin(id rally.MatchID) (p *claim, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p, ok := c.claims[id]; ok {
		return p, false
	}
	p = &claim{done: make(chan struct{}), err: errUnmade()}
	c.claims[id] = p
	return p, true
}

func (c *cards) finish(id rally.MatchID, p *claim) {
	c.mu.Lock()
	delete(c.claims, id)
	c.mu.Unlock()
	close(p.done)
	c.takeBack(id)
}

// settled returns when this node does not claim a match any more.
func (c *cards) settled(ctx context.Context, id rally.MatchID) {
	c.mu.RLock()
	p, ok := c.claims[id]
	c.mu.RUnlock()
	if ok {
		_ = p.wait(ctx) // whether there is a match can be seen then
	}
}

func (p *claim) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errUnmade()
	}
}

// claim writes a match that this node is about to make: rally.EConflict when
// there is one of that id on any node. After any other error it may have been
// written all the same.
func (c *cards) claim(ctx context.Context, id rally.MatchID, n card) error {
	value, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	return c.board.Create(ctx, string(id), value)
}

// takeBack takes a card of this node off the board if there is no match to it:
// nobody has heard that a claim was written, or the match could not be made. It
// is called when the card is seen and when the claim has ended, whichever is
// later.
func (c *cards) takeBack(id rally.MatchID) {
	c.mu.RLock()
	p, posted := c.posted[id]
	_, claimed := c.claims[id]
	c.mu.RUnlock()
	if posted && p.Node == c.nodes.name && !claimed && !c.nodes.Runs(id) {
		c.writer.write(id, nil)
	}
}
