package match

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"rally"
	"rally/pong"
)

// Config is what a Registry needs. Durations that are zero take the value in
// brackets.
type Config struct {
	// Loops is the number of tick loops; 0 means one per core Go may use.
	Loops int
	Log   *slog.Logger // nil: no logs
	Clock Clock        // nil: NewClock()

	// Keep stores a finished match, both ratings included, and is idempotent
	// by its id. It is called by goroutines of the keeper's, up to eight at
	// once, until it gives nil. It must heed its context. Nil stores
	// nothing.
	Keep func(context.Context, rally.Match) error
	// Publish tells everybody that something changed. It must not block: the
	// loops call it. Nil tells nobody.
	Publish func(rally.Event)
	// Seed gives the seed of each match; nil takes the system's random source.
	Seed func() uint64

	ReadyTime  time.Duration // both must be there and ready within it [20 s]
	Countdown  time.Duration // before play starts or goes on [3 s]
	PauseTime  time.Duration // of each player, over the whole match [30 s]
	Silence    time.Duration // a player not heard of for longer is absent [2.5 s]
	PlayTime   time.Duration // of the longest match; then it is abandoned [1 h]
	RememberMe time.Duration // how long a finished match can be found [2 min]
}

// Registry holds all matches of this process, live and just finished. All its
// methods are safe for concurrent use.
type Registry struct {
	clock    Clock
	log      *slog.Logger
	tell     func(rally.Event)
	seed     func() uint64
	limits   limits
	remember time.Duration
	loops    []*loop
	keeper   *keeper
	cards    *cards // what other nodes know of the matches; nil when there are none

	links atomic.Int64
	drops drops

	startOnce, stopOnce sync.Once
	stopErr             error // of Stop, once stopOnce is done

	mu       sync.RWMutex
	matches  map[rally.MatchID]*match
	playing  map[rally.UserID]*match // live matches, by player
	rules    map[int]*pong.Rules     // by points
	stopping bool
}

// NewRegistry makes a registry without matches. Start it before use.
func NewRegistry(c Config) *Registry {
	or := func(d, standard time.Duration) time.Duration {
		if d == 0 {
			return standard
		}
		return d
	}
	r := &Registry{
		clock: c.Clock, log: c.Log, tell: c.Publish, seed: c.Seed,
		limits: limits{
			ready:     toTicks(or(c.ReadyTime, 20*time.Second)),
			countdown: toTicks(or(c.Countdown, 3*time.Second)),
			pause:     toTicks(or(c.PauseTime, 30*time.Second)),
			silence:   uint32(toTicks(or(c.Silence, 2500*time.Millisecond))),
			play:      min(uint32(toTicks(or(c.PlayTime, time.Hour))), maxRun),
		},
		remember: or(c.RememberMe, 2*time.Minute),
		matches:  map[rally.MatchID]*match{},
		playing:  map[rally.UserID]*match{},
		rules:    map[int]*pong.Rules{},
	}
	if r.clock == nil {
		r.clock = NewClock()
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.tell == nil {
		r.tell = func(rally.Event) {}
	}
	if r.seed == nil {
		r.seed = randomSeed
	}
	if c.Keep == nil {
		c.Keep = func(context.Context, rally.Match) error { return nil }
	}
	loops := c.Loops
	if loops <= 0 {
		loops = runtime.GOMAXPROCS(0)
	}
	for range loops {
		r.loops = append(r.loops, newLoop(r.clock))
	}
	r.keeper = newKeeper(r, c.Keep)
	return r
}

// Start starts the loops and the keeper. It returns at once and may be called
// again.
func (r *Registry) Start() {
	r.startOnce.Do(func() {
		for _, l := range r.loops {
			go l.run()
		}
		go r.keeper.run()
	})
}

// Stop ends every live match as rally.Interrupted and returns when all results
// are stored, or with an error when ctx is done before that. Matches can be
// found afterwards as well, but nothing can be done to them. Further calls
// wait for the first and give its error.
func (r *Registry) Stop(ctx context.Context) error {
	r.Start() // what never ran cannot be waited for
	r.stopOnce.Do(func() {
		r.mu.Lock()
		r.stopping = true
		r.mu.Unlock()
		for _, l := range r.loops {
			l.stop(func(m *match) {
				m.end(rally.Interrupted, rally.NoSide)
				m.settle()
			})
		}
		r.stopErr = r.keeper.stop(ctx)
	})
	return r.stopErr
}

// Stats counts what there is and what has happened.
func (r *Registry) Stats() Stats {
	s := Stats{Links: int(r.links.Load())}
	s.Unstored, s.StoreFails = r.keeper.stats()
	for _, l := range r.loops {
		s.Live += int(l.load.Load())
		s.Ticks += l.ticks.Load()
		s.TicksSkipped += l.skipped.Load()
		s.Frames += l.frames.Load()
		s.Inputs += l.inputs.Load()
		l.lateness.addTo(&s.Lateness)
	}
	s.Dropped = Dropped{
		Late: r.drops.late.Load(), Order: r.drops.order.Load(),
		Overflow: r.drops.overflow.Load(), Spectator: r.drops.spectator.Load(),
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	s.Finished = max(len(r.matches)-s.Live, 0)
	return s
}

// retire notes that a match is over: its players are free again, and its
// result goes to the keeper. The match's loop calls it.
func (r *Registry) retire(m *match) {
	m.loop.load.Add(-1)
	r.mu.Lock()
	for s := range m.seats {
		delete(r.playing, m.seats[s].User)
	}
	r.mu.Unlock()
	if r.cards != nil {
		r.cards.note(m, true)
	}
	r.keeper.take(m, m.result())
}

// forget lets go of matches that have been over for long enough.
func (r *Registry) forget(old []memory) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range old {
		delete(r.matches, o.id)
		if r.cards != nil {
			r.cards.writer.write(o.id, nil)
		}
	}
}

// announce publishes an event about m to both players.
func (r *Registry) announce(kind rally.EventKind, m *match) {
	r.tell(rally.Event{Kind: kind, Match: m.id, Users: m.people()})
}

// call publishes that m's players should go there, once they can from wherever
// they are.
func (r *Registry) call(m *match) {
	if r.cards == nil {
		r.announce(rally.MatchPaired, m)
		return
	}
	r.cards.writer.publish(rally.Event{Kind: rally.MatchPaired, Match: m.id, Users: m.people()})
}

// people gives the players that are persons.
func (m *match) people() []rally.UserID {
	users := make([]rally.UserID, 0, len(m.seats))
	for s := range m.seats {
		if user := m.seats[s].User; user != 0 {
			users = append(users, user)
		}
	}
	return users
}

func randomSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand.Read
	return binary.LittleEndian.Uint64(b[:])
}
