package match

import (
	"testing"
	"time"

	"rally"
	"rally/pong"
)

func TestPlayedToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Rated, 3)
	w.phase(id, Waiting)
	if got, ok := w.Playing(1); !ok || got != id {
		t.Errorf("user 1 plays %q", got)
	}
	left := w.join(1, id)
	right := w.join(2, id)
	w.run(2)
	w.phase(id, Waiting) // both are there, nobody is ready
	w.must(w.Ready(id, 1), w.Ready(id, 1))
	if p := w.info(id).Players; !p[0].Ready || p[1].Ready {
		t.Error("a ready press must show when Ready returns, and only that one")
	}
	w.run(2)
	w.phase(id, Waiting)
	w.must(w.Ready(id, 2))
	w.run(1)
	w.phase(id, Countdown)
	if f := left.last(); f.Phase != pong.Countdown || f.Timer != 180 {
		t.Errorf("the countdown began with %+v", f)
	}
	w.run(179)
	w.phase(id, Countdown)
	w.run(1)
	w.phase(id, Playing)
	w.must(w.Ready(id, 1)) // late, and harmless
	w.runUntil("the match is over", 60_000, func() bool {
		if w.info(id).Phase != Playing {
			return true
		}
		if f := right.last(); f.Live && int32(f.Paddle[1]) < int32(f.BallY) {
			right.press(pong.Down)
		} else {
			right.press(pong.Up)
		}
		return false
	})
	info := w.info(id)
	result := w.ended(id, rally.Won, info.Winner)
	if result.Players[info.Winner].Score != 3 || info.Players[info.Winner].Score != 3 {
		t.Errorf("the winner has %d points", result.Players[info.Winner].Score)
	}
	if f := left.last(); f.Phase != pong.Over || int(f.Score[info.Winner]) != 3 {
		t.Errorf("the last frame is %+v", f)
	}
	info = w.info(id)
	if info.After[info.Winner].Value <= 1500 || info.After[info.Winner.Other()].Value >= 1500 {
		t.Errorf("ratings after: %v", info.After)
	}
	if d := result.FinishedAt.Sub(result.StartedAt); d < toDuration(int32(result.Ticks)) || result.Kind != rally.Rated {
		t.Errorf("%s match of %v and %d ticks", result.Kind, d, result.Ticks)
	}
	w.refused(w.Ready(id, 1), rally.EConflict)
	w.refused(w.Resign(id, 1), rally.EConflict)
}

func TestNoShow(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*world, rally.MatchID){
		"nobody comes": func(*world, rally.MatchID) {},
		"one comes": func(w *world, id rally.MatchID) {
			w.join(1, id)
			w.must(w.Ready(id, 1))
		},
		"nobody is ready": func(w *world, id rally.MatchID) {
			w.join(1, id)
			w.join(2, id)
		},
		"one is ready": func(w *world, id rally.MatchID) {
			w.join(1, id)
			w.join(2, id)
			w.must(w.Ready(id, 2))
		},
		"ready without coming": func(w *world, id rally.MatchID) { w.must(w.Ready(id, 1), w.Ready(id, 2)) },
		"ready and gone again": func(w *world, id rally.MatchID) {
			p := w.join(1, id)
			w.must(w.Ready(id, 1), w.Ready(id, 2))
			p.close()
			w.join(2, id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.create(rally.Rated, 11)
			prepare(w, id)
			w.run(20*60 - 1)
			w.phase(id, Waiting)
			w.run(1)
			result := w.ended(id, rally.NoShow, rally.NoSide)
			if result.Ticks != 0 {
				t.Errorf("%d ticks were played", result.Ticks)
			}
		})
	}
}

func TestReadyTimeIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Rated, 11)
	if got := w.info(id).ReadyLeft; got != 20*time.Second {
		t.Errorf("%v left at first", got)
	}
	w.run(5 * 60)
	if got := w.info(id).ReadyLeft.Round(100 * time.Millisecond); got != 15*time.Second {
		t.Errorf("%v left after 5 s", got)
	}
}

func TestDropAndReturn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		drop  func(*world, *person) // how the left player goes
		ticks int                   // until it is noticed
	}{
		"connection closed": {func(_ *world, p *person) { p.close() }, 1},
		"connection silent": {func(w *world, p *person) { delete(w.people, p.user) }, 151},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id, left, right := w.begin(11)
			w.run(30)
			left.press(pong.Down)
			w.run(10)
			if f := right.last(); f.Dir[0] != pong.Down {
				t.Fatal("the left paddle does not move")
			}
			test.drop(w, left)
			w.runUntil("the drop is noticed", test.ticks, func() bool { return w.info(id).Phase == Paused })
			f := right.last()
			if f.Phase != pong.Paused || !f.Absent[0] || f.Absent[1] || f.Dir[0] != pong.Stay {
				t.Errorf("told: %+v", f)
			}
			if p := w.info(id).Players; p[0].Connected || !p[1].Connected || p[0].RTT >= 0 {
				t.Errorf("shown: %+v", p)
			}
			w.run(10 * 60)
			w.phase(id, Paused)
			if left := w.info(id).Players[0].PauseLeft; left < 19*time.Second || left > 20*time.Second {
				t.Errorf("after 10 s of pause %v are left", left)
			}
			if w.info(id).Players[1].PauseLeft != 30*time.Second {
				t.Error("the other one's pause ran as well")
			}
			before := right.last()
			w.join(1, id)
			w.run(1)
			w.phase(id, Countdown)
			w.run(180)
			w.phase(id, Playing)
			after := right.last()
			if before.BallX != after.BallX || before.BallY != after.BallY || before.Paddle != after.Paddle {
				t.Errorf("the court changed during the pause: %+v, %+v", before, after)
			}
			w.run(5)
			w.must(w.Resign(id, 2))
			w.ended(id, w.info(id).Outcome, w.info(id).Winner)
		})
	}
}

func TestSilentConnectionSpeaksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	delete(w.people, 1)
	w.runUntil("paused", 160, func() bool { return w.info(id).Phase == Paused })
	left.ping()
	w.run(1)
	w.phase(id, Countdown)
}

func TestPauseIsABudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.PauseTime = 4 * time.Second })
	id, left, _ := w.begin(11)
	for range 3 {
		left.close()
		w.run(61)
		w.phase(id, Paused)
		left = w.join(1, id)
		w.run(181)
		w.phase(id, Playing)
	}
	left.close()
	w.runUntil("the pause is used up", 62, func() bool { return w.info(id).Phase == Over })
	w.ended(id, rally.Forfeited, rally.Right)
}

func TestDropDuringCountdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Casual, 11)
	w.join(1, id)
	right := w.join(2, id)
	w.must(w.Ready(id, 1), w.Ready(id, 2))
	w.run(100)
	w.phase(id, Countdown)
	right.close()
	w.run(1)
	w.phase(id, Paused)
	w.join(2, id)
	w.run(1)
	w.phase(id, Countdown) // the whole of it, once more
	w.run(179)
	w.phase(id, Countdown)
	w.run(1)
	w.phase(id, Playing)
}

func TestDropWhileWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Rated, 11)
	left := w.join(1, id)
	w.must(w.Ready(id, 1), w.Ready(id, 2))
	left.close()
	w.join(2, id)
	w.run(60)
	w.phase(id, Waiting)
	w.join(1, id)
	w.run(1)
	w.phase(id, Countdown) // the press still counts
}

func TestForfeit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _, right := w.begin(11)
	right.close()
	w.run(30 * 60)
	w.phase(id, Paused)
	w.run(2)
	result := w.ended(id, rally.Forfeited, rally.Left)
	if after := w.info(id).After; after[0].Value <= 1500 || after[1].Value >= 1500 || result.Kind != rally.Rated {
		t.Errorf("a forfeit changes ratings; after: %v", after)
	}
}

func TestBothGone(t *testing.T) {
	t.Parallel()

	t.Run("for good", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, left, right := w.begin(11)
		left.close()
		w.run(10 * 60)
		right.close()
		w.run(25 * 60)
		w.phase(id, Paused) // the left pause is used up, the right one is not
		w.run(5*60 + 2)
		w.ended(id, rally.Abandoned, rally.NoSide)
		if after := w.info(id).After; !after[0].Zero() {
			t.Errorf("ratings after: %v", after)
		}
	})

	t.Run("the second comes back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, left, right := w.begin(11)
		left.close()
		w.run(10 * 60)
		right.close()
		w.run(25 * 60)
		w.join(2, id)
		w.run(1)
		w.ended(id, rally.Forfeited, rally.Right)
	})

	t.Run("both come back", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, left, right := w.begin(11)
		left.close()
		right.close()
		w.run(10 * 60)
		w.join(2, id)
		w.run(60)
		w.phase(id, Paused)
		w.join(1, id)
		w.run(181)
		w.phase(id, Playing)
	})
}

func TestResign(t *testing.T) {
	t.Parallel()

	t.Run("while waiting", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.create(rally.Rated, 11)
		w.must(w.Resign(id, 2))
		w.ended(id, rally.NoShow, rally.NoSide)
		if s := w.Stats(); s.Live != 0 || s.Finished != 1 {
			t.Errorf("stats: %+v", s)
		}
	})

	t.Run("once both were ready", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, _, _ := w.begin(11)
		w.must(w.Resign(id, 1))
		w.ended(id, rally.Forfeited, rally.Right)
	})

	t.Run("after the serve", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, _, right := w.begin(11)
		w.run(65)
		if !right.last().Live {
			t.Fatal("no ball was served")
		}
		w.must(w.Resign(id, 1))
		w.ended(id, rally.Forfeited, rally.Right)
	})

	t.Run("in a pause", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, left, _ := w.begin(11)
		w.run(65)
		left.close()
		w.run(10)
		w.phase(id, Paused)
		w.must(w.Resign(id, 2))
		w.ended(id, rally.Forfeited, rally.Left)
	})
}

func TestEndlessMatchIsAbandoned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.PlayTime = 5 * time.Second })
	id, _, _ := w.begin(99)
	w.runUntil("the match is over", 301, func() bool { return w.info(id).Phase == Over })
	if result := w.ended(id, rally.Abandoned, rally.NoSide); result.Ticks != 300 {
		t.Errorf("after %d ticks", result.Ticks)
	}
}

func TestCalendarJump(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, left, _ := w.begin(11)
	left.close()
	w.run(60)
	w.clock.jumpDate(-time.Hour)
	w.run(60)
	w.clock.jumpDate(3 * time.Hour)
	w.run(60)
	w.phase(id, Paused)
	if left := w.info(id).Players[0].PauseLeft; left < 26900*time.Millisecond || left > 27100*time.Millisecond {
		t.Errorf("after 3 s of pause %v are left", left)
	}
	w.join(1, id)
	w.run(181)
	w.phase(id, Playing)
}
