package match

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"rally"
)

const (
	cardTime  = 2 * time.Second        // of one write
	cardRetry = 250 * time.Millisecond // after one that failed
	tendEvery = 5 * time.Second        // between looks at what dead nodes have left
)

// cardWriter writes a node's cards to the board, in a goroutine of its own, as
// often as it takes. Of several cards of one match only the newest is written.
type cardWriter struct {
	cards *cards
	wake  chan struct{}
	quit  chan struct{}
	done  chan struct{}

	mu    sync.Mutex
	dirty map[rally.MatchID]*writing
}

// writing is what the board is to say of a match.
type writing struct {
	card   *card           // nil: nothing any more; never changed, only replaced
	after  []rally.Event   // published once it is written, or a try at any card has failed
	waited []chan struct{} // … and these are closed
	tried  bool            // such a try has failed
}

func newCardWriter(c *cards) *cardWriter {
	return &cardWriter{
		cards: c, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		dirty: map[rally.MatchID]*writing{},
	}
}

// write has a card written, or with nil removed, in a moment.
func (w *cardWriter) write(id rally.MatchID, c *card) {
	w.mu.Lock()
	next := &writing{card: c}
	if old := w.dirty[id]; old != nil {
		next.after, next.waited = old.after, old.waited
	}
	w.dirty[id] = next
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// publish publishes e once all nodes can find the match it is about, or
// that has failed.
func (w *cardWriter) publish(e rally.Event) {
	w.mu.Lock()
	next := w.dirty[e.Match]
	if waits := next != nil && !next.tried; waits {
		next.after = append(next.after, e)
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	w.cards.nodes.tell(e)
}

// wait returns when all nodes can find a match, or that has failed, or after
// recordTime.
func (w *cardWriter) wait(id rally.MatchID) {
	w.mu.Lock()
	next := w.dirty[id]
	if next == nil || next.tried {
		w.mu.Unlock()
		return
	}
	tried := make(chan struct{})
	next.waited = append(next.waited, tried)
	w.mu.Unlock()
	late := time.NewTimer(recordTime)
	defer late.Stop()
	select {
	case <-tried:
	case <-late.C:
	case <-w.done:
	}
}

// left gives the matches that may be on the board, whatever it has told us.
func (w *cardWriter) left() map[rally.MatchID]bool {
	ids := map[rally.MatchID]bool{}
	w.mu.Lock()
	for id := range w.dirty {
		ids[id] = true
	}
	w.mu.Unlock()
	r := w.cards.nodes.registry
	r.mu.RLock()
	defer r.mu.RUnlock()
	for id := range r.matches {
		ids[id] = true
	}
	return ids
}

func (w *cardWriter) stop() {
	close(w.quit)
	<-w.done
}

// run writes until stop.
func (w *cardWriter) run(told <-chan struct{}) {
	defer close(w.done)
	tend := time.NewTicker(tendEvery)
	defer tend.Stop()
	var again <-chan time.Time // after a failure
	for {
		if !w.writeAll() {
			again = time.After(cardRetry)
		}
		select {
		case <-w.wake:
		case <-again:
		case <-told:
			w.cards.allTold()
			told = nil
		case <-tend.C:
			for _, id := range w.cards.leftovers(w.cards.nodes.registry.remember) {
				w.write(id, nil)
			}
			w.cards.nodes.sweep()
		case <-w.quit:
			return
		}
	}
}

// writeAll writes everything there is, up to the first failure, and says whether
// all of it went well. Behind a board that gives no answer nobody waits longer
// than for that.
func (w *cardWriter) writeAll() bool {
	w.mu.Lock()
	ids := slices.Collect(maps.Keys(w.dirty))
	w.mu.Unlock()
	for _, id := range ids {
		select {
		case <-w.quit:
			return false
		default:
		}
		w.mu.Lock()
		next := w.dirty[id]
		w.mu.Unlock()
		if err := w.try(id, next.card); err != nil {
			w.cards.nodes.log.Debug("card of a match not written", "match", id, "error", err)
			w.failed()
			return false
		}
		w.wrote(id, next)
	}
	return true
}

func (w *cardWriter) try(id rally.MatchID, c *card) error {
	ctx, cancel := context.WithTimeout(context.Background(), cardTime)
	defer cancel()
	if c == nil {
		return w.cards.board.Delete(ctx, string(id))
	}
	value, err := json.Marshal(c)
	if err != nil {
		panic(err) // there is nothing in it that could not be written
	}
	return w.cards.board.Put(ctx, string(id), value)
}

// wrote notes that a card is written, and lets go whoever waited for it.
func (w *cardWriter) wrote(id rally.MatchID, tried *writing) {
	w.mu.Lock()
	if w.dirty[id] != tried {
		w.mu.Unlock()
		return // there is a newer one, which has them now
	}
	delete(w.dirty, id)
	w.mu.Unlock()
	w.letGo(tried)
}

// failed lets go whoever waits for a card.
func (w *cardWriter) failed() {
	var all writing
	w.mu.Lock()
	for _, next := range w.dirty {
		all.after = append(all.after, next.after...)
		all.waited = append(all.waited, next.waited...)
		next.tried, next.after, next.waited = true, nil, nil
	}
	w.mu.Unlock()
	w.letGo(&all)
}

func (w *cardWriter) letGo(tried *writing) {
	for _, e := range tried.after {
		w.cards.nodes.tell(e)
	}
	for _, c := range tried.waited {
		close(c)
	}
}
