package live_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"rally"
	"rally/live"
)

// errAway is what Places says while the database is away.
var errAway = rally.Errorf(rally.EUnavailable, "error.unavailable", "the database is away")

// register is the Places of all nodes of a test: what the database would hold.
type register struct {
	mu      sync.Mutex
	holders map[rally.UserID]map[*node]rally.SessionID
	away    bool
	claims  int
	failed  int
}

// node is one node's view of a register.
type node struct {
	*register
	lost bool // the next beat says so
	left bool

	// claiming, when set before the first claim, is called in the middle of
	// each, when it has been answered but the answer is not there yet.
	claiming func(ctx context.Context, user rally.UserID, session rally.SessionID, ok bool)
}

func newRegister() *register {
	return &register{holders: make(map[rally.UserID]map[*node]rally.SessionID)}
}

func (r *register) node() *node { return &node{register: r} }

func (n *node) Claim(ctx context.Context, user rally.UserID, session rally.SessionID) (bool, error) {
	ok, err := n.claim(user, session)
	if err == nil && n.claiming != nil {
		n.claiming(ctx, user, session, ok)
	}
	return ok, err
}

func (n *node) claim(user rally.UserID, session rally.SessionID) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.claims++
	if n.away {
		n.failed++
		return false, errAway
	}
	if n.left {
		return false, errors.New("claimed after leaving")
	}
	for _, holder := range n.holders[user] {
		if holder != session {
			return false, nil
		}
	}
	if n.holders[user] == nil {
		n.holders[user] = make(map[*node]rally.SessionID)
	}
	n.holders[user][n] = session
	return true, nil
}

func (n *node) Release(_ context.Context, user rally.UserID, session rally.SessionID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		n.failed++
		return errAway
	}
	if n.holders[user][n] == session {
		delete(n.holders[user], n)
	}
	if len(n.holders[user]) == 0 {
		delete(n.holders, user)
	}
	return nil
}

func (n *node) Beat(context.Context) (bool, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return false, errAway
	}
	lost := n.lost
	n.lost = false
	return lost, nil
}

func (n *node) Leave(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.left = true
	n.drop()
	return nil
}

// drop takes the node's places away. n.mu must be held.
func (n *node) drop() {
	for user, holders := range n.holders {
		if delete(holders, n); len(holders) == 0 {
			delete(n.holders, user)
		}
	}
}

// die has the node count as dead until its next beat.
func (n *node) die() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost = true
	n.drop()
}

// goAway has the register fail or work again.
func (r *register) goAway(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

// holder gives the session that has a user's place, "" for none.
func (r *register) holder(user rally.UserID) rally.SessionID {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, session := range r.holders[user] {
		return session
	}
	return ""
}

// counts gives how often a place was claimed and how many questions failed.
func (r *register) counts() (claims, failed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.claims, r.failed
}

// newPlacedSite starts a site whose hub keeps places on a node.
func newPlacedSite(t testing.TB, n *node, cfg live.Config) *site {
	t.Helper()
	cfg.Places = n
	s := newSite(t, cfg, nil)
	t.Cleanup(func() {
		s.hub.Shutdown(context.Background())
		if k := s.hub.Places(); k != 0 {
			t.Errorf("places of %d users are remembered at the end", k)
		}
	})
	return s
}
