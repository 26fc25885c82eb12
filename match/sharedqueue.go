package match

import (
	"context"
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

// waiter is somebody in the queue, as the board has it.
type waiter struct {
	Entrant
	Node  string    `json:"node"`  // where they entered
	Since time.Time `json:"since"` // by that node's calendar
	Seen  time.Time `json:"seen"`  // by that of the node that wrote it
}

func queueKey(user rally.UserID) string { return strconv.FormatInt(int64(user), 10) }

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
	} else if !mm.leaving[user] {
		now := mm.config.Clock.Now()
		date := mm.config.Clock.Date()
		mm.entries[user] = &entry{
			Entrant: w.Entrant, node: w.Node,
			since: now - max(date.Sub(w.Since), 0), seen: now - max(date.Sub(w.Seen), 0),
		}
	}
	for _, c := range mm.watching {
		close(c)
	}
	mm.watching = nil
	mm.mu.Unlock()
	mm.nudge()
}

// enterShared puts somebody into the queue of all nodes, and returns once this
// node sees them there.
func (mm *Matchmaker) enterShared(e Entrant) error {
	mm.mu.Lock()
	stopping, old := mm.stopping, mm.entries[e.User]
	delete(mm.leaving, e.User)
	mm.mu.Unlock()
	switch {
	case stopping:
		return errStopped()
	case old != nil:
		mm.seenShared(e.User)
		return nil
	}
	now := mm.config.Clock.Date()
	if err := mm.write(waiter{Entrant: e, Node: mm.config.Shared.Nodes.name, Since: now, Seen: now}); err != nil {
		return err
	}
	late := time.NewTimer(enterTime)
	defer late.Stop()
	for {
		mm.mu.Lock()
		_, in := mm.entries[e.User]
		news := make(chan struct{})
		mm.watching = append(mm.watching, news)
		mm.mu.Unlock()
		if in {
			break
		}
		select {
		case <-news:
			continue
		case <-late.C: // it is on its way
		}
		break
	}
	mm.changed(e.User)
	return nil
}

// write puts somebody on the board.
func (mm *Matchmaker) write(w waiter) error {
	ctx, cancel := context.WithTimeout(context.Background(), queueTime)
	defer cancel()
	value, err := json.Marshal(w)
	if err != nil {
		panic(err) // there is nothing in it that could not be written
	}
	return mm.config.Shared.Board.Put(ctx, queueKey(w.User), value)
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
	date := mm.config.Clock.Date()
	w := waiter{Entrant: e.Entrant, Node: e.node, Since: date.Add(e.since - now), Seen: date}
	mm.mu.Unlock()
	if err := mm.write(w); err != nil {
		mm.config.Log.Debug("a sign of life not passed on", "user", user, "error", err)
	}
}

// erase takes somebody off the board, in a moment if it is away now. They are
// out of this node's copy already.
func (mm *Matchmaker) erase(users ...rally.UserID) {
	if mm.config.Shared == nil {
		return
	}
	mm.mu.Lock()
	for _, user := range users {
		mm.leaving[user] = true
	}
	mm.mu.Unlock()
	for _, user := range users {
		ctx, cancel := context.WithTimeout(context.Background(), queueTime)
		err := mm.config.Shared.Board.Delete(ctx, queueKey(user))
		cancel()
		if err != nil {
			mm.config.Log.Debug("somebody is still on the board of the queue", "user", user, "error", err)
			continue
		}
		mm.mu.Lock()
		delete(mm.leaving, user)
		mm.mu.Unlock()
	}
}

// eraseAgain takes those off the board for whom that has failed.
func (mm *Matchmaker) eraseAgain() (failed bool) {
	mm.mu.Lock()
	users := make([]rally.UserID, 0, len(mm.leaving))
	for user := range mm.leaving {
		users = append(users, user)
	}
	mm.mu.Unlock()
	mm.erase(users...)
	mm.mu.Lock()
	defer mm.mu.Unlock()
	return len(mm.leaving) > 0
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
