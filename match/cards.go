package match

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"rally"
)

// unheardTime is how old a match must be to count as lost when we have never heard
// of its node. That of a node that has just begun may be heard of first.
const unheardTime = 10 * time.Second

// card is what the board says of a match.
type card struct {
	Node    string          `json:"node"`
	Kind    rally.MatchKind `json:"kind"`
	Points  int             `json:"points"`
	Players [2]Entrant      `json:"players"`
	Made    time.Time       `json:"made"`
	Over    bool            `json:"over,omitempty"`
}

// life is what is known of a node.
type life struct {
	alive bool
	since time.Time
}

// cards is a node's copy of the board of matches, and what it writes there of
// its own. Nothing here waits for the board but cardWriter's goroutine, and who
// asks for it.
type cards struct {
	nodes  *Nodes
	board  Board
	writer *cardWriter

	mu        sync.RWMutex
	posted    map[rally.MatchID]*card
	live      map[rally.UserID][]rally.MatchID // that are not over, of all nodes, in the order of the board
	nodeLives map[string]life
	claims    map[rally.MatchID]*claim // of this node, that are under way
	told      time.Time                // when we had heard of all that lived; zero before
}

func newCards(n *Nodes, board Board) *cards {
	c := &cards{
		nodes: n, board: board,
		posted: map[rally.MatchID]*card{}, live: map[rally.UserID][]rally.MatchID{}, nodeLives: map[string]life{},
		claims: map[rally.MatchID]*claim{},
	}
	c.writer = newCardWriter(c)
	return c
}

// start begins to write, and to clear away what dead nodes have left.
func (c *cards) start(told <-chan struct{}) { go c.writer.run(told) }

// stop takes this node's cards off the board.
func (c *cards) stop(ctx context.Context) {
	c.writer.stop()
	own := c.writer.left()
	c.mu.RLock()
	for id, p := range c.posted {
		if p.Node == c.nodes.name {
			own[id] = true
		}
	}
	c.mu.RUnlock()
	for id := range own {
		if err := c.board.Delete(ctx, string(id)); err != nil {
			c.nodes.log.Warn("matches left on the board", "error", err)
			return
		}
	}
}

// see takes in what the board says.
func (c *cards) see(key string, value []byte) {
	id := rally.MatchID(key)
	var n card
	if value != nil {
		if err := json.Unmarshal(value, &n); err != nil || !id.Valid() {
			c.nodes.log.Debug("no card of a match", "key", key, "error", err)
			return
		}
	}
	clash := false
	if value == nil {
		c.remove(id)
	} else {
		clash = c.add(id, n)
	}
	m, here := c.nodes.registry.find(id)
	switch {
	case !here:
		c.takeBack(id)
	case value == nil: // somebody has taken us for dead
		c.note(m, m.snapshot.Load().Phase == Over)
	case clash:
		c.nodes.log.Warn("a player of the match plays on another node already", "match", id)
		m.withdraw()
	}
}

// add puts a card in its place. It clashes if one of the players has been in a
// match on another node for longer: both were made before either node knew.
func (c *cards) add(id rally.MatchID, n card) (clash bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posted[id] = &n
	for _, e := range n.Players {
		if e.User == 0 {
			continue
		}
		if n.Over {
			c.free(e.User, id)
			continue
		}
		if theirs := c.live[e.User]; !slices.Contains(theirs, id) {
			c.live[e.User] = append(slices.Clip(theirs), id)
		}
		first, ok := c.playing(e.User)
		clash = clash || ok && c.posted[first].Node != n.Node
	}
	return clash
}

// remove forgets a card.
func (c *cards) remove(id rally.MatchID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.posted[id]; p != nil {
		delete(c.posted, id)
		for _, e := range p.Players {
			c.free(e.User, id)
		}
	}
}

// free notes that a match is none that user plays. The lock is held.
func (c *cards) free(user rally.UserID, id rally.MatchID) {
	theirs := slices.DeleteFunc(slices.Clone(c.live[user]), func(other rally.MatchID) bool { return other == id })
	if len(theirs) == 0 {
		delete(c.live, user)
		return
	}
	c.live[user] = theirs
}

// playing gives the first match of a user that is not over and whose node lives.
// The lock is held.
func (c *cards) playing(user rally.UserID) (rally.MatchID, bool) {
	for _, id := range c.live[user] {
		if c.lostAt(c.posted[id]).IsZero() {
			return id, true
		}
	}
	return "", false
}

// elsewhere gives the match on another node that a user is in.
func (c *cards) elsewhere(user rally.UserID) (rally.MatchID, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.playing(user)
	if !ok || c.posted[id].Node == c.nodes.name {
		return "", false
	}
	return id, true
}

// lostAt gives when the node of a match died, zero if it lives. The lock is held.
func (c *cards) lostAt(p *card) time.Time {
	if p.Node == c.nodes.name {
		return time.Time{}
	}
	if l, heard := c.nodeLives[p.Node]; heard {
		if l.alive {
			return time.Time{}
		}
		return l.since
	}
	late := p.Made.Add(unheardTime)
	if c.told.IsZero() || time.Now().Before(late) {
		return time.Time{}
	}
	if c.told.After(late) {
		late = c.told
	}
	return late
}

// called notes that a node has come or is gone, and gives the events of the
// matches that went with it.
func (c *cards) called(node string, alive bool) (lost []rally.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l, heard := c.nodeLives[node]; heard && l.alive == alive {
		return nil
	}
	c.nodeLives[node] = life{alive, time.Now()}
	if alive {
		return nil
	}
	for id, p := range c.posted {
		if p.Node != node || p.Over {
			continue
		}
		e := rally.Event{Kind: rally.MatchChanged, Match: id}
		for _, player := range p.Players {
			if player.User != 0 {
				e.Users = append(e.Users, player.User)
			}
		}
		lost = append(lost, e)
	}
	return lost
}

// note has the board say what has become of a match of this node.
func (c *cards) note(m *match, over bool) {
	s := m.snapshot.Load()
	n := &card{Node: c.nodes.name, Kind: s.Kind, Points: s.Points, Made: m.made, Over: over}
	for side := range s.Players {
		n.Players[side] = s.Players[side].Entrant
	}
	c.writer.write(m.id, n)
}

// allTold notes that we have heard of every node that lived when we began.
func (c *cards) allTold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = time.Now()
}

// lives says whether a node is there, as far as we know.
func (c *cards) lives(node string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.nodeLives[node].alive
}

// leftovers gives matches of nodes that have been dead for so long.
func (c *cards) leftovers(remember time.Duration) (ids []rally.MatchID) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for id, p := range c.posted {
		if lost := c.lostAt(p); !lost.IsZero() && time.Since(lost) > remember {
			ids = append(ids, id)
		}
	}
	return ids
}
