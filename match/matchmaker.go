package match

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rally"
)

// MatchmakerConfig is what a Matchmaker needs.
type MatchmakerConfig struct {
	// Create makes a rated match: Registry.Create, as a rule.
	Create func(kind rally.MatchKind, points int, players [2]Entrant) (rally.MatchID, error)
	// Playing gives the match a user is in: Registry.Playing, as a rule. Nil:
	// who plays is found out only when Create refuses.
	Playing func(rally.UserID) (rally.MatchID, bool)
	// Present says whether a user has a socket open now. Nil: nobody has, and
	// only Seen keeps entries alive.
	Present func(rally.UserID) bool
	// Blocks gives the pairs among users that must not be made, because one has
	// blocked the other; it is asked whenever two or more wait. While it fails
	// nobody is paired. Nil: anybody may meet anybody.
	Blocks func(ctx context.Context, users []rally.UserID) ([][2]rally.UserID, error)
	// Publish tells everybody that something changed. Nil tells nobody.
	Publish func(rally.Event)
	Points  int // of the matches [11]
	Clock   Clock
	Log     *slog.Logger
	// Shared makes the queue that of several nodes; Create is not used then,
	// and Playing and Present are to know of all nodes. Nil: it is this
	// process's own.
	Shared *Shared
}

const (
	lapseAfter = 15 * time.Second // without a socket or a request
	pairEvery  = time.Second      // while somebody waits: windows widen
	blocksTime = 2 * time.Second  // to find out who must not meet
)

// Matchmaker pairs people who wait for an opponent, nearest ratings first. All
// its methods are safe for concurrent use.
type Matchmaker struct {
	config MatchmakerConfig
	wake   chan struct{} // holds a token when there is somebody new
	done   chan struct{}

	startOnce, stopOnce sync.Once

	mu       sync.Mutex
	entries  map[rally.UserID]*entry
	stopping bool

	// With a shared queue:
	unfollow func()                           // ends copying the board
	entering map[rally.UserID][]chan struct{} // closed when the board has them
	leaving  map[rally.UserID]time.Time       // still to be taken off the board, by when they entered
}

// entry is somebody who waits.
type entry struct {
	Entrant
	node  string        // where they entered; only with a shared queue …
	date  time.Time     // … and when, as the board has it
	since time.Duration // by the clock
	seen  time.Duration // last sign of the owner
}

// NewMatchmaker makes a matchmaker with an empty queue. Start it before use.
func NewMatchmaker(c MatchmakerConfig) *Matchmaker {
	if c.Points == 0 {
		c.Points = 11
	}
	if c.Present == nil {
		c.Present = func(rally.UserID) bool { return false }
	}
	if c.Playing == nil {
		c.Playing = func(rally.UserID) (rally.MatchID, bool) { return "", false }
	}
	if c.Blocks == nil {
		c.Blocks = func(context.Context, []rally.UserID) ([][2]rally.UserID, error) { return nil, nil }
	}
	if c.Publish == nil {
		c.Publish = func(rally.Event) {}
	}
	if c.Clock == nil {
		c.Clock = NewClock()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Matchmaker{
		config: c, wake: make(chan struct{}, 1), done: make(chan struct{}), unfollow: func() {},
		entries: map[rally.UserID]*entry{}, leaving: map[rally.UserID]time.Time{},
		entering: map[rally.UserID][]chan struct{}{},
	}
}

// Start starts pairing. It returns at once and may be called again.
func (mm *Matchmaker) Start() {
	mm.startOnce.Do(func() {
		if mm.config.Shared != nil {
			mm.follow()
		}
		go mm.run()
	})
}

// Stop ends pairing and waits for it. Whoever waits goes on waiting in vain;
// Enter is refused. It may be called again.
func (mm *Matchmaker) Stop() {
	mm.Start() // what never ran cannot be waited for
	mm.stopOnce.Do(func() {
		mm.mu.Lock()
		mm.stopping = true
		mm.mu.Unlock()
		mm.nudge()
	})
	<-mm.done
	mm.unfollow()
}

// Enter puts somebody into the queue, or leaves them where they are in it.
// EConflict ("error.already_playing") for somebody who plays, EInvalid for a
// bot, EUnavailable when a shared queue is away.
func (mm *Matchmaker) Enter(e Entrant) error {
	if e.User <= 0 || e.Bot != rally.NoBot {
		return rally.Errorf(rally.EInvalid, "error.invalid", "match: user %d as bot %d in the queue", e.User, e.Bot)
	}
	if _, busy := mm.config.Playing(e.User); busy {
		return errPlaying()
	}
	if mm.config.Shared != nil {
		return mm.enterShared(e)
	}
	mm.mu.Lock()
	if mm.stopping {
		mm.mu.Unlock()
		return errStopped()
	}
	now := mm.config.Clock.Now()
	old, waiting := mm.entries[e.User]
	if waiting {
		old.seen = now
	} else {
		mm.entries[e.User] = &entry{Entrant: e, since: now, seen: now}
	}
	mm.mu.Unlock()
	if !waiting {
		mm.changed(e.User)
		mm.nudge()
	}
	return nil
}

// Leave takes somebody out of the queue, if they are in it.
func (mm *Matchmaker) Leave(user rally.UserID) {
	if mm.remove(user) {
		mm.changed(user)
	}
}

// Waiting says whether user is in the queue, and for how long.
func (mm *Matchmaker) Waiting(user rally.UserID) (waited time.Duration, ok bool) {
	mm.mu.Lock()
	defer mm.mu.Unlock()
	e, ok := mm.entries[user]
	if !ok {
		return 0, false
	}
	return mm.config.Clock.Now() - e.since, true
}

// Seen notes a sign of life from somebody who may have no socket.
func (mm *Matchmaker) Seen(user rally.UserID) {
	if mm.config.Shared != nil {
		mm.seenShared(user)
		return
	}
	mm.mu.Lock()
	defer mm.mu.Unlock()
	if e, ok := mm.entries[user]; ok {
		e.seen = mm.config.Clock.Now()
	}
}

// Len gives how many wait.
func (mm *Matchmaker) Len() int {
	mm.mu.Lock()
	defer mm.mu.Unlock()
	return len(mm.entries)
}

// remove takes somebody out of the queue and says whether they were in it.
func (mm *Matchmaker) remove(user rally.UserID) bool {
	mm.mu.Lock()
	e, waiting := mm.entries[user]
	if waiting {
		mm.drop(e)
	}
	mm.mu.Unlock()
	if !waiting && mm.config.Shared != nil {
		waiting = mm.dropUnseen(user)
	}
	if waiting && mm.erase(user) {
		mm.nudge() // so that it is tried again
	}
	return waiting
}

func (mm *Matchmaker) changed(user rally.UserID) {
	mm.config.Publish(rally.Event{Kind: rally.QueueChanged, Users: []rally.UserID{user}})
}

// nudge makes the matchmaker look at the queue at once.
func (mm *Matchmaker) nudge() {
	select {
	case mm.wake <- struct{}{}:
	default:
	}
}
