package bus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"rally"
)

const (
	leaseBucket = "leases"
	// leaseMemory is how long after its last renewal a lease's fence is
	// remembered.
	leaseMemory = time.Hour
	minLeaseTTL = 100 * time.Millisecond
	maxLeaseTTL = leaseMemory / 2
	// acquireRetry is how long Acquire waits for news after NATS refused it,
	// or knew more than this node.
	acquireRetry = 50 * time.Millisecond
)

// leaseRecord is a lease as the bucket has it. Every renewal writes it again,
// which gives it a new revision.
type leaseRecord struct {
	Holder string        `json:"holder"`
	Fence  uint64        `json:"fence"`
	TTL    time.Duration `json:"ttl"`            // nanoseconds
	Bus    string        `json:"bus"`            // the bus that holds it
	Free   bool          `json:"free,omitempty"` // released; kept for the fence
}

// seenLease is a lease as this node has seen it.
type seenLease struct {
	leaseRecord
	revision uint64
	at       time.Time // when we saw it: later than its holder sent it
}

// leases is what a bus knows about leases: all there are, and which are its
// own. It begins to look when it is first needed.
type leases struct {
	bus     *Bus
	changed pulse // of seen or mine
	ended   context.Context
	stop    context.CancelFunc

	mu     sync.Mutex
	id     string // of the bus; "" until it looks
	bucket *Bucket
	seen   map[string]seenLease
	mine   map[string]struct{} // held, or being acquired
}

// Acquire takes the lease of a key for a holder, whose name is for others to
// read, and keeps it until it is released or lost. While somebody else has it,
// or NATS is away, Acquire waits. When ctx ends first, the error has the code
// rally.EConflict if the lease is somebody's, and rally.EUnavailable if that
// cannot be known. A holder that renews its lease no more loses it ttl after
// the last renewal; ttl is between a tenth of a second and half an hour.
func (b *Bus) Acquire(ctx context.Context, key, holder string, ttl time.Duration) (*Lease, error) {
	if ttl < minLeaseTTL || ttl > maxLeaseTTL {
		return nil, fmt.Errorf("bus: lease %s: a TTL of %v cannot be", key, ttl)
	}
	t := &b.leases
	if err := t.look(); err != nil {
		return nil, fmt.Errorf("bus: lease %s: %w", key, err)
	}
	for {
		changed := t.changed.next()
		l, old, wait, err := t.try(ctx, key, holder, ttl)
		if l != nil {
			return l, nil
		}
		if rally.ErrorCode(err) == rally.EInternal {
			return nil, err // no time will mend that
		}
		switch {
		case err != nil:
			changed = nil // others here fail as well, and would only wake us
		case wait == acquireRetry:
			changed = t.changed.next() // past what we changed ourselves
			if t.last(key).revision != old.revision {
				continue // we have seen who was quicker
			}
		}
		retry := time.NewTimer(wait)
		select {
		case <-changed:
		case <-retry.C:
		case <-t.ended.Done():
			retry.Stop()
			return nil, fmt.Errorf("bus: lease %s: %w", key, errClosed)
		case <-ctx.Done():
			retry.Stop()
			if err == nil {
				err = rally.Errorf(rally.EConflict, "error.title_409", "bus: lease %s: %s has it: %w", key, t.last(key).Holder, ctx.Err())
			}
			return nil, err
		}
		retry.Stop()
	}
}

// look opens the bucket and begins to watch it, unless that has been done.
func (t *leases) look() (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.id != "" {
		return nil
	}
	if t.bucket, err = t.bus.Bucket(BucketConfig{Name: leaseBucket, TTL: leaseMemory}); err != nil {
		return err
	}
	t.seen = make(map[string]seenLease)
	t.mine = make(map[string]struct{})
	t.ended, t.stop = context.WithCancel(context.Background())
	if err := t.bus.add(t); err != nil {
		return err
	}
	if _, err := t.bucket.Watch("", t.see); err != nil { // ends with the bus
		return err
	}
	t.id = rand.Text()
	return nil
}

// end has everybody who waits for a lease give up.
func (t *leases) end() { t.stop() }

// see takes in what the bucket says of a lease.
func (t *leases) see(e Entry) {
	now := time.Now()
	t.mu.Lock()
	if e.Deleted {
		delete(t.seen, e.Key)
	} else {
		t.seen[e.Key] = seenLease{readLease(e.Value), e.Revision, now}
	}
	t.mu.Unlock()
	t.changed.beat()
}

// readLease gives the record; what is none is a lease that nobody has.
func readLease(data []byte) leaseRecord {
	var r leaseRecord
	if err := json.Unmarshal(data, &r); err != nil || r.TTL <= 0 || r.TTL > maxLeaseTTL {
		return leaseRecord{Free: true}
	}
	return r
}

func (r leaseRecord) bytes() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // there is nothing in it that could not be written
	}
	return data
}

// last gives what was seen last of a lease.
func (t *leases) last(key string) seenLease {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen[key]
}

// try takes the lease if nobody can have it; old is what it went by. Else it
// says how long to wait for news, and with an error why nothing is known.
func (t *leases) try(ctx context.Context, key, holder string, ttl time.Duration) (l *Lease, old seenLease, wait time.Duration, err error) {
	if old, wait = t.claim(key); wait > 0 {
		return nil, old, wait, nil
	}
	if err := ctx.Err(); err != nil {
		t.drop(key)
		return nil, old, 0, &rally.Error{Code: rally.EUnavailable, Message: "error.unavailable", Cause: err}
	}
	sent := time.Now()
	r := leaseRecord{Holder: holder, TTL: ttl, Bus: t.id, Fence: max(old.Fence+1, uint64(sent.UnixMicro()))}
	var revision uint64
	if old.revision == 0 {
		revision, err = t.bucket.Create(ctx, key, r.bytes())
	} else {
		revision, err = t.bucket.Update(ctx, key, r.bytes(), old.revision)
	}
	if err == nil && time.Since(sent) >= r.life() { // nobody has had it
		err = rally.Errorf(rally.EUnavailable, "error.unavailable", "bus: lease %s: the answer took longer than %v", key, r.life())
	}
	if err != nil {
		t.drop(key)
		if rally.ErrorCode(err) == rally.EConflict {
			err = nil // somebody was quicker; we shall see who
		}
		return nil, old, acquireRetry, err
	}
	l, err = newLease(t, key, r, revision, sent)
	return l, old, 0, err
}

// claim keeps others of this node from acquiring the lease, if nobody can have
// it now: then wait is 0, and old what there was. Else wait is how long it
// will be somebody's, unless that is heard of earlier.
func (t *leases) claim(key string) (old seenLease, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.mine[key]; ok {
		return seenLease{}, maxLeaseTTL // drop will tell
	}
	old, ok := t.seen[key]
	if ok && !t.over(old.leaseRecord) {
		if wait = time.Until(old.at.Add(old.TTL)); wait > 0 {
			return seenLease{}, wait
		}
	}
	t.mine[key] = struct{}{}
	return old, 0
}

// over says whether a lease is nobody's, however young its record is: it was
// released; or it was this bus's, which has none but those in mine; or another
// bus's that had this embedded NATS before us and so is gone.
func (t *leases) over(r leaseRecord) bool {
	return r.Free || r.Bus == t.id || t.bus.embedded != nil
}

// drop lets others of this node acquire the lease.
func (t *leases) drop(key string) {
	t.mu.Lock()
	delete(t.mine, key)
	t.mu.Unlock()
	t.changed.beat()
}
