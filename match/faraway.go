package match

import (
	"context"
	"encoding/json"
	"fmt"

	"rally"
)

// question is what one node asks another about a match that runs there.
type question struct {
	Do      string          `json:"do"`
	Match   rally.MatchID   `json:"match,omitempty"`
	User    rally.UserID    `json:"user,omitempty"`
	Silent  bool            `json:"silent,omitempty"` // doRematch
	Kind    rally.MatchKind `json:"kind,omitempty"`
	Points  int             `json:"points,omitempty"`
	Players *[2]Entrant     `json:"players,omitempty"`
}

// reply is the answer.
type reply struct {
	Info  *Info         `json:"info,omitempty"`
	Match rally.MatchID `json:"match,omitempty"`
}

// What can be asked.
const (
	doFind    = "find"
	doReady   = "ready"
	doResign  = "resign"
	doRematch = "rematch"
	doCreate  = "create"
)

// ask has a node answer.
func (n *Nodes) ask(ctx context.Context, node string, q question) (a reply, err error) {
	data, err := json.Marshal(q)
	if err != nil {
		return a, fmt.Errorf("match: %w", err)
	}
	if data, err = n.wire.Request(ctx, mailName(node), data); err != nil {
		return a, err
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("match: node %s: %w", node, err)
	}
	return a, nil
}

// answer answers what another node asks.
func (n *Nodes) answer(ctx context.Context, data []byte) ([]byte, error) {
	var q question
	if err := json.Unmarshal(data, &q); err != nil {
		return nil, rally.Errorf(rally.EInvalid, "error.invalid", "match: a question: %w", err)
	}
	a, err := n.carryOut(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

func (n *Nodes) carryOut(ctx context.Context, q question) (a reply, err error) {
	switch q.Do {
	case doFind:
		n.cards.settled(ctx, q.Match)
		info, ok := n.registry.Find(q.Match)
		if !ok {
			return a, errGone()
		}
		a.Info = &info
	case doReady:
		err = n.registry.Ready(q.Match, q.User)
	case doResign:
		err = n.registry.Resign(q.Match, q.User)
	case doRematch:
		a.Match, err = n.rematchHere(q.Match, q.User, q.Silent)
	case doCreate:
		if q.Players == nil {
			return a, rally.Errorf(rally.EInvalid, "error.invalid", "match: nobody to play")
		}
		a.Match, err = n.Create(q.Kind, q.Points, *q.Players)
	default:
		err = rally.Errorf(rally.EInvalid, "error.invalid", "match: a node asks to %q", q.Do)
	}
	return a, err
}

// command has the node of a match carry something out.
func (n *Nodes) command(q question) (a reply, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	p, ok := n.cards.look(ctx, q.Match)
	switch {
	case !ok:
		return a, errGone()
	case !p.lost.IsZero():
		return a, errNotNow("its node is gone")
	}
	return n.ask(ctx, p.Node, q)
}

// Find gives a match that is live on any node, or over and still remembered. One
// whose node is gone is over, as rally.Interrupted; one whose node gives no
// answer seems to wait for both players.
func (n *Nodes) Find(id rally.MatchID) (Info, bool) {
	if info, ok := n.registry.Find(id); ok {
		return info, true
	}
	ctx, cancel := context.WithTimeout(context.Background(), findTime)
	defer cancel()
	p, ok := n.cards.look(ctx, id)
	if !ok {
		return Info{}, false
	}
	if !p.lost.IsZero() {
		return p.info(id), true
	}
	a, err := n.ask(ctx, p.Node, question{Do: doFind, Match: id})
	switch {
	case err == nil && a.Info != nil:
		return *a.Info, true
	case rally.ErrorCode(err) == rally.ENotFound:
		return Info{}, false
	}
	n.log.Debug("no answer about a match", "match", id, "node", p.Node, "error", err)
	return p.info(id), true
}

// Runs is Registry.Runs: it says whether a match runs, or has run, on this node.
func (n *Nodes) Runs(id rally.MatchID) bool { return n.registry.Runs(id) }

// Rename is Registry.Rename, for the matches that run here. Every node is to call
// it.
func (n *Nodes) Rename(user rally.UserID, name string) { n.registry.Rename(user, name) }

// Playing gives the match, on any node, that user is in and that is not over.
func (n *Nodes) Playing(user rally.UserID) (rally.MatchID, bool) {
	if id, ok := n.registry.Playing(user); ok {
		return id, true
	}
	return n.cards.elsewhere(user)
}

// free gives errPlaying if one of the players is in a match on another node.
func (n *Nodes) free(players [2]Entrant) error {
	for _, e := range players {
		if _, busy := n.cards.elsewhere(e.User); busy && e.User != 0 {
			return errPlaying()
		}
	}
	return nil
}

// Create is Registry.Create. When it returns, the match can be found from every
// node, unless the board is away.
func (n *Nodes) Create(kind rally.MatchKind, points int, players [2]Entrant) (rally.MatchID, error) {
	if err := n.free(players); err != nil {
		return "", err
	}
	id, err := n.registry.Create(kind, points, players)
	if err == nil {
		n.cards.writer.wait(id)
	}
	return id, err
}

// createAt is Create on a node of choice.
func (n *Nodes) createAt(node string, kind rally.MatchKind, points int, players [2]Entrant) (rally.MatchID, error) {
	if node == n.name || !n.cards.lives(node) {
		return n.Create(kind, points, players)
	}
	if err := n.free(players); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	a, err := n.ask(ctx, node, question{Do: doCreate, Kind: kind, Points: points, Players: &players})
	return a.Match, err
}

// Practice is Registry.Practice, like Create.
func (n *Nodes) Practice(e Entrant, level rally.BotLevel, points int) (rally.MatchID, error) {
	return n.Create(rally.Practice, points, [2]Entrant{e, {Bot: level}})
}

// Ready is Registry.Ready for matches of all nodes. Errors are the same, and
// rally.EUnavailable when the match's node gives no answer.
func (n *Nodes) Ready(id rally.MatchID, user rally.UserID) error {
	if n.Runs(id) {
		return n.registry.Ready(id, user)
	}
	_, err := n.command(question{Do: doReady, Match: id, User: user})
	return err
}

// Resign is Registry.Resign, like Ready.
func (n *Nodes) Resign(id rally.MatchID, user rally.UserID) error {
	if n.Runs(id) {
		return n.registry.Resign(id, user)
	}
	_, err := n.command(question{Do: doResign, Match: id, User: user})
	return err
}

// Rematch is Registry.Rematch, like Ready. The new match runs where the old one
// did.
func (n *Nodes) Rematch(id rally.MatchID, user rally.UserID, silent bool) (rally.MatchID, error) {
	if n.Runs(id) {
		return n.rematchHere(id, user, silent)
	}
	a, err := n.command(question{Do: doRematch, Match: id, User: user, Silent: silent})
	return a.Match, err
}

func (n *Nodes) rematchHere(id rally.MatchID, user rally.UserID, silent bool) (rally.MatchID, error) {
	if info, ok := n.registry.Find(id); ok {
		if err := n.free([2]Entrant{info.Players[rally.Left].Entrant, info.Players[rally.Right].Entrant}); err != nil {
			return "", errNotNow("one of them plays on another node")
		}
	}
	next, err := n.registry.Rematch(id, user, silent)
	if next != "" {
		n.cards.writer.wait(next)
	}
	return next, err
}
