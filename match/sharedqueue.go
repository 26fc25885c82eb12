package match

import (
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"rally"
)

const (
	queueTime = time.Second            // of one write to the board
	enterTime = 500 * time.Millisecond // until whoever enters is seen in the queue
	seenAgain = 4 * time.Second        // between two signs of life of somebody without a socket
)

// Shared makes a Matchmaker's queue one that several nodes have in common. Every
// node has a copy of it, follows who is still there, and one of them pairs.
type Shared struct {
	Nodes *Nodes
	Board Board // for nothing else
	// Leads says whether this node is the one that pairs; that may change at
	// any time.
	Leads func() bool
}

// leads says whether this matchmaker is the one that pairs.
func (mm *Matchmaker) leads() bool { return mm.config.Shared == nil || mm.config.Shared.Leads() }

// follow begins to copy the board.
func (mm *Matchmaker) follow() {
	stop, err := mm.config.Shared.Board.Watch(mm.see)
	if err != nil { // it is closed, and everything else with it
		mm.config.Log.Error("the queue of all nodes cannot be followed", "error", err)
		return
	}
	mm.unfollow = sync.OnceFunc(stop)
}

// see takes in what the board says.
func (mm *Matchmaker) see(key string, value []byte) {
	id, err := strconv.ParseInt(key, 10, 64)
	user := rally.UserID(id)
	var w waiter
	if err == nil && value != nil {
		err = json.Unmarshal(value, &w)
	}
	if err != nil || value != nil && w.User != user {
		mm.config.Log.Debug("nobody in the queue", "key", key, "error", err)
		return
	}
	mm.mu.Lock()
	if value == nil {
		delete(mm.entries, user)
	} else if left, gone := mm.leaving[user]; !gone || !left.Equal(w.Since) {
		delete(mm.leaving, user) // they have entered anew
		now := mm.config.Clock.Now()
		date := mm.config.Clock.Date()
		mm.entries[user] = &entry{
			Entrant: w.Entrant, node: w.Node, date: w.Since,
			since: now - max(date.Sub(w.Since), 0), seen: now - max(date.Sub(w.Seen), 0),
		}
	}
	if value != nil {
		for _, c := range mm.entering[user] {
			close(c)
		}
		delete(mm.entering, user)
	}
	mm.mu.Unlock()
	mm.nudge()
}

// enterShared puts somebody into the queue of all nodes, and returns once this
// node sees them there.
func (mm *Matchmaker) enterShared(e Entrant) error {
	mm.mu.Lock()
	switch {
	case mm.stopping:
		mm.mu.Unlock()
		return errStopped()
	case mm.entries[e.User] != nil:
		mm.mu.Unlock()
		mm.seenShared(e.User)
		return nil
	}
	left, leaving := mm.leaving[e.User]
	delete(mm.leaving, e.User)
	seen := make(chan struct{})
	mm.entering[e.User] = append(mm.entering[e.User], seen)
	mm.mu.Unlock()
	defer mm.entered(e.User, seen)

	now := mm.config.Clock.Date()
	if err := mm.write(waiter{Entrant: e, Node: mm.config.Shared.Nodes.name, Since: now, Seen: now}); err != nil {
		mm.mu.Lock()
		in, waiting := mm.entries[e.User]
		switch {
		case waiting && in.date.Equal(now):
			mm.drop(in)
		case leaving:
			mm.leaving[e.User] = left
		default: // it may have been written all the same
			mm.leaving[e.User] = now
		}
		mm.mu.Unlock()
		mm.nudge()
		return err
	}
	late := time.NewTimer(enterTime)
	defer late.Stop()
	select {
	case <-seen:
	case <-late.C: // it is on its way
	}
	mm.changed(e.User)
	return nil
}

// entered notes that nobody waits any more to see somebody in the queue.
func (mm *Matchmaker) entered(user rally.UserID, seen chan struct{}) {
	mm.mu.Lock()
	defer mm.mu.Unlock()
	others := slices.DeleteFunc(mm.entering[user], func(c chan struct{}) bool { return c == seen })
	if mm.entering[user] = others; len(others) == 0 {
		delete(mm.entering, user)
	}
}

// seenShared has all nodes know that somebody who may have no socket is there.
func (mm *Matchmaker) seenShared(user rally.UserID) {
	if mm.config.Present(user) {
		return // they know
	}
	mm.mu.Lock()
	now := mm.config.Clock.Now()
	e := mm.entries[user]
	if e == nil || now-e.seen < seenAgain {
		mm.mu.Unlock()
		return
	}
	e.seen = now
	mm.mu.Unlock()
	if err := mm.sign(user); err != nil {
		mm.config.Log.Debug("a sign of life not passed on", "user", user, "error", err)
	}
}

// dropPlaying takes those out of the queue who play by now: their match was
// made elsewhere.
func (mm *Matchmaker) dropPlaying() {
	mm.mu.Lock()
	var users []rally.UserID
	for user := range mm.entries {
		users = append(users, user)
	}
	mm.mu.Unlock()
	slices.Sort(users)
	for _, user := range users {
		if _, busy := mm.config.Playing(user); busy {
			mm.Leave(user)
		}
	}
}

// create makes the match of two who have been paired: with a shared queue on the
// node where the left one has entered it.
func (mm *Matchmaker) create(node string, players [2]Entrant) (rally.MatchID, error) {
	if mm.config.Shared == nil {
		return mm.config.Create(rally.Rated, mm.config.Points, players)
	}
	return mm.config.Shared.Nodes.createAt(node, rally.Rated, mm.config.Points, players)
}
