package match

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/pong"
)

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bot := Entrant{Bot: rally.BotHard}
	for name, test := range map[string]struct {
		kind    rally.MatchKind
		points  int
		players [2]Entrant
	}{
		"no points":         {rally.Rated, 0, [2]Entrant{entrant(1), entrant(2)}},
		"too many points":   {rally.Rated, 100, [2]Entrant{entrant(1), entrant(2)}},
		"oneself":           {rally.Rated, 11, [2]Entrant{entrant(1), entrant(1)}},
		"nobody":            {rally.Casual, 11, [2]Entrant{entrant(1), {}}},
		"a rated bot":       {rally.Rated, 11, [2]Entrant{entrant(1), bot}},
		"a person as a bot": {rally.Practice, 11, [2]Entrant{entrant(1), {User: 2, Bot: rally.BotEasy}}},
		"an unknown bot":    {rally.Practice, 11, [2]Entrant{entrant(1), {Bot: 9}}},
	} {
		id, err := w.Create(test.kind, test.points, test.players)
		if rally.ErrorCode(err) != rally.EInvalid || id != "" {
			t.Errorf("%s: made %q, %v", name, id, err)
		}
	}
	id := w.create(rally.Rated, 11)
	_, err := w.Create(rally.Rated, 11, [2]Entrant{entrant(3), entrant(2)})
	w.refused(err, rally.EConflict)
	_, err = w.Practice(entrant(1), rally.BotEasy, 11)
	w.refused(err, rally.EConflict)
	if _, busy := w.Playing(3); busy {
		t.Error("who was refused a match plays none")
	}
	w.must(w.Resign(id, 1))
	w.create(rally.Rated, 11)
	for range 5 { // the house has any number of bots
		_, err = w.Practice(entrant(rally.UserID(10+w.Stats().Live)), rally.BotEasy, 11)
		w.must(err)
	}
	if s := w.Stats(); s.Live != 6 {
		t.Errorf("stats: %+v", s)
	}
}

func TestMatchesAreSpreadOverLoops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Loops = 3 })
	for i := range 30 {
		_, err := w.Create(rally.Casual, 11, [2]Entrant{entrant(rally.UserID(2*i + 1)), entrant(rally.UserID(2*i + 2))})
		w.must(err)
	}
	for _, l := range w.loops {
		if got := l.load.Load(); got != 10 {
			t.Errorf("a loop has %d matches", got)
		}
	}
}

func TestRematch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	_, err := w.Rematch(id, 1, false)
	w.refused(err, rally.EConflict) // still playing
	w.run(70)
	w.must(w.Resign(id, 1))
	w.ended(id, rally.Forfeited, rally.Right)
	if !w.info(id).RematchOpen {
		t.Error("no rematch is offered")
	}
	for range 2 {
		next, err := w.Rematch(id, 1, false)
		w.must(err)
		if next != "" || !w.info(id).Players[0].WantsRematch || w.info(id).Players[1].WantsRematch {
			t.Errorf("one wish: %q, %+v", next, w.info(id))
		}
	}
	next, err := w.Rematch(id, 2, false)
	w.must(err)
	if again, err := w.Rematch(id, 1, false); err != nil || again != next || next == "" {
		t.Fatalf("the rematch is %q to one and %q to the other, %v", next, again, err)
	}
	if info := w.info(id); info.Next != next || info.RematchOpen {
		t.Errorf("shown as %+v", info)
	}
	if n := w.count(rally.MatchPaired, next); n != 1 {
		t.Errorf("%d events", n)
	}
	info := w.info(next)
	if info.Kind != rally.Rated || info.Points != 11 || info.Players[0].User != 1 {
		t.Errorf("the rematch is %+v", info)
	}
	if a, b := info.Players[0].Rating.Value, info.Players[1].Rating.Value; a >= 1500 || b <= 1500 {
		t.Errorf("it begins with ratings %v and %v", a, b)
	}
	left.send(joinFrame(next))
	w.join(2, next)
	w.run(1)
	w.phase(next, Countdown) // without ready presses
}

func TestRematchThatCannotBe(t *testing.T) {
	t.Parallel()

	t.Run("it never began", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.create(rally.Rated, 11)
		w.must(w.Resign(id, 1))
		_, err := w.Rematch(id, 2, false)
		w.refused(err, rally.EConflict)
		_, err = w.Rematch(rally.NewMatchID(), 2, false)
		w.refused(err, rally.ENotFound)
	})

	t.Run("somebody plays again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, _, _ := w.begin(11)
		w.run(70)
		w.must(w.Resign(id, 1))
		_, err := w.Rematch(id, 1, false)
		w.must(err)
		other, err := w.Practice(entrant(1), rally.BotEasy, 11)
		w.must(err)
		_, err = w.Rematch(id, 2, false)
		w.refused(err, rally.EConflict)
		w.must(w.Resign(other, 1))
		next, err := w.Rematch(id, 2, false)
		w.must(err)
		if next == "" {
			t.Error("no rematch although both want it and both are free")
		}
	})

	t.Run("the bot is always willing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, err := w.Practice(entrant(1), rally.BotMedium, 11)
		w.must(err)
		w.join(1, id)
		w.run(260)
		w.must(w.Resign(id, 1))
		next, err := w.Rematch(id, 1, false)
		w.must(err)
		if info := w.info(next); info.Players[1].Bot != rally.BotMedium || info.Kind != rally.Practice {
			t.Errorf("the rematch is %+v", info)
		}
	})
}

func TestWatchingAFinishedMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	w.run(70)
	w.must(w.Resign(id, 1))
	w.run(10)
	left.close()
	watcher := w.join(9, id)
	if f := watcher.last(); f.Phase != pong.Over || f.Timer != 0 {
		t.Errorf("shown %+v", f)
	}
	watcher.ping()
	if _, _, pongs := watcher.answers(); len(pongs) != 1 {
		t.Error("a ping was not answered")
	}
	before := len(watcher.seen())
	w.run(100)
	if len(watcher.seen()) != before {
		t.Error("a finished match sends frames")
	}
}

// TestSilentRematch: a wish that only its owner may know of is told to nobody
// else, and makes no match until the other one wants to play as well.
func TestSilentRematch(t *testing.T) {
	t.Parallel()
	ended := func(t *testing.T) (*world, rally.MatchID) {
		t.Helper()
		w := newWorld(t)
		id, _, _ := w.begin(11)
		w.run(70)
		w.must(w.Resign(id, 1))
		w.ended(id, rally.Forfeited, rally.Right)
		return w, id
	}

	t.Run("nobody hears of it", func(t *testing.T) {
		t.Parallel()
		w, id := ended(t)
		w.mu.Lock()
		before := len(w.events)
		w.mu.Unlock()
		for range 2 {
			next, err := w.Rematch(id, 1, true)
			w.must(err)
			if p := w.info(id).Players; next != "" || !p[0].WantsRematch || !p[0].RematchSilent || p[1].WantsRematch {
				t.Errorf("one wish: %q, %+v", next, p)
			}
		}
		w.mu.Lock()
		want := []rally.Event{{Kind: rally.MatchChanged, Match: id, Users: []rally.UserID{1}}}
		if diff := cmp.Diff(want, w.events[before:]); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		w.mu.Unlock()
		// What keeps the two apart is over.
		next, err := w.Rematch(id, 2, false)
		w.must(err)
		if n := w.count(rally.MatchPaired, next); next == "" || n != 1 {
			t.Errorf("led to %q, announced %d times", next, n)
		}
	})

	t.Run("the other one has asked", func(t *testing.T) {
		t.Parallel()
		w, id := ended(t)
		_, err := w.Rematch(id, 2, false)
		w.must(err)
		_, err = w.Rematch(id, 1, true)
		w.refused(err, rally.EConflict)
		if _, busy := w.Playing(1); busy || !w.info(id).Players[0].RematchSilent {
			t.Errorf("user 1 plays: %v, %+v", busy, w.info(id))
		}
		next, err := w.Rematch(id, 1, false)
		w.must(err)
		if next == "" {
			t.Error("no rematch although both want it aloud")
		}
	})
}

// TestPairMakesOne: whoever asks for the match of an id, and however many do at
// once, there is one, and it is announced once.
func TestPairMakesOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := rally.NewMatchID()
	players := [2]Entrant{entrant(1), entrant(2)}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := w.Pair(id, rally.Casual, 5, players); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.count(rally.MatchPaired, id); n != 1 || w.Stats().Live != 1 {
		t.Errorf("announced %d times, %+v", n, w.Stats())
	}
	info, ok := w.Find(id)
	if !ok || info.Kind != rally.Casual || info.Points != 5 || info.Players[0].User != 1 || info.Players[1].User != 2 {
		t.Errorf("made %+v", info)
	}
	// Another agreement has to wait, and an old one makes nothing new.
	w.refused(w.Pair(rally.NewMatchID(), rally.Casual, 5, [2]Entrant{entrant(3), entrant(2)}), rally.EConflict)
	w.must(w.Resign(id, 1))
	w.must(w.Pair(id, rally.Casual, 5, players))
	if _, busy := w.Playing(1); busy || w.count(rally.MatchPaired, id) != 1 {
		t.Error("a match that is over was made again")
	}
	w.refused(w.Pair("x", rally.Casual, 5, players), rally.EInvalid)
	w.refused(w.Pair(rally.NewMatchID(), rally.Rated, 0, players), rally.EInvalid)
}
