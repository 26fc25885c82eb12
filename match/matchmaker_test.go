package match

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
)

// lobby is a matchmaker on a fake clock, over a registry that is not needed
// to run.
type lobby struct {
	*testing.T
	*Matchmaker
	clock    *fakeClock
	registry *Registry

	mu      sync.Mutex
	events  []rally.Event
	present map[rally.UserID]bool
}

func newLobby(t *testing.T) *lobby {
	t.Helper()
	l := &lobby{T: t, clock: newFakeClock(1), present: map[rally.UserID]bool{}}
	l.registry = NewRegistry(Config{Clock: l.clock, Loops: 1})
	l.Matchmaker = NewMatchmaker(MatchmakerConfig{
		Create: l.registry.Create, Playing: l.registry.Playing,
		Clock: l.clock,
		Present: func(user rally.UserID) bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.present[user]
		},
		Publish: func(e rally.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.events = append(l.events, e)
		},
	})
	l.Start()
	t.Cleanup(l.Stop)
	return l
}

func (l *lobby) enter(user rally.UserID, rating float64) {
	l.Helper()
	e := entrant(user)
	e.Rating.Value = rating
	l.mu.Lock()
	l.present[user] = true
	l.mu.Unlock()
	if err := l.Enter(e); err != nil {
		l.Fatal(err)
	}
}

// settle returns when the matchmaker has looked at the queue.
func (l *lobby) settle() { l.clock.advance(2 * time.Second) }

// opponent gives whom user plays, 0 if nobody.
func (l *lobby) opponent(user rally.UserID) rally.UserID {
	id, ok := l.registry.Playing(user)
	if !ok {
		return 0
	}
	info, _ := l.registry.Find(id)
	return info.Players[info.Of(user).Other()].User
}

func (l *lobby) count(kind rally.EventKind) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestTwoWhoWaitArePaired(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	l.enter(1, 1500)
	l.enter(1, 1500) // again: nothing
	if waited, ok := l.Waiting(1); !ok || waited != 0 || l.Len() != 1 {
		t.Errorf("waiting %v for %v, %d in the queue", ok, waited, l.Len())
	}
	l.clock.advance(7 * time.Second)
	if waited, _ := l.Waiting(1); waited != 7*time.Second {
		t.Errorf("waited for %v", waited)
	}
	l.enter(2, 1520)
	l.settle()
	if l.opponent(1) != 2 || l.Len() != 0 {
		t.Fatalf("user 1 plays %d, %d in the queue", l.opponent(1), l.Len())
	}
	if _, ok := l.Waiting(1); ok {
		t.Error("who plays does not wait")
	}
	if err := l.Enter(entrant(1)); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("who plays may queue: %v", err)
	}
	if err := l.Enter(Entrant{Bot: rally.BotHard}); rally.ErrorCode(err) != rally.EInvalid {
		t.Errorf("a bot may queue: %v", err)
	}
	id, _ := l.registry.Playing(1)
	if info, _ := l.registry.Find(id); info.Kind != rally.Rated || info.Points != 11 {
		t.Errorf("the match is %+v", info)
	}
	if l.count(rally.MatchPaired) != 1 || l.count(rally.QueueChanged) != 2 {
		t.Errorf("events: %+v", l.events)
	}
}

func TestNearestIsTaken(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	l.enter(1, 1900)
	l.settle()
	l.enter(2, 1500)
	l.settle()
	l.enter(4, 2500)
	l.settle()
	if l.Len() != 3 {
		t.Fatalf("%d in the queue", l.Len())
	}
	l.enter(5, 1480)
	l.settle()
	if l.opponent(5) != 2 || l.opponent(1) != 0 {
		t.Errorf("user 5 plays %d, user 1 plays %d", l.opponent(5), l.opponent(1))
	}
	l.clock.advance(20 * time.Second)
	if l.opponent(1) != 4 {
		t.Errorf("the window did not widen: user 1 plays %d", l.opponent(1))
	}
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	l.enter(1, 1500)
	l.Leave(1)
	l.Leave(1)
	l.enter(2, 1500)
	l.settle()
	if l.opponent(2) != 0 || l.Len() != 1 || l.count(rally.QueueChanged) != 3 {
		t.Errorf("user 2 plays %d, %d in the queue, events: %+v", l.opponent(2), l.Len(), l.events)
	}
}

