package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watchRetry is how long a watch that NATS has refused waits before it asks
// again.
const watchRetry = 250 * time.Millisecond

// Watch tells what is in a bucket and what changes.
type Watch struct {
	bucket *Bucket
	prefix string
	handle func(Entry)
	caught chan struct{} // closed when handle has seen everything there was
	known  map[string]version
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// version tells one write of a key from every other, also across a bucket that
// NATS has lost and whose revisions begin again.
type version struct {
	revision uint64
	at       time.Time // by the server's clock
}

// Watch calls handle for every entry whose key begins with prefix, and then for
// every change, one at a time and in the order of their revisions, from a
// goroutine of the watch's own. A deleted key, or one whose time is over, comes
// as an Entry that says so. When NATS was away, handle hears what changed
// meanwhile, and only the newest of several changes of one key; nothing that
// was told already is told again. handle may be slow, and must not stop the
// watch.
func (k *Bucket) Watch(prefix string, handle func(Entry)) (*Watch, error) {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watch{
		bucket: k,
		prefix: prefix,
		handle: handle,
		caught: make(chan struct{}),
		known:  make(map[string]version),
		cancel: cancel,
	}
	if err := k.bus.add(w); err != nil {
		cancel()
		return nil, fmt.Errorf("bus: watch: %w", err)
	}
	w.done.Go(func() { w.run(ctx) })
	return w, nil
}

// CaughtUp gives a channel that is closed once handle has seen everything that
// was in the bucket.
func (w *Watch) CaughtUp() <-chan struct{} { return w.caught }

// Stop ends the watch and waits until handle is done.
func (w *Watch) Stop() {
	w.bucket.bus.remove(w)
	w.end()
}

func (w *Watch) end() {
	w.cancel()
	w.done.Wait()
}

// run follows the bucket until ctx ends, anew whenever NATS was away.
func (w *Watch) run(ctx context.Context) {
	b := w.bucket.bus
	for told := ""; ; {
		resumed := b.resumed.next()
		err := w.follow(ctx, resumed)
		if ctx.Err() != nil {
			return
		}
		select {
		case <-w.caught:
			b.counts.resumed.Add(1)
		default:
		}
		if err == nil {
			told = ""
			continue
		}
		w.bucket.forget(err)
		if text := err.Error(); b.away() == nil && text != told {
			told = text // once, not four times a second
			b.log.Warn("bus watch interrupted", "bucket", w.bucket.config.Name, "error", err)
		}
		select {
		case <-resumed:
		case <-time.After(watchRetry):
		case <-ctx.Done():
			return
		}
	}
}

// follow hands on what changes, until the connection was made again or an error
// ends it.
func (w *Watch) follow(ctx context.Context, resumed <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	updates, err := w.begin(ctx, cancel)
	if err != nil {
		return err
	}
	defer discard(updates)
	seen := make(map[string]bool) // what is there; nil once everything has come
	for {
		select {
		case e, ok := <-updates.Updates():
			switch {
			case !ok:
				return errors.New("the server has ended it")
			case e == nil:
				w.caughtUp(seen)
				seen = nil
			default:
				w.take(e, seen)
			}
		case <-resumed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin asks NATS for the entries and changes, with a bound on the wait for its
// answer. The watcher lives as long as ctx.
func (w *Watch) begin(ctx context.Context, cancel context.CancelFunc) (jetstream.KeyWatcher, error) {
	if err := w.bucket.bus.away(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(answerTimeout, cancel)
	kv, err := w.bucket.open(ctx)
	if err != nil {
		late.Stop()
		return nil, err
	}
	updates, err := kv.Watch(ctx, filter(w.prefix))
	if late.Stop() || err != nil {
		return updates, err
	}
	discard(updates)
	return nil, context.DeadlineExceeded
}

// take hands on one entry that is news.
func (w *Watch) take(e jetstream.KeyValueEntry, seen map[string]bool) {
	key := e.Key()
	if !strings.HasPrefix(key, w.prefix) {
		return
	}
	if e.Operation() != jetstream.KeyValuePut {
		w.gone(key, e.Revision())
		return
	}
	if seen != nil {
		seen[key] = true
	}
	v := version{e.Revision(), e.Created()}
	if old, ok := w.known[key]; ok && old.revision == v.revision && old.at.Equal(v.at) {
		return
	}
	w.known[key] = v
	w.call(Entry{Key: key, Value: e.Value(), Revision: v.revision, At: v.at})
}

// caughtUp has handle hear of the keys that went away unseen.
func (w *Watch) caughtUp(seen map[string]bool) {
	for key, v := range w.known {
		if !seen[key] {
			w.gone(key, v.revision)
		}
	}
	select {
	case <-w.caught:
	default:
		close(w.caught)
	}
}

// gone hands on that a key is there no longer, if handle believes it is.
func (w *Watch) gone(key string, revision uint64) {
	if _, ok := w.known[key]; !ok {
		return
	}
	delete(w.known, key)
	w.call(Entry{Key: key, Revision: revision, Deleted: true})
}

// call calls handle. One that panics loses that entry, and no other.
func (w *Watch) call(e Entry) {
	defer func() {
		if p := recover(); p != nil {
			w.bucket.bus.log.Error("watch handler panicked", "bucket", w.bucket.config.Name, "key", e.Key,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	w.handle(e)
}

// filter gives what NATS can tell keys with a prefix by: whole tokens.
func filter(prefix string) string {
	return prefix[:strings.LastIndex(prefix, ".")+1] + ">"
}

// discard ends a watcher. It takes what is still on its way, because the
// watcher cannot end before somebody has.
func discard(w jetstream.KeyWatcher) {
	if w.Stop() != nil {
		return // it has ended already
	}
	for range w.Updates() {
		continue
	}
}
