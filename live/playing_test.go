package live_test

import (
	"testing"
	"time"

	"rally"
	"rally/live"
)

// That a match has begun or is over is found out without being told: when a
// page is opened, and after a while.
func TestPlayingChangedIsLost(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.open(t, anna)
	w.settle(t)
	w.matches.set(berta, "m")
	b := w.open(t, berta)
	w.settle(t)
	w.forward(t, time.Second)
	if got := a.told(t); got[len(got)-1] != "en badge Berta playing m" {
		t.Errorf("told %q", got)
	}
	w.forward(t, time.Minute) // she plays on
	a.hears(t)

	w.matches.set(berta, "m2")
	w.forward(t, 10*time.Second)
	a.hears(t, "en badge Berta playing m2")
	w.matches.set(berta, "")
	w.forward(t, 10*time.Second)
	a.hears(t, "en badge Berta online")
	w.plays(berta, "m3") // and while it waits for her
	left := w.clock.Now()
	b.close(t)
	w.forward(t, 6*time.Second)
	a.hears(t, "en badge Berta playing m3", "en badge Berta reconnecting m3")
	w.matches.set(berta, "")
	w.forward(t, 10*time.Second)
	a.hears(t, "en badge Berta offline "+left.Format(time.TimeOnly))
}

// Who cannot be asked about holds up nothing else, and an answer that is no
// longer true does not stay.
func TestPlayingIsSlow(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan rally.MatchID)
	w := newTown(t, func(c *live.Config) {
		playing := c.Playing
		c.Playing = func(user rally.UserID) rally.MatchID {
			if user == dora {
				asked <- struct{}{}
				return <-answer
			}
			return playing(user)
		}
	})
	w.hub.PlayingChanged(dora)
	within(t, asked)
	a := w.open(t, anna)
	until(t, "Anna is greeted", func() bool { return w.painter.lists.Load() == 1 })
	w.open(t, berta)
	until(t, "Anna is told", func() bool { return w.painter.badges.Load() == 1 })
	w.hub.PlayingChanged(dora)
	w.hub.PlayingChanged(dora)
	answer <- "m"
	within(t, asked)
	answer <- ""
	a.hears(t, "en online", "en badge Berta online")
	if people, _, _ := w.hub.Crowd(); people != 2 {
		t.Errorf("%d people are known of, want 2", people)
	}
}
