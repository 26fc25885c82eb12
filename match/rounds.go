package match

import (
	"context"
	"math/rand/v2"

	"rally"
)

// run goes round after round until Stop: whenever somebody is new, and every
// pairEvery while anybody waits.
func (mm *Matchmaker) run() {
	defer close(mm.done)
	for {
		mm.mu.Lock()
		stopping := mm.stopping
		mm.mu.Unlock()
		if stopping {
			return
		}
		mm.lapse()
		failed := false
		if mm.config.Shared != nil {
			failed = mm.eraseAgain()
		}
		if mm.leads() {
			mm.match()
		}
		until := forever
		if failed || mm.Len() > 0 {
			until = mm.config.Clock.Now() + pairEvery
		}
		mm.config.Clock.Wait(until, mm.wake)
	}
}

// lapse drops those who are gone. Of a shared queue all nodes follow who is
// there, so that each can go on from there.
func (mm *Matchmaker) lapse() {
	leads := mm.leads()
	if leads && mm.config.Shared != nil {
		mm.dropPlaying()
	}
	var lapsed []rally.UserID
	mm.mu.Lock()
	users := make([]rally.UserID, 0, len(mm.entries))
	for user := range mm.entries {
		users = append(users, user)
	}
	mm.mu.Unlock()
	for _, user := range users {
		present := mm.config.Present(user) // asked without the lock: it is not ours
		mm.mu.Lock()
		now := mm.config.Clock.Now()
		if e, ok := mm.entries[user]; ok {
			if present {
				e.seen = now
			}
			if now-e.seen >= lapseAfter && leads {
				mm.drop(e)
				lapsed = append(lapsed, user)
			}
		}
		mm.mu.Unlock()
	}
	mm.erase(lapsed...)
	for _, user := range lapsed {
		mm.config.Log.Info("queue entry lapsed", "user", user)
		mm.changed(user)
	}
}

// match pairs who can be paired and makes their matches.
func (mm *Matchmaker) match() {
	mm.mu.Lock()
	now := mm.config.Clock.Now()
	candidates := make([]candidate, 0, len(mm.entries))
	for _, e := range mm.entries {
		candidates = append(candidates, candidate{user: e.User, rating: e.Rating.Value, waited: now - e.since})
	}
	mm.mu.Unlock()
	if len(candidates) < 2 {
		return
	}
	blocks, err := mm.blocks(candidates)
	if err != nil {
		mm.config.Log.Warn("nobody is paired", "waiting", len(candidates), "error", err)
		return
	}
	for _, users := range pair(candidates, blocks) {
		mm.seat(users)
	}
}

// blocks gives who among the candidates must not meet.
func (mm *Matchmaker) blocks(candidates []candidate) (apart, error) {
	users := make([]rally.UserID, len(candidates))
	for i, c := range candidates {
		users[i] = c.user
	}
	ctx, cancel := context.WithTimeout(context.Background(), blocksTime)
	defer cancel()
	pairs, err := mm.config.Blocks(ctx, users)
	if err != nil {
		return nil, err
	}
	return keepApart(pairs), nil
}

// seat makes the match of two who have been paired, unless one of them has
// left meanwhile. They stay in the queue until it is made, so that at every
// moment they either wait or play. If it cannot be made because one of them
// plays already, that one loses the place in the queue and the other keeps it.
// While no match can be made at all, everybody waits on.
func (mm *Matchmaker) seat(users [2]rally.UserID) {
	var players [2]Entrant
	var nodes [2]string
	mm.mu.Lock()
	for i, user := range users {
		e, waiting := mm.entries[user]
		if !waiting {
			mm.mu.Unlock()
			return
		}
		players[i], nodes[i] = e.Entrant, e.node
	}
	mm.mu.Unlock()
	if rand.Uint64()&1 == 0 { // who plays on the left is no secret
		players[0], players[1] = players[1], players[0]
		nodes[0] = nodes[1]
	}
	id, err := mm.create(nodes[0], players)
	if err == nil {
		mm.remove(users[0])
		mm.remove(users[1])
		mm.config.Publish(rally.Event{Kind: rally.MatchPaired, Match: id, Users: users[:]})
		return
	}
	mm.config.Log.Info("pairing failed", "left", players[0].User, "right", players[1].User, "error", err)
	if rally.ErrorCode(err) == rally.EUnavailable {
		return
	}
	_, first := mm.config.Playing(users[0])
	_, second := mm.config.Playing(users[1])
	if first || !second { // if neither is known to play, both have to ask again
		mm.Leave(users[0])
	}
	if second || !first {
		mm.Leave(users[1])
	}
}
