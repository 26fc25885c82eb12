package match

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rally"
)

// Wire is how nodes talk to each other.
type Wire interface {
	// Send hands a message to who listens to a name, on whatever node. It
	// copies it, never blocks and promises nothing but the order of what
	// arrives.
	Send(name string, data []byte)
	Listen(name string, handle func(data []byte)) (stop func(), err error)
	// Request asks who responds to a name; a rally.Error of the one who
	// answers comes back as one.
	Request(ctx context.Context, name string, data []byte) ([]byte, error)
	Respond(name string, handle func(ctx context.Context, data []byte) ([]byte, error)) (stop func(), err error)
}

// Board is a small key-value store that all nodes have in common. That it is
// away is an error with the code rally.EUnavailable.
type Board interface {
	Put(ctx context.Context, key string, value []byte) error
	Create(ctx context.Context, key string, value []byte) error // rally.EConflict when there is one
	// Get gives a value and its revision: rally.ENotFound when there is none.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Update writes over the value of that revision: rally.EConflict when it is
	// not there any more.
	Update(ctx context.Context, key string, value []byte, over uint64) error
	Delete(ctx context.Context, key string) error
	// Watch calls see for everything there is and then for every change, one
	// at a time and on all nodes in the same order; value is nil for a key
	// that is there no longer.
	Watch(see func(key string, value []byte)) (stop func(), err error)
}

// Roll calls handle for every node that lives, and whenever one has come or is
// gone; told is closed once it has heard of all that lived in the beginning.
type Roll func(handle func(node string, alive bool)) (told <-chan struct{}, stop func(), err error)

// NodesConfig is what NewNodes needs. All of it must be set.
type NodesConfig struct {
	Registry *Registry // not started yet
	Name     string    // of this node, and of no other ever
	Wire     Wire
	Matches  Board // for nothing else
	Roll     Roll
	Publish  func(rally.Event)
	Log      *slog.Logger
}

// The bounds of what waits for another node.
const (
	askTime    = 2 * time.Second        // for a command
	findTime   = time.Second            // to look at a match
	lookTime   = 500 * time.Millisecond // to find out where a match is
	recordTime = 250 * time.Millisecond // until a new match can be found from everywhere
)

// Nodes stands in front of a Registry and knows the matches of other nodes as
// well: what it can do to a match it does wherever that runs, except for Runs and
// Rename. Matches that it makes run here. What is local never leaves the process;
// no match waits for another node. The registry is still to be started and
// stopped by whoever made it.
type Nodes struct {
	registry *Registry // of the matches that run here
	name     string
	wire     Wire
	cards    *cards
	tell     func(rally.Event)
	log      *slog.Logger
	stops    []func()
	ended    sync.Once

	mu     sync.Mutex
	lastID uint64
	ties   map[uint64]*Link    // into matches elsewhere
	guests map[guestKey]*guest // from elsewhere, in matches here
}

// NewNodes connects a registry with those of other nodes. Call Stop when the
// registry has been stopped.
func NewNodes(c NodesConfig) (*Nodes, error) {
	n := &Nodes{
		registry: c.Registry, name: c.Name, wire: c.Wire, tell: c.Publish, log: c.Log,
		ties: map[uint64]*Link{}, guests: map[guestKey]*guest{},
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	n.cards = newCards(n, c.Matches)
	c.Registry.cards = n.cards
	if err := n.start(c); err != nil {
		n.end()
		return nil, err
	}
	return n, nil
}

func (n *Nodes) start(c NodesConfig) error {
	opened := func(stop func(), err error) error {
		if err == nil {
			n.stops = append(n.stops, stop)
		}
		return err
	}
	if err := opened(c.Wire.Listen(mailName(n.name), n.receive)); err != nil {
		return err
	}
	if err := opened(c.Wire.Respond(mailName(n.name), n.answer)); err != nil {
		return err
	}
	if err := opened(c.Matches.Watch(n.cards.see)); err != nil {
		return err
	}
	told, stop, err := c.Roll(n.called)
	if err != nil {
		return err
	}
	n.stops = append(n.stops, stop)
	n.cards.start(told)
	return nil
}

// mailName is what a node listens and responds to.
func mailName(node string) string { return "match." + node }

// Stop takes this node's matches off the board and ends what goes on between
// nodes. The registry is to be stopped first, for the results.
func (n *Nodes) Stop(ctx context.Context) {
	n.ended.Do(func() {
		n.cards.stop(ctx)
		n.end()
	})
}

func (n *Nodes) end() {
	for i := len(n.stops) - 1; i >= 0; i-- {
		n.stops[i]()
	}
	n.stops = nil
}

// called notes that a node has come or is gone. Matches of one that is gone have
// no result, and their pages say so; links from there watch nothing any more.
func (n *Nodes) called(node string, alive bool) {
	lost := n.cards.called(node, alive)
	if alive || node == n.name {
		return
	}
	n.log.Info("node gone", "node", node, "matches", len(lost))
	n.dismiss(node)
	n.forsake(node)
	for _, e := range lost {
		n.tell(e)
	}
}

// Stats counts what there is and what has happened on this node.
func (n *Nodes) Stats() Stats {
	s := n.registry.Stats()
	n.mu.Lock()
	defer n.mu.Unlock()
	s.Ties, s.Guests = len(n.ties), len(n.guests)
	return s
}
