package match

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/pong"
)

func TestKeeperRetriesUntilTheStoreIsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setAway(errors.New("the database is away"))
	var ids []rally.MatchID
	for range 10 {
		id := w.create(rally.Rated, 11)
		w.must(w.Resign(id, 1))
		ids = append(ids, id)
	}
	w.eventually("every result was tried", func() bool { return w.Stats().StoreFails >= 10 })
	for range 60 { // far beyond the time a finished match is remembered
		before := w.Stats().StoreFails
		w.clock.advance(retryMost)
		w.eventually("it was tried again", func() bool { return w.Stats().StoreFails >= before+10 })
	}
	for _, id := range ids {
		if info := w.info(id); info.Stored || info.Phase != Over {
			t.Errorf("shown as %+v", info)
		}
	}
	if s := w.Stats(); s.Unstored != 10 || s.Finished != 10 {
		t.Errorf("stats: %+v", s)
	}
	w.setAway(nil)
	w.clock.advance(retryMost)
	for _, id := range ids {
		w.ended(id, rally.NoShow, rally.NoSide) // checks that one result is stored
	}
	if s := w.Stats(); s.Unstored != 0 {
		t.Errorf("stats: %+v", s)
	}
}

// A result that the store will never take is not tried for ever.
func TestAResultThatCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setAway(rally.Errorf(rally.EInvalid, "error.invalid", "no such player"))
	id := w.create(rally.Rated, 11)
	w.must(w.Resign(id, 1))
	w.eventually("it was let go", func() bool { s := w.Stats(); return s.Unstored == 0 && s.StoreFails == 1 })
	if info := w.info(id); info.Stored || info.Phase != Over {
		t.Errorf("shown as %+v", info)
	}
	w.clock.advance(3 * time.Minute)
	w.eventually("it was forgotten", func() bool { _, ok := w.Find(id); return !ok })
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setAway(errors.New("away"))
	w.must(w.Resign(w.create(rally.Rated, 11), 1))
	fails := uint64(1)
	for _, ms := range []int{250, 500, 1000, 2000, 4000, 5000, 5000} {
		wait := time.Duration(ms) * time.Millisecond
		w.eventually("a try has failed", func() bool { return w.Stats().StoreFails == fails })
		w.keeperIdle()
		w.clock.advance(wait - 1)
		if got := w.Stats().StoreFails; got != fails {
			t.Fatalf("tried again before %v", wait)
		}
		w.clock.advance(1)
		fails++
	}
}

// keeperIdle returns when the keeper has taken in all that was posted to it.
func (w *world) keeperIdle() {
	done := make(chan struct{})
	w.keeper.box.post(func() { close(done) })
	<-done
}

func TestFinishedMatchesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Rated, 11)
	w.must(w.Resign(id, 1))
	w.ended(id, rally.NoShow, rally.NoSide)
	w.clock.advance(119 * time.Second)
	w.info(id)
	w.clock.advance(2 * time.Second)
	if _, ok := w.Find(id); ok {
		t.Error("the match is still remembered")
	}
	w.refused(w.Ready(id, 1), rally.ENotFound)
	w.refused(w.Resign(id, 1), rally.ENotFound)
	if s := w.Stats(); s.Finished != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestTamperedRecordingIsNotRated(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var log strings.Builder
	w := newWorld(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(locked{&mu, &log}, nil)) })
	id, left, _ := w.begin(11)
	w.run(50)
	left.press(pong.Up)
	w.run(50)
	w.inside(id, func(m *match) { m.recording.encoded[1]++ })
	w.must(w.Resign(id, 2))
	w.stored(id)
	result := w.results(id)[0]
	if result.Kind != rally.Casual || result.Outcome != rally.Forfeited || result.Winner != rally.Left {
		t.Errorf("stored as %s, %s, won by %d", result.Kind, result.Outcome, result.Winner)
	}
	if info := w.info(id); info.Kind != rally.Casual || !info.After[0].Zero() {
		t.Errorf("shown as %s with ratings %v", info.Kind, info.After)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := log.String(); strings.Count(got, "level=ERROR") != 1 || strings.Count(got, `msg="match over"`) != 1 {
		t.Errorf("logged:\n%s", got)
	}
}

// locked is a writer for several goroutines.
type locked struct {
	*sync.Mutex
	*strings.Builder
}

func (l locked) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Builder.Write(p)
}

func TestStopStoresLiveMatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Loops = 2 })
	playing, left, _ := w.begin(11)
	w.run(70)
	over, err := w.Create(rally.Casual, 11, [2]Entrant{entrant(3), entrant(4)})
	w.must(err)
	w.must(w.Resign(over, 3))
	waiting, err := w.Practice(entrant(5), rally.BotEasy, 11)
	w.must(err)

	var stops sync.WaitGroup
	for range 3 {
		stops.Go(func() {
			if err := w.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	stops.Wait()
	w.ended(playing, rally.Interrupted, rally.NoSide)
	w.ended(waiting, rally.Interrupted, rally.NoSide)
	w.ended(over, rally.NoShow, rally.NoSide)
	if f := left.last(); f.Phase != pong.Over {
		t.Errorf("the last frame is %+v", f)
	}
	if s := w.Stats(); s.Live != 0 || s.Unstored != 0 {
		t.Errorf("stats: %+v", s)
	}
	_, err = w.Create(rally.Rated, 11, [2]Entrant{entrant(1), entrant(2)})
	w.refused(err, rally.EUnavailable)
	w.refused(w.Ready(playing, 1), rally.EUnavailable)
	left.press(pong.Up) // nothing listens, nothing breaks
	left.link.Close()
	late := &person{w: w, user: 1, id: playing}
	late.link = w.Open(1, late)
	late.send(joinFrame(playing))
	if _, refused, _ := late.answers(); len(refused) != 1 {
		t.Errorf("a join after the end was answered with %+v", refused)
	}
}

func TestStopHurriesTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setAway(errors.New("away"))
	id := w.create(rally.Rated, 11)
	w.must(w.Resign(id, 1))
	fails := func(n uint64) {
		w.eventually("it was tried once more", func() bool { return w.Stats().StoreFails == n })
		w.keeperIdle()
	}
	for n := range uint64(4) {
		fails(n + 1)
		w.clock.advance(retryFirst << n) // exactly one more
	}
	fails(5)
	stopped := make(chan error)
	go func() { stopped <- w.Stop(context.Background()) }()
	fails(6) // at once
	w.setAway(nil)
	w.clock.mu.Lock()
	w.clock.owners = 1 // the loop is gone
	w.clock.mu.Unlock()
	w.clock.jump(retryFirst)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	w.ended(id, rally.NoShow, rally.NoSide)
}

func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.setAway(errors.New("away"))
	w.create(rally.Rated, 11)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		w.eventually("a try has failed", func() bool { return w.Stats().StoreFails > 0 })
		cancel()
	}()
	if err := w.Stop(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "1 results") {
		t.Errorf("stopped with %v", err)
	}
	if err := w.Stop(context.Background()); err == nil {
		t.Error("the second Stop knows nothing of it")
	}
}

func TestStopWithoutStart(t *testing.T) {
	t.Parallel()
	r := NewRegistry(Config{})
	id, err := r.Create(rally.Casual, 11, [2]Entrant{entrant(1), entrant(2)})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if info, _ := r.Find(id); info.Outcome != rally.Interrupted {
		t.Errorf("ended as %q", info.Outcome)
	}
}
