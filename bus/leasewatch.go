package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rally"
)

// LeaseState is what is known of a lease.
type LeaseState struct {
	Key    string
	Holder string
	Fence  uint64
	Held   bool // false: released, or not renewed for its ttl
	// At is when the holder last gave a sign: acquired it, renewed it or
	// released it. It is this node's time of hearing of it, or NATS's time of
	// writing it for what was there before the watch.
	At time.Time
}

// LeaseWatch tells who holds which leases. It can be wrong for a moment, as
// anything that is told over a network; what must be sure acquires the lease.
type LeaseWatch struct {
	table  *leases
	handle func(LeaseState)
	watch  *Watch
	ctx    context.Context //nolint:containedctx // ends with the watch, for the timers
	cancel context.CancelFunc

	mu    sync.Mutex
	known map[string]*followed
}

// followed is a lease and what was told of it.
type followed struct {
	seenLease
	told  LeaseState
	timer *time.Timer // fires when the lease was not renewed for its ttl
}

// WatchLeases calls handle for every lease there is, or was within the last
// hour, whose key begins with prefix, and then whenever one gets another holder
// or another fence, or is held no longer; renewals are not told. A holder that
// died is told of ttl after its last renewal. While NATS is away nobody is taken
// for dead, nor for a ttl after it is back. handle is called one at a time, and
// must not stop the watch.
func (b *Bus) WatchLeases(prefix string, handle func(LeaseState)) (*LeaseWatch, error) {
	t := &b.leases
	if err := t.look(); err != nil {
		return nil, fmt.Errorf("bus: watch leases: %w", err)
	}
	w := &LeaseWatch{table: t, handle: handle, known: make(map[string]*followed)}
	w.ctx, w.cancel = context.WithCancel(t.ended)
	var err error
	if w.watch, err = t.bucket.Watch(prefix, w.see); err != nil {
		w.cancel()
		return nil, err
	}
	return w, nil
}

// CaughtUp gives a channel that is closed once handle has heard of all leases
// that there were.
func (w *LeaseWatch) CaughtUp() <-chan struct{} { return w.watch.CaughtUp() }

// Stop ends the watch and waits until handle is done.
func (w *LeaseWatch) Stop() {
	w.cancel()
	w.watch.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.known {
		f.timer.Stop()
	}
}

// see takes in what the bucket says of a lease.
func (w *LeaseWatch) see(e Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.known[e.Key]
	if f != nil {
		f.timer.Stop()
	}
	if e.Deleted {
		w.forget(e.Key)
		return
	}
	at := time.Now()
	if f == nil {
		f = new(followed)
		w.known[e.Key] = f
		if e.At.Before(at) { // clocks differ, and nothing was written in the future
			at = e.At
		}
	}
	f.seenLease = seenLease{readLease(e.Value), e.Revision, at}
	w.tell(e.Key, f, !f.Free && !w.ancient(f.leaseRecord, e.At))
	f.timer = time.AfterFunc(f.TTL, func() { w.check(e.Key, e.Revision) })
	if f.Free {
		f.timer.Stop()
	}
}

// ancient says whether the holder must be gone already when we first hear of
// it. Clocks of machines differ, so it takes more than a ttl; if it is wrong,
// the next renewal says so.
func (w *LeaseWatch) ancient(r leaseRecord, written time.Time) bool {
	if w.table.bus.embedded != nil {
		return r.Bus != w.table.id // of a process that was here before us
	}
	return time.Since(written) > 3*r.TTL+10*time.Second
}

// tell calls handle if that is news.
func (w *LeaseWatch) tell(key string, f *followed, held bool) {
	if w.ctx.Err() != nil {
		return
	}
	news := LeaseState{Key: key, Holder: f.Holder, Fence: f.Fence, Held: held, At: f.at}
	if first := f.told.Key == ""; !first {
		again := f.told
		again.At = news.At // a renewal is no news
		if news == again || !held && !f.told.Held {
			return
		}
	}
	f.told = news
	w.handle(news)
}

// forget tells of a lease that is in the bucket no longer.
func (w *LeaseWatch) forget(key string) {
	if f := w.known[key]; f != nil {
		w.tell(key, f, false)
		delete(w.known, key)
	}
}

// check finds out whether a lease that was not renewed has ended.
func (w *LeaseWatch) check(key string, revision uint64) {
	ctx, cancel := within(w.ctx)
	defer cancel()
	e, err := w.table.bucket.Get(ctx, key)

	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.known[key]
	if f == nil || f.revision != revision || w.ctx.Err() != nil {
		return // there is news already
	}
	again := f.TTL
	switch rally.ErrorCode(err) {
	case "":
		if e.Revision != revision {
			break // we are about to hear of it
		}
		if again = w.grace(f.TTL); again <= 0 {
			w.tell(key, f, false)
			return
		}
	case rally.ENotFound:
		w.forget(key)
		return
	default: // nobody can know
	}
	f.timer.Reset(again)
}

// grace gives how long holders may still need to renew their leases since NATS
// is back.
func (w *LeaseWatch) grace(ttl time.Duration) time.Duration {
	since := w.table.bus.since.Load()
	if since == nil {
		return 0
	}
	return ttl - time.Since(*since)
}
