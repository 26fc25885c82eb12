package match

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"rally"
)

const (
	keepAtOnce  = 8                      // results being stored at the same time
	keepTimeout = 10 * time.Second       // of one try; a real deadline, it leaves the process
	retryFirst  = 250 * time.Millisecond // after the first failure; doubles …
	retryMost   = 5 * time.Second        // … up to this
)

// keeper has the result of every match stored, however long the store is
// away, and lets the registry forget matches that are stored and old. One
// goroutine owns it; each try at storing runs in another, of which there are
// at most keepAtOnce.
type keeper struct {
	registry *Registry
	keep     func(context.Context, rally.Match) error
	box      *mailbox
	done     chan struct{} // closed when run has returned
	ctx      context.Context
	cancel   context.CancelFunc

	waiting  []*chore // not stored and not being stored
	busy     int      // being stored
	kept     []memory // stored, oldest first
	stopping bool     // end when everything is stored
	giveUp   bool     // end when nothing is being stored

	unstored atomic.Int64
	fails    atomic.Uint64
}

// chore is a result to be stored.
type chore struct {
	match  *match
	result rally.Match
	tries  int
	due    time.Duration // of the next try
}

// memory is a stored match that can still be found.
type memory struct {
	id    rally.MatchID
	until time.Duration
}

func newKeeper(r *Registry, keep func(context.Context, rally.Match) error) *keeper {
	k := &keeper{registry: r, keep: keep, box: newMailbox(), done: make(chan struct{})}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

// take has a result stored. Anyone may call it.
func (k *keeper) take(m *match, result rally.Match) {
	k.unstored.Add(1)
	k.box.post(func() { k.waiting = append(k.waiting, &chore{match: m, result: result}) })
}

func (k *keeper) run() {
	defer close(k.done)
	defer k.cancel()
	for {
		k.box.run()
		if k.busy == 0 && (k.giveUp || k.stopping && len(k.waiting) == 0) {
			return
		}
		k.registry.clock.Wait(k.turn(), k.box.wake)
	}
}

// stop returns when everything is stored or ctx is done. Nothing may be given
// to the keeper any more.
func (k *keeper) stop(ctx context.Context) error {
	k.box.post(func() {
		k.stopping = true
		for _, c := range k.waiting {
			c.due = 0
		}
	})
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
	}
	k.box.post(func() { k.giveUp = true })
	k.cancel()
	<-k.done
	if n := k.unstored.Load(); n > 0 {
		return fmt.Errorf("match: %d results not stored: %w", n, ctx.Err())
	}
	return nil
}

func (k *keeper) stats() (unstored int, fails uint64) {
	return int(k.unstored.Load()), k.fails.Load()
}

// turn does what is due and gives when to come back.
func (k *keeper) turn() time.Duration {
	now, until := k.registry.clock.Now(), forever
	old := 0
	for old < len(k.kept) && k.kept[old].until <= now {
		old++
	}
	if old > 0 {
		k.registry.forget(k.kept[:old])
		k.kept = append(k.kept[:0], k.kept[old:]...)
	}
	if len(k.kept) > 0 {
		until = k.kept[0].until
	}
	if k.giveUp {
		return until
	}
	rest := k.waiting[:0]
	for _, c := range k.waiting {
		switch {
		case c.due > now:
			until = min(until, c.due)
			rest = append(rest, c)
		case k.busy == keepAtOnce: // its turn comes when one of them is done
			rest = append(rest, c)
		default:
			k.busy++
			go k.try(c)
		}
	}
	clear(k.waiting[len(rest):])
	k.waiting = rest
	return until
}

// try stores a result once, in a goroutine of its own.
func (k *keeper) try(c *chore) {
	if c.tries == 0 {
		k.check(c)
	}
	c.tries++
	ctx, cancel := context.WithTimeout(k.ctx, keepTimeout)
	defer cancel()
	err := k.keep(ctx, c.result)
	k.box.post(func() { k.tried(c, err) })
}

// check looks at a result before its first try: a recording that does not lead
// to the result must not change ratings.
func (k *keeper) check(c *chore) {
	r, log := &c.result, k.registry.log
	if err := Verify(*r); err != nil {
		log.Error("match recording is wrong", "match", r.ID, "error", err)
		if r.Kind == rally.Rated {
			r.Kind = rally.Casual
		}
	}
	log.Info("match over", "match", r.ID, "kind", r.Kind, "outcome", r.Outcome, "winner", r.Winner,
		slog.Group("left", "user", r.Players[rally.Left].User, "bot", r.Players[rally.Left].Bot, "score", r.Players[rally.Left].Score),
		slog.Group("right", "user", r.Players[rally.Right].User, "bot", r.Players[rally.Right].Bot, "score", r.Players[rally.Right].Score),
		"ticks", r.Ticks, "recording_bytes", len(r.Recording))
}

// tried takes in how a try went.
func (k *keeper) tried(c *chore, err error) {
	k.busy--
	log, now := k.registry.log, k.registry.clock.Now()
	if rally.ErrorCode(err) == rally.EInvalid {
		// No later try would fare better. The match can be found for a while
		// and is then gone; the log has what there was.
		log.Error("match cannot be stored", "match", c.result.ID, "error", err)
		k.fails.Add(1)
		k.unstored.Add(-1)
		k.kept = append(k.kept, memory{id: c.result.ID, until: now + k.registry.remember})
		return
	}
	if err != nil {
		k.fails.Add(1)
		if c.tries == 1 {
			log.Warn("match not stored yet", "match", c.result.ID, "error", err)
		}
		c.due = now + min(retryFirst<<min(c.tries-1, 10), retryMost)
		if k.stopping { // there is not much time left
			c.due = now + retryFirst
		}
		k.waiting = append(k.waiting, c)
		return
	}
	if c.tries > 1 {
		log.Info("match stored at last", "match", c.result.ID, "tries", c.tries)
	}
	k.unstored.Add(-1)
	k.kept = append(k.kept, memory{id: c.result.ID, until: now + k.registry.remember})
	m, kind := c.match, c.result.Kind
	mark := func() { m.markStored(kind) }
	if !m.loop.box.post(mark) {
		<-m.loop.done // nobody owns the match any more
		mark()
	}
}

// markStored notes that the result is stored, under the given kind.
func (m *match) markStored(kind rally.MatchKind) {
	m.kind, m.stored, m.changeDue = kind, true, true
	m.ratings, _ = afterwards(kind, m.outcome, m.winner, [2]Entrant{m.seats[rally.Left].Entrant, m.seats[rally.Right].Entrant})
	m.recording = recorder{}
	m.settle()
}
