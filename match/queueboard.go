package match

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"rally"
)

// waiter is somebody in the queue, as the board has it.
type waiter struct {
	Entrant
	Node  string    `json:"node"`  // where they entered
	Since time.Time `json:"since"` // by that node's calendar; it tells one stay in the queue from the next
	Seen  time.Time `json:"seen"`  // by that of the node that wrote it
}

func queueKey(user rally.UserID) string { return strconv.FormatInt(int64(user), 10) }

// write puts somebody on the board.
func (mm *Matchmaker) write(w waiter) error {
	ctx, cancel := context.WithTimeout(context.Background(), queueTime)
	defer cancel()
	return mm.config.Shared.Board.Put(ctx, queueKey(w.User), w.encode())
}

// read gives somebody as the board has them: rally.ENotFound if it has not.
func (mm *Matchmaker) read(user rally.UserID) (w waiter, revision uint64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), queueTime)
	defer cancel()
	value, revision, err := mm.config.Shared.Board.Get(ctx, queueKey(user))
	if err != nil {
		return w, 0, err
	}
	if err := json.Unmarshal(value, &w); err != nil {
		return w, 0, fmt.Errorf("match: user %d in the queue: %w", user, err)
	}
	return w, revision, nil
}

func (w *waiter) encode() []byte {
	value, err := json.Marshal(w)
	if err != nil {
		panic(err) // there is nothing in it that could not be written
	}
	return value
}

// sign writes down that somebody is there, unless they have left meanwhile.
func (mm *Matchmaker) sign(user rally.UserID) error {
	w, revision, err := mm.read(user)
	if err != nil {
		return err
	}
	w.Seen = mm.config.Clock.Date()
	ctx, cancel := context.WithTimeout(context.Background(), queueTime)
	defer cancel()
	return mm.config.Shared.Board.Update(ctx, queueKey(user), w.encode(), revision)
}

// drop takes an entry out of the queue. Of a shared one it is erased from the
// board next. The lock is held.
func (mm *Matchmaker) drop(e *entry) {
	delete(mm.entries, e.User)
	if mm.config.Shared != nil {
		mm.leaving[e.User] = e.date
	}
}

// dropUnseen is drop for somebody who has entered on another node a moment ago,
// and says whether they have. Those who play are for the node that pairs.
func (mm *Matchmaker) dropUnseen(user rally.UserID) bool {
	if _, busy := mm.config.Playing(user); busy {
		return false
	}
	w, _, err := mm.read(user)
	if err != nil {
		return false
	}
	mm.mu.Lock()
	defer mm.mu.Unlock()
	if e, ok := mm.entries[user]; ok && e.date.Equal(w.Since) { // they have come meanwhile
		delete(mm.entries, user)
	}
	mm.leaving[user] = w.Since
	return true
}

// erase takes those who have been dropped off the board, and says whether that
// has to be done again.
func (mm *Matchmaker) erase(users ...rally.UserID) (failed bool) {
	if mm.config.Shared == nil {
		return false
	}
	for _, user := range users {
		mm.mu.Lock()
		left, leaving := mm.leaving[user]
		mm.mu.Unlock()
		if !leaving {
			continue
		}
		if err := mm.eraseStay(user, left); err != nil {
			mm.config.Log.Debug("somebody is still on the board of the queue", "user", user, "error", err)
			failed = true
			continue
		}
		mm.mu.Lock()
		if mm.leaving[user].Equal(left) {
			delete(mm.leaving, user)
		}
		mm.mu.Unlock()
	}
	return failed
}

// eraseStay takes somebody off the board who has entered at a time, and not again
// since then. If the board does not have them, they are taken off all the same:
// our own write may still be on its way.
func (mm *Matchmaker) eraseStay(user rally.UserID, since time.Time) error {
	w, _, err := mm.read(user)
	switch {
	case err == nil && !w.Since.Equal(since):
		return nil
	case rally.ErrorCode(err) == rally.EUnavailable:
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), queueTime)
	defer cancel()
	return mm.config.Shared.Board.Delete(ctx, queueKey(user))
}

// eraseAgain takes those off the board for whom that has failed.
func (mm *Matchmaker) eraseAgain() (failed bool) {
	mm.mu.Lock()
	users := make([]rally.UserID, 0, len(mm.leaving))
	for user := range mm.leaving {
		users = append(users, user)
	}
	mm.mu.Unlock()
	return mm.erase(users...)
}
