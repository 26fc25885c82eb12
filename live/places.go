package live

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rally"
)

// Places knows, for all nodes, which of a user's sessions may have sockets:
// one. Its methods bound their own time.
type Places interface {
	// Claim asks for the user's place. ok is false while another session has
	// it. To claim what the session has already changes nothing.
	Claim(ctx context.Context, user rally.UserID, session rally.SessionID) (ok bool, err error)
	// Release gives the place back if this session has it on this node.
	Release(ctx context.Context, user rally.UserID, session rally.SessionID) error
	// Beat says that this node lives. Without a beat for Config.BeatLife its
	// places go to whoever asks; lost says that this may have happened.
	Beat(ctx context.Context) (lost bool, err error)
	// Leave gives back all places of this node, which is about to stop.
	Leave(ctx context.Context) error
}

const (
	// givingBackMax bounds how many users may wait until their places have
	// been given back, which takes as long as Places cannot be asked.
	givingBackMax = 100_000
	// askTimeout bounds a claim with all that it waits for.
	askTimeout = 4 * time.Second
)

// standing is what is known of a session's claim to its user's place.
type standing uint8

const (
	standingNone  standing = iota
	standingDoubt          // it may have the place; ask
	standingSure
)

// claimant is a session with sockets here, or with a place that it has not
// given back yet.
type claimant struct {
	session  rally.SessionID
	sockets  int // open or being opened
	standing standing
}

// tenant is a user with claimants on this node.
type tenant struct {
	turn      chan struct{} // full while somebody asks Places about this user
	asking    int           // who has the turn or waits for it
	doubts    int           // counts how often what is known was called in doubt
	claimants []claimant
}

// find gives a session's index among the claimants, -1 for none.
func (t *tenant) find(session rally.SessionID) int {
	return slices.IndexFunc(t.claimants, func(c claimant) bool { return c.session == session })
}

// keeper holds the places of those who have sockets here. What is asked about
// one user is asked in order, one thing at a time; users do not wait for each
// other.
type keeper struct {
	places              Places // nil: every session may have sockets
	log                 *slog.Logger
	now                 func() time.Duration
	linger              time.Duration
	beatEvery, beatLife time.Duration
	refused             func(session rally.SessionID)

	wake   chan struct{} // full when somebody is due at once
	beat   beat
	closed atomic.Bool

	mu    sync.Mutex // guards what follows, and the tenants
	users map[rally.UserID]*tenant
	due   map[rally.UserID]time.Duration // whom to settle, and when
}

// newKeeper makes the keeper of a hub's places. refused is called for a
// session that had a place, has sockets, and has lost the place to another.
func newKeeper(cfg Config, now func() time.Duration, refused func(rally.SessionID)) *keeper {
	return &keeper{
		places: cfg.Places, log: cfg.Log, now: now, linger: cfg.Linger,
		beatEvery: cfg.BeatEvery, beatLife: cfg.BeatLife, refused: refused,
		wake:  make(chan struct{}, 1),
		beat:  beat{turn: make(chan struct{}, 1)},
		users: make(map[rally.UserID]*tenant),
		due:   make(map[rally.UserID]time.Duration),
	}
}

// claim notes one more socket of a session and says whether it may be opened;
// only the first one asks Places. Unless it gives true, the socket is not
// noted; otherwise leave takes it back.
func (k *keeper) claim(ctx context.Context, user rally.UserID, session rally.SessionID) (ok bool, err error) {
	if k.places == nil {
		return true, nil
	}
	t, ok, err := k.arrive(user, session)
	if ok || err != nil {
		return ok, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if err = k.takeTurn(ctx, t); err == nil {
		ok, err = k.ask(ctx, user, t, session)
		<-t.turn
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	t.asking--
	if !ok {
		k.depart(user, t, session, 0)
	}
	k.tidy(user, t)
	return ok, err
}

// arrive notes a socket. ok says that its session has the place for sure.
// Otherwise the tenant is held until the caller has asked.
func (k *keeper) arrive(user rally.UserID, session rally.SessionID) (t *tenant, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t = k.users[user]
	if t == nil {
		if len(k.due) >= givingBackMax {
			return nil, false, rally.Errorf(rally.EUnavailable, "error.unavailable", "%d places are still to be given back", len(k.due))
		}
		t = &tenant{turn: make(chan struct{}, 1)}
		k.users[user] = t
	}
	i := t.find(session)
	if i < 0 {
		i = len(t.claimants)
		t.claimants = append(t.claimants, claimant{session: session})
	}
	t.claimants[i].sockets++
	if t.claimants[i].standing == standingSure {
		return t, true, nil
	}
	t.asking++
	return t, false, nil
}

// takeTurn waits until nobody else asks about the tenant.
func (k *keeper) takeTurn(ctx context.Context, t *tenant) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return rally.Errorf(rally.EUnavailable, "error.unavailable", "waiting to claim a place: %w", ctx.Err())
	}
}

// leave notes that a socket is gone. With the last one of its session goes the
// place: at once, or, if the connection broke, when linger has passed without
// another.
func (k *keeper) leave(user rally.UserID, session rally.SessionID, broke bool) {
	if k.places == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := time.Duration(0)
	if broke {
		wait = k.linger
	}
	t := k.users[user]
	k.depart(user, t, session, wait)
	k.tidy(user, t)
}

// depart is leave with k.mu held.
func (k *keeper) depart(user rally.UserID, t *tenant, session rally.SessionID, wait time.Duration) {
	c := &t.claimants[t.find(session)]
	c.sockets--
	if c.sockets == 0 && c.standing != standingNone {
		k.due[user] = k.now() + wait
		if wait == 0 {
			k.wakeUp()
		}
	}
}

// tidy forgets who neither has a socket nor could have the place. k.mu must be
// held.
func (k *keeper) tidy(user rally.UserID, t *tenant) {
	t.claimants = slices.DeleteFunc(t.claimants, func(c claimant) bool {
		return c.sockets == 0 && c.standing == standingNone
	})
	if len(t.claimants) == 0 && t.asking == 0 {
		delete(k.users, user)
		delete(k.due, user)
	}
}

// holds says whether a session's socket that was let in may still be opened.
func (k *keeper) holds(user rally.UserID, session rally.SessionID) bool {
	if k.places == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.users[user]
	if t == nil {
		return false
	}
	i := t.find(session)
	return i >= 0 && t.claimants[i].standing != standingNone
}

// displace notes that a user's place has gone to one session.
func (k *keeper) displace(user rally.UserID, winner rally.SessionID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t := k.users[user]
	if t == nil {
		return
	}
	t.doubts++
	for i := range t.claimants {
		if c := &t.claimants[i]; c.session != winner {
			c.standing = standingNone
		}
	}
	k.tidy(user, t)
}

// doubtAll notes that every place may have been lost, and has all claimed
// again.
func (k *keeper) doubtAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	for user, t := range k.users {
		t.doubts++
		for i := range t.claimants {
			t.claimants[i].standing = min(t.claimants[i].standing, standingDoubt)
		}
		k.due[user] = now
	}
	k.wakeUp()
}

// wakeUp has the settling begin now.
func (k *keeper) wakeUp() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}
