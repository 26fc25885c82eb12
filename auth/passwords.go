package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"rally"
)

// PasswordConfig sets what one hash costs and how many run at once. The zero
// value is what a server should use.
type PasswordConfig struct {
	Memory      uint32 // KiB of one hash; 0: 65536 (64 MiB)
	Iterations  uint32 // passes over it; 0: 3
	Parallelism uint8  // lanes; 0: 1
	Workers     int    // hashes at once; 0: GOMAXPROCS, for each keeps a core busy
	Queue       int    // callers that may wait for a worker; 0: 25 per worker
}

// Passwords hashes and checks passwords with argon2id. Each hash takes a good
// tenth of a second of one core and all of Memory, so at most Workers run at
// once, at most Queue wait, and everybody else is told to come back: a flood
// of sign-ins can take neither the memory nor the cores that play matches.
// Safe for concurrent use.
type Passwords struct {
	params  argon2id.Params
	slots   chan struct{}
	queue   int64
	waiting atomic.Int64
	dummy   string
	fastest atomic.Int64 // hash with today's parameters, in nanoseconds; 0: none yet
	common  map[string]struct{}
}

// Lengths of salt and key in bytes, after RFC 9106.
const (
	saltLength = 16
	keyLength  = 32
)

// busySeconds is what a refused caller is told to wait: a full default queue
// empties in about that time.
const busySeconds = 4

// NewPasswords makes a Passwords.
func NewPasswords(c PasswordConfig) *Passwords {
	if c.Memory == 0 {
		c.Memory = 64 * 1024
	}
	if c.Iterations == 0 {
		c.Iterations = 3
	}
	if c.Parallelism == 0 {
		c.Parallelism = 1
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Queue <= 0 {
		c.Queue = 25 * c.Workers
	}
	p := &Passwords{
		params: argon2id.Params{
			Memory:      c.Memory,
			Iterations:  c.Iterations,
			Parallelism: c.Parallelism,
			SaltLength:  saltLength,
			KeyLength:   keyLength,
		},
		slots:  make(chan struct{}, c.Workers),
		queue:  int64(c.Queue),
		common: commonPasswords(),
	}
	p.dummy = p.impossible()
	return p
}

// Hash gives the encoded argon2id hash of password. It fails with
// rally.EUnavailable when too many are waiting, and with ctx.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	release, err := p.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	begin := time.Now()
	hash, err := argon2id.CreateHash(norm.NFC.String(password), &p.params)
	p.took(time.Since(begin))
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hash, nil
}

// Verify says whether password belongs to hash, and whether hash was made
// with less than today's parameters and should be replaced. An empty hash
// stands for an account that does not exist or has no password: the same work
// is done and the answer is no, so that time tells nothing.
//
// admit, which may be nil, is called once a worker is free and before any work:
// its error is Verify's, and nothing is hashed. Attempts are counted there, so
// that those that wait or are turned away cost nobody a try.
//
// Verify fails with rally.EUnavailable when too many are waiting, and with ctx.
func (p *Passwords) Verify(ctx context.Context, password, hash string, admit func() error) (ok, rehash bool, err error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	release, err := p.acquire(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	if admit != nil {
		if err := admit(); err != nil {
			return false, false, err
		}
	}
	begin := time.Now()
	ok, used, err := argon2id.CheckHash(norm.NFC.String(password), hash)
	if err != nil {
		return false, false, fmt.Errorf("check password: %w", err)
	}
	rehash = used.Memory < p.params.Memory || used.Iterations < p.params.Iterations ||
		used.Parallelism != p.params.Parallelism || used.KeyLength < p.params.KeyLength
	if !rehash {
		p.took(time.Since(begin))
	}
	if !ok || !known {
		return false, false, nil
	}
	return true, rehash, nil
}

// floorTenths is what Floor gives, in tenths of the time of a hash: two of them
// and a little.
const floorTenths = 22

// Floor is how long every answer to a sign-in that hashed anything should take
// at least, so that nobody can tell by the clock whether it hashed once or
// twice: 2.2 times what its first hash took (0 without one), and no less than
// that of the fastest hash with today's parameters so far. Before the first hash
// of all it makes one.
func (p *Passwords) Floor(first time.Duration) time.Duration {
	if p.fastest.Load() == 0 {
		p.measure()
	}
	return max(time.Duration(p.fastest.Load()), first) * floorTenths / 10
}

// measure hashes once, with a worker's place like everybody.
func (p *Passwords) measure() {
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	begin := time.Now()
	if _, err := argon2id.ComparePasswordAndHash("", p.dummy); err == nil {
		p.took(time.Since(begin))
	}
}

// took notes how long a hash with today's parameters took.
func (p *Passwords) took(d time.Duration) {
	for {
		fastest := p.fastest.Load()
		if fastest != 0 && int64(d) >= fastest || p.fastest.CompareAndSwap(fastest, max(int64(d), 1)) {
			return
		}
	}
}

// acquire takes a worker's place, waiting in the bounded queue.
func (p *Passwords) acquire(ctx context.Context) (release func(), err error) {
	release = func() { <-p.slots }
	select {
	case p.slots <- struct{}{}:
		return release, nil
	default:
	}
	if p.waiting.Add(1) > p.queue {
		p.waiting.Add(-1)
		return nil, &rally.Error{
			Code:       rally.EUnavailable,
			Message:    "error.busy",
			RetryAfter: busySeconds,
			Cause:      errors.New("password queue is full"),
		}
	}
	defer p.waiting.Add(-1)
	select {
	case p.slots <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a password worker: %w", ctx.Err())
	}
}

// impossible makes an encoded hash with today's parameters whose key is drawn
// at random, so that no password fits it.
func (p *Passwords) impossible() string {
	var b [saltLength + keyLength]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand.Read
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		p.params.Memory, p.params.Iterations, p.params.Parallelism,
		base64.RawStdEncoding.EncodeToString(b[:saltLength]),
		base64.RawStdEncoding.EncodeToString(b[saltLength:]))
}
