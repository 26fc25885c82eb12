package bus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rally"
)

// Lease says that its holder alone has something, for as long as Held is true.
// It is renewed in the background until it is released or lost.
//
// Nobody else can acquire it before Lost is closed. That is measured on the
// monotonic clocks of both nodes, each for itself: the holder counts from the
// moment it sent the last renewal that NATS has confirmed, the other from the
// moment it heard of it, and the holder gives up a tenth of the ttl earlier.
// What that cannot cover is a holder that stops between asking Held and acting:
// whoever writes to somewhere that outlives it gives the Fence along, and
// refuses lower ones there.
type Lease struct {
	table  *leases
	key    string
	record leaseRecord
	lost   chan struct{}
	cancel context.CancelFunc // of the renewals
	done   sync.WaitGroup     // the renewals

	mu       sync.Mutex
	over     bool // lost is closed
	revision uint64
	deadline time.Time
	expiry   *time.Timer
}

// newLease begins to keep what was acquired by a record sent at that time.
func newLease(t *leases, key string, r leaseRecord, revision uint64, sent time.Time) (*Lease, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Lease{
		table: t, key: key, record: r, revision: revision,
		lost: make(chan struct{}), cancel: cancel, deadline: sent.Add(r.life()),
	}
	l.mu.Lock() // so that it cannot end before all of it has begun
	l.expiry = time.AfterFunc(time.Until(l.deadline), l.expire)
	l.done.Go(func() { l.keep(ctx) })
	err := t.bus.add(l)
	l.mu.Unlock()
	if err != nil {
		l.end()
		return nil, fmt.Errorf("bus: lease %s: %w", key, err)
	}
	return l, nil
}

// life is how long after a renewal the holder believes in it.
func (r leaseRecord) life() time.Duration { return r.TTL - r.TTL/10 }

// Key gives what the lease is about.
func (l *Lease) Key() string { return l.key }

// Fence gives a number that is higher than that of every earlier lease of the
// key. It is below 2^63.
func (l *Lease) Fence() uint64 { return l.record.Fence }

// Lost gives a channel that is closed when the lease is the holder's no longer:
// lost, or released.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Held says whether the lease is the holder's now. After the whole process was
// stopped for a while it knows so before Lost does.
func (l *Lease) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.over && time.Now().Before(l.deadline)
}

// Release gives the lease back, so that somebody else need not wait for its
// end. Lost is closed first. When NATS cannot be told, which is the error, the
// lease ends by itself.
func (l *Lease) Release(ctx context.Context) error {
	held := l.finish()
	l.cancel()
	l.done.Wait()
	if !held {
		return nil
	}
	defer l.leave()
	free := l.record
	free.Free = true
	err := l.write(ctx, free)
	if rally.ErrorCode(err) == rally.EConflict {
		return nil // somebody else's already
	}
	return err
}

func (l *Lease) end() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := l.Release(ctx); err != nil {
		l.table.bus.log.Debug("bus lease not released", "key", l.key, "error", err)
	}
}

// keep renews the lease until ctx ends or it is lost.
func (l *Lease) keep(ctx context.Context) {
	wait := l.record.TTL / 3
	for {
		again := time.NewTimer(wait)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return
		}
		sent := time.Now()
		c, cancel := context.WithTimeout(ctx, l.record.TTL/3)
		err := l.write(c, l.record)
		cancel()
		switch rally.ErrorCode(err) {
		case "":
			l.extend(sent)
			wait = l.record.TTL / 3
		case rally.EConflict:
			l.table.bus.log.Warn("bus lease taken away", "key", l.key, "holder", l.record.Holder)
			l.lose()
			return
		default: // away, or no answer: again, for as long as it is ours
			wait = l.record.TTL / 10
		}
	}
}

// write puts r where our last record is: rally.EConflict when that is there no
// longer. It goes on from a write of ours whose answer was lost. Only one
// goroutine writes at a time.
func (l *Lease) write(ctx context.Context, r leaseRecord) error {
	err := l.update(ctx, r)
	if rally.ErrorCode(err) != rally.EConflict {
		return err
	}
	e, gone := l.table.bucket.Get(ctx, l.key)
	if rally.ErrorCode(gone) == rally.EUnavailable {
		return gone // so it is not known whose it is
	}
	if there := readLease(e.Value); gone != nil || there.Bus != l.record.Bus || there.Fence != l.record.Fence {
		return err
	}
	l.remember(e.Revision)
	return l.update(ctx, r)
}

func (l *Lease) update(ctx context.Context, r leaseRecord) error {
	l.mu.Lock()
	over := l.revision
	l.mu.Unlock()
	revision, err := l.table.bucket.Update(ctx, l.key, r.bytes(), over)
	if err == nil {
		l.remember(revision)
	}
	return err
}

func (l *Lease) remember(revision uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revision = revision
}

// extend counts from a renewal sent at that time.
func (l *Lease) extend(sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.deadline = sent.Add(l.record.life())
		l.expiry.Reset(time.Until(l.deadline))
	}
}

// expire loses the lease if its time is over.
func (l *Lease) expire() {
	l.mu.Lock()
	left := time.Until(l.deadline)
	if left > 0 && !l.over { // it was renewed just now
		l.expiry.Reset(left)
	}
	l.mu.Unlock()
	if left <= 0 {
		l.lose()
	}
}

// lose ends a lease that was not released.
func (l *Lease) lose() {
	if l.finish() {
		l.cancel()
		l.table.bus.counts.expired.Add(1)
		l.leave()
	}
}

// finish closes Lost, and says whether it was open.
func (l *Lease) finish() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.over = true
	l.expiry.Stop()
	close(l.lost)
	return true
}

// leave has the node forget the lease.
func (l *Lease) leave() {
	l.table.drop(l.key)
	l.table.bus.remove(l)
}
