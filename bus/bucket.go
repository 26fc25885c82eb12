package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rally"
)

const (
	// bucketPrefix keeps Rally's buckets apart from others on a shared NATS.
	bucketPrefix = "rally_"
	// minBucketTTL is the least that NATS can do.
	minBucketTTL = time.Second
	// markerLife is how long the server remembers that a key was deleted.
	// Nothing depends on it: watches compare keys when they begin anew.
	markerLife = time.Minute
)

// What is wrong with a NATS that has no buckets for us, told at once when a
// bucket is opened.
var (
	errNoJetStream = errors.New("this NATS has no JetStream: start it with -js")
	errTooOld      = errors.New("this NATS is too old: Rally needs 2.11 or newer")
)

// BucketConfig says which bucket Bucket opens.
type BucketConfig struct {
	// Name has letters, digits, - and _. A bucket of that name that is there
	// already is used; nodes agree on its TTL by having the same program.
	Name string
	// TTL is how long an entry is kept after it was last written, at least a
	// second; 0 keeps it until it is deleted.
	TTL time.Duration
}

// Bucket is a small key-value store that all nodes of a bus share. It keeps the
// newest value of every key. Keys have letters, digits and -/_=. in tokens with
// dots between; values have at most 1 MB. Its methods may be called from any
// goroutine, wait for NATS, and are so nothing for a match's loop.
//
// Errors are of these codes: rally.EUnavailable when NATS is away or gives no
// answer in time (it is then not known whether a write has happened),
// rally.ENotFound and rally.EConflict where a method says so.
type Bucket struct {
	bus    *Bus
	config BucketConfig

	mu sync.Mutex
	kv jetstream.KeyValue // nil until NATS has answered, and when it has forgotten
}

// Entry is a key with its value.
type Entry struct {
	Key   string
	Value []byte // not to be changed; nil when Deleted
	// Revision grows with every write to the bucket. Only a bucket that NATS
	// has lost, with its disk, begins again.
	Revision uint64
	At       time.Time // when it was written, by NATS's clock; zero when Deleted
	Deleted  bool      // the key was deleted, or its time is over
}

// Bucket opens a bucket, and makes it if it is not there. A NATS that is away
// is no error; one that can have no buckets is.
func (b *Bus) Bucket(cfg BucketConfig) (*Bucket, error) {
	if cfg.Name == "" {
		return nil, errors.New("bus: a bucket needs a name")
	}
	if cfg.TTL != 0 && cfg.TTL < minBucketTTL {
		return nil, fmt.Errorf("bus: bucket %s: a TTL of %v is too short", cfg.Name, cfg.TTL)
	}
	k := &Bucket{bus: b, config: cfg}
	if b.away() != nil {
		return k, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if _, err := k.open(ctx); err != nil {
		if errors.Is(err, errNoJetStream) || errors.Is(err, errTooOld) || errors.Is(err, jetstream.ErrInvalidBucketName) {
			return nil, fmt.Errorf("bus: bucket %s: %w", cfg.Name, err)
		}
		b.log.Warn("bus bucket not opened yet", "bucket", cfg.Name, "error", err)
	}
	return k, nil
}

// open gives the bucket as NATS has it.
func (k *Bucket) open(ctx context.Context) (jetstream.KeyValue, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kv != nil {
		return k.kv, nil
	}
	kv, err := k.find(ctx)
	switch {
	case err == nil:
		k.kv = kv
		return kv, nil
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return nil, errNoJetStream
	case errors.Is(err, jetstream.ErrLimitMarkerTTLNotSupported):
		return nil, errTooOld
	default:
		return nil, err
	}
}

// find gives the bucket that is there, with whatever an operator has changed
// about it, or makes it.
func (k *Bucket) find(ctx context.Context) (jetstream.KeyValue, error) {
	js := k.bus.js
	// Only this tells no JetStream from no answer.
	if _, err := js.AccountInfo(ctx); err != nil {
		return nil, err
	}
	name := bucketPrefix + k.config.Name
	kv, err := js.KeyValue(ctx, name)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:         name,
		History:        1,
		TTL:            k.config.TTL,
		LimitMarkerTTL: markerLife,
		Storage:        k.bus.storage(),
	})
	if errors.Is(err, jetstream.ErrBucketExists) { // another node was quicker
		return js.KeyValue(ctx, name)
	}
	return kv, err
}

// forget has the bucket looked for again if err says that it is gone.
func (k *Bucket) forget(err error) bool {
	if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, jetstream.ErrNoStreamResponse) &&
		!errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, nats.ErrStreamNotFound) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kv = nil
	return true
}

// do has one question answered by NATS. What it has forgotten is made again.
func (k *Bucket) do(ctx context.Context, what, key string, ask func(context.Context, jetstream.KeyValue) error) error {
	if err := k.bus.away(); err != nil {
		return err
	}
	ctx, cancel := within(ctx)
	defer cancel()
	err := k.ask(ctx, ask)
	if err != nil && k.forget(err) {
		err = k.ask(ctx, ask)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("bus: bucket %s: %s %q: %w", k.config.Name, what, key, err)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrKeyDeleted):
		return &rally.Error{Code: rally.ENotFound, Message: "error.not_found", Cause: err}
	case overtaken(err):
		return &rally.Error{Code: rally.EConflict, Message: "error.title_409", Cause: err}
	case errors.Is(err, jetstream.ErrInvalidKey):
		return err // a fault of ours
	default:
		return &rally.Error{Code: rally.EUnavailable, Message: "error.unavailable", Cause: err}
	}
}

func (k *Bucket) ask(ctx context.Context, ask func(context.Context, jetstream.KeyValue) error) error {
	kv, err := k.open(ctx)
	if err != nil {
		return err
	}
	return ask(ctx, kv)
}

// overtaken says whether a write was refused for what was written before it.
func overtaken(err error) bool {
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
			e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant
	}
	return false
}

// Get gives a key's entry: rally.ENotFound when there is none.
func (k *Bucket) Get(ctx context.Context, key string) (e Entry, err error) {
	err = k.do(ctx, "get", key, func(ctx context.Context, kv jetstream.KeyValue) error {
		found, err := kv.Get(ctx, key)
		if err != nil {
			return err
		}
		e = Entry{Key: key, Value: found.Value(), Revision: found.Revision(), At: found.Created()}
		return nil
	})
	return e, err
}

// Put writes a value, whatever was there, and gives its revision.
func (k *Bucket) Put(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	err = k.do(ctx, "put", key, func(ctx context.Context, kv jetstream.KeyValue) (err error) {
		revision, err = kv.Put(ctx, key, value)
		return err
	})
	return revision, err
}

// Create writes a value where there is none: rally.EConflict when there is.
func (k *Bucket) Create(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	err = k.do(ctx, "create", key, func(ctx context.Context, kv jetstream.KeyValue) (err error) {
		revision, err = kv.Create(ctx, key, value)
		return err
	})
	return revision, err
}

// Update writes a value over that of a revision: rally.EConflict when the key
// has another by now, or none.
func (k *Bucket) Update(ctx context.Context, key string, value []byte, over uint64) (revision uint64, err error) {
	err = k.do(ctx, "update", key, func(ctx context.Context, kv jetstream.KeyValue) (err error) {
		revision, err = kv.Update(ctx, key, value, over)
		return err
	})
	return revision, err
}

// Delete removes a key. One that is not there is no error.
func (k *Bucket) Delete(ctx context.Context, key string) error {
	return k.do(ctx, "delete", key, func(ctx context.Context, kv jetstream.KeyValue) error {
		return kv.Purge(ctx, key, jetstream.PurgeTTL(markerLife))
	})
}
