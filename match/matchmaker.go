package match

import (
	"context"
	"log/slog"
	"math/rand/v2"
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
}

// entry is somebody who waits.
type entry struct {
	Entrant
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
		config: c, wake: make(chan struct{}, 1), done: make(chan struct{}),
		entries: map[rally.UserID]*entry{},
	}
}

// Start starts pairing. It returns at once and may be called again.
func (mm *Matchmaker) Start() { mm.startOnce.Do(func() { go mm.run() }) }

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
}

// Enter puts somebody into the queue, or leaves them where they are in it.
// EConflict ("error.already_playing") for somebody who plays, EInvalid for a
// bot.
func (mm *Matchmaker) Enter(e Entrant) error {
	if e.User <= 0 || e.Bot != rally.NoBot {
		return rally.Errorf(rally.EInvalid, "error.invalid", "match: user %d as bot %d in the queue", e.User, e.Bot)
	}
	if _, busy := mm.config.Playing(e.User); busy {
		return errPlaying()
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

func (mm *Matchmaker) run() {
	defer close(mm.done)
	for {
		mm.mu.Lock()
		stopping := mm.stopping
		mm.mu.Unlock()
		if stopping {
			return
		}
		mm.lapse()
		mm.match()
		until := forever
		if mm.Len() > 0 {
			until = mm.config.Clock.Now() + pairEvery
		}
		mm.config.Clock.Wait(until, mm.wake)
	}
}

// lapse drops those who are gone.
func (mm *Matchmaker) lapse() {
	var lapsed []rally.UserID
	mm.mu.Lock()
	users := make([]rally.UserID, 0, len(mm.entries))
	for user := range mm.entries {
		users = append(users, user)
	}
	mm.mu.Unlock()
	for _, user := range users {
		present := mm.config.Present(user) // asked without the lock: it is not ours
		mm.mu.Lock()
		now := mm.config.Clock.Now()
		if e, ok := mm.entries[user]; ok {
			if present {
				e.seen = now
			}
			if now-e.seen >= lapseAfter {
				delete(mm.entries, user)
				lapsed = append(lapsed, user)
			}
		}
		mm.mu.Unlock()
	}
	for _, user := range lapsed {
		mm.config.Log.Info("queue entry lapsed", "user", user)
		mm.changed(user)
	}
}

// match pairs who can be paired and makes their matches.
func (mm *Matchmaker) match() {
	mm.mu.Lock()
	now := mm.config.Clock.Now()
	candidates := make([]candidate, 0, len(mm.entries))
	for _, e := range mm.entries {
		candidates = append(candidates, candidate{user: e.User, rating: e.Rating.Value, waited: now - e.since})
	}
	mm.mu.Unlock()
	if len(candidates) < 2 {
		return
	}
	blocks, err := mm.blocks(candidates)
	if err != nil {
		mm.config.Log.Warn("nobody is paired", "waiting", len(candidates), "error", err)
		return
	}
	for _, users := range pair(candidates, blocks) {
		mm.seat(users)
	}
}

// blocks gives who among the candidates must not meet.
func (mm *Matchmaker) blocks(candidates []candidate) (apart, error) {
	users := make([]rally.UserID, len(candidates))
	for i, c := range candidates {
		users[i] = c.user
	}
	ctx, cancel := context.WithTimeout(context.Background(), blocksTime)
	defer cancel()
	pairs, err := mm.config.Blocks(ctx, users)
	if err != nil {
		return nil, err
	}
	return keepApart(pairs), nil
}

// seat makes the match of two who have been paired, unless one of them has
// left meanwhile. They stay in the queue until it is made, so that at every
// moment they either wait or play. If it cannot be made because one of them
// plays already, that one loses the place in the queue and the other keeps it.
// While no match can be made at all, everybody waits on.
func (mm *Matchmaker) seat(users [2]rally.UserID) {
	var players [2]Entrant
	mm.mu.Lock()
	for i, user := range users {
		e, waiting := mm.entries[user]
		if !waiting {
			mm.mu.Unlock()
			return
		}
		players[i] = e.Entrant
	}
	mm.mu.Unlock()
	if rand.Uint64()&1 == 0 { // who plays on the left is no secret
		players[0], players[1] = players[1], players[0]
	}
	id, err := mm.config.Create(rally.Rated, mm.config.Points, players)
	if err == nil {
		mm.remove(users[0])
		mm.remove(users[1])
		mm.config.Publish(rally.Event{Kind: rally.MatchPaired, Match: id, Users: users[:]})
		return
	}
	mm.config.Log.Info("pairing failed", "left", players[0].User, "right", players[1].User, "error", err)
	if rally.ErrorCode(err) == rally.EUnavailable {
		return
	}
	_, first := mm.config.Playing(users[0])
	_, second := mm.config.Playing(users[1])
	if first || !second { // if neither is known to play, both have to ask again
		mm.Leave(users[0])
	}
	if second || !first {
		mm.Leave(users[1])
	}
}

// remove takes somebody out of the queue and says whether they were in it.
func (mm *Matchmaker) remove(user rally.UserID) bool {
	mm.mu.Lock()
	defer mm.mu.Unlock()
	_, waiting := mm.entries[user]
	delete(mm.entries, user)
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