func TestAbsentEntriesLapse(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	l.enter(1, 1500) // keeps a socket
	l.enter(2, 2500) // loses it
	l.enter(3, 3500) // has none, but asks every few seconds
	l.mu.Lock()
	l.present[2], l.present[3] = false, false
	l.mu.Unlock()
	for range 14 {
		l.Seen(3)
		l.clock.advance(time.Second)
	}
	if l.Len() != 3 {
		t.Fatalf("%d in the queue", l.Len())
	}
	l.Seen(3)
	l.clock.advance(2 * time.Second)
	if _, ok := l.Waiting(2); ok {
		t.Error("user 2 still waits")
	}
	if l.Len() != 2 || l.count(rally.QueueChanged) != 4 {
		t.Errorf("%d in the queue, events: %+v", l.Len(), l.events)
	}
	l.Seen(99) // nobody
}

func TestPairingWithSomebodyWhoPlays(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	l.enter(1, 1500)
	l.settle()
	if _, err := l.registry.Practice(entrant(1), rally.BotEasy, 11); err != nil { // in another tab
		t.Fatal(err)
	}
	l.enter(2, 1500)
	l.settle()
	if _, ok := l.Waiting(1); ok || l.opponent(2) != 0 {
		t.Errorf("user 1 waits: %v; user 2 plays %d", ok, l.opponent(2))
	}
	if _, ok := l.Waiting(2); !ok {
		t.Error("user 2 lost the place")
	}
	l.enter(3, 1500)
	l.settle()
	if l.opponent(2) != 3 {
		t.Errorf("user 2 plays %d", l.opponent(2))
	}
}

// Two of whom one has blocked the other wait side by side for as long as it takes,
// and are paired with others.
func TestBlocksKeepApart(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	var asked []rally.UserID
	l.config.Blocks = func(_ context.Context, users []rally.UserID) ([][2]rally.UserID, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		asked = slices.Sorted(slices.Values(users))
		return [][2]rally.UserID{{2, 1}}, nil
	}
	l.enter(1, 1500)
	l.settle()
	l.mu.Lock()
	if len(asked) > 0 {
		t.Error("it was asked about somebody alone")
	}
	l.mu.Unlock()
	l.enter(2, 1500)
	l.clock.advance(time.Minute)
	if l.opponent(1) != 0 || l.opponent(2) != 0 || l.Len() != 2 {
		t.Errorf("they play %d and %d", l.opponent(1), l.opponent(2))
	}
	l.enter(3, 2500) // far away, after a minute's wait
	l.settle()
	if l.opponent(1) != 3 || l.Len() != 1 {
		t.Errorf("user 1 plays %d", l.opponent(1))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(asked, []rally.UserID{1, 2, 3}) {
		t.Errorf("it was asked about %v", asked)
	}
}

// While nobody knows who has blocked whom, nobody is paired.
func TestNobodyIsPairedBlindly(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	var away atomic.Bool
	away.Store(true)
	l.config.Blocks = func(ctx context.Context, _ []rally.UserID) ([][2]rally.UserID, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the question has no deadline")
		}
		if away.Load() {
			return nil, errors.New("away")
		}
		return nil, nil
	}
	l.enter(1, 1500)
	l.enter(2, 1500)
	l.clock.advance(10 * time.Second)
	if l.Len() != 2 {
		t.Errorf("%d wait", l.Len())
	}
	away.Store(false)
	l.settle()
	if l.opponent(1) != 2 {
		t.Errorf("user 1 plays %d", l.opponent(1))
	}
}

func TestQueueWhileStopping(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	refusals := atomic.Int32{}
	l.config.Create = func(rally.MatchKind, int, [2]Entrant) (rally.MatchID, error) {
		refusals.Add(1)
		return "", errStopped()
	}
	l.enter(1, 1500)
	l.enter(2, 1500)
	l.settle()
	if l.Len() != 2 || refusals.Load() == 0 {
		t.Errorf("%d in the queue after %d refusals", l.Len(), refusals.Load())
	}
	l.Stop()
	l.Stop()
	if err := l.Enter(entrant(3)); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("entered a stopped queue: %v", err)
	}
}

// Everybody who enters is paired in the end, each with one other.
func TestManyInTheQueue(t *testing.T) {
	t.Parallel()
	l := newLobby(t)
	const n = 200
	var entering sync.WaitGroup
	for i := range n {
		entering.Go(func() { l.enter(rally.UserID(i+1), 1000+float64(i*7%1000)) })
	}
	entering.Wait()
	l.clock.advance(25 * time.Second)
	for i := range n {
		user := rally.UserID(i + 1)
		if other := l.opponent(user); other == 0 || l.opponent(other) != user {
			t.Errorf("user %d plays %d, who plays %d", user, other, l.opponent(other))
		}
	}
}
