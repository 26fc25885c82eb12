package live

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rally"
)

const (
	tellsAtOnce = 8
	tellTimeout = 5 * time.Second
	tellRetry   = 500 * time.Millisecond // after a failure
	clearAfter  = 2 * time.Second        // that a node is gone, and up to that more
)

// inform has the other nodes know what this one knows of somebody, if that is
// news. there says whether they are on another node. mu must be held.
func (cr *crowd) inform(p *person, own Sighting, there bool) {
	if !own.Here && !there {
		own.Awake = false // of whoever is nowhere
	}
	if own.Empty() {
		own = Sighting{}
	}
	if own != p.told {
		p.told = own
		cr.tell(p.id)
	}
}

// tell has the other nodes told about somebody. mu must be held.
func (cr *crowd) tell(id rally.UserID) {
	if cr.cfg.Nodes == nil {
		return
	}
	cr.untold[id] = struct{}{}
	if !cr.telling {
		cr.telling = true
		cr.goes(cr.teller)
	}
}

// teller tells the other nodes what they have to know, until that is all.
func (cr *crowd) teller() {
	for {
		cr.mu.Lock()
		untold := make([]rally.UserID, 0, len(cr.untold))
		for id := range cr.untold {
			untold = append(untold, id)
		}
		clear(cr.untold)
		if len(untold) == 0 || cr.closed {
			cr.telling = false
			cr.mu.Unlock()
			return
		}
		cr.mu.Unlock()
		if !cr.tellAll(untold) && !cr.pause(tellRetry) {
			return
		}
	}
}

// tellAll tells the other nodes about some users. When it says that this has
// failed, those of whom they do not know are untold again.
func (cr *crowd) tellAll(users []rally.UserID) bool {
	var (
		group  errgroup.Group
		failed atomic.Bool
	)
	group.SetLimit(tellsAtOnce)
	for _, id := range users {
		group.Go(func() error {
			if !failed.Load() && cr.tellOf(id) {
				return nil
			}
			failed.Store(true)
			cr.mu.Lock()
			defer cr.mu.Unlock()
			cr.untold[id] = struct{}{}
			return nil
		})
	}
	_ = group.Wait() // no function of the group fails
	return !failed.Load()
}

// tellOf tells the other nodes about one user as of now.
func (cr *crowd) tellOf(id rally.UserID) bool {
	cr.mu.Lock()
	var s Sighting
	if p := cr.people[id]; p != nil {
		s = p.told
	}
	cr.mu.Unlock()
	ctx, cancel := context.WithTimeout(cr.ctx, tellTimeout)
	defer cancel()
	if err := cr.cfg.Nodes.Tell(ctx, id, s); err != nil {
		cr.mu.Lock()
		defer cr.mu.Unlock()
		cr.complain("other nodes are not told", err)
		return false
	}
	return true
}

// tidy has what a node that is gone has told cleared away, and then forgets the
// node. mu must be held.
func (cr *crowd) tidy(n *node) {
	switch {
	case !n.gone || !cr.ready || n.tidied:
	case len(n.people) == 0:
		delete(cr.nodes, n.name)
	default:
		n.tidied = true
		cr.goes(func() { cr.clear(n) })
	}
}

// clear clears away what a node has told, until it lives again. All nodes do,
// each in its own time.
func (cr *crowd) clear(n *node) {
	for wait := clearAfter + rand.N(clearAfter); cr.pause(wait); wait = tellRetry {
		for {
			id, ok := cr.leftover(n)
			if !ok {
				return
			}
			if err := cr.forget(n.name, id); err != nil {
				cr.mu.Lock()
				cr.complain("what a dead node has told is not cleared away", err)
				cr.mu.Unlock()
				break
			}
		}
	}
}

// leftover gives somebody of whom a node has told that is gone; otherwise the
// clearing is over.
func (cr *crowd) leftover(n *node) (id rally.UserID, ok bool) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if n.gone {
		for id := range n.people {
			return id, true
		}
	}
	n.tidied = false
	cr.tidy(n)
	return 0, false
}

// forget clears away what a node has told of a user.
func (cr *crowd) forget(name string, user rally.UserID) error {
	ctx, cancel := context.WithTimeout(cr.ctx, tellTimeout)
	defer cancel()
	if err := cr.cfg.Nodes.Forget(ctx, name, user); err != nil {
		return err
	}
	cr.Told(name, user, Sighting{}, time.Time{})
	return nil
}
