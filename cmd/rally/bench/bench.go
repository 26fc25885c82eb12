// Package bench plays many matches at once against a running server, over real
// HTTP and real sockets, and reports what that cost and how fast it was.
package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"rally"
)

// Accounts makes the players. They are written straight into the database: to
// sign up two thousand people properly takes minutes of password hashing, and
// would measure that.
type Accounts interface {
	// Open makes n signed-in accounts.
	Open(ctx context.Context, n int) ([]Account, error)
	// Close deletes them, with the matches they played.
	Close(ctx context.Context) error
}

// Account is a signed-in player.
type Account struct {
	User   rally.UserID
	Cookie string // the whole Cookie header
}

// Config says what to do. All fields are needed except TLS, Metrics and
// Progress.
type Config struct {
	Base     *url.URL    // the site's own address, for the Origin header
	Addr     string      // where to reach it, host:port; on this machine
	TLS      *tls.Config // nil: plain HTTP
	Metrics  string      // host:port of the server's metrics; "": unknown
	Matches  int         // at once
	Rate     int         // direction changes a second and player, 1 to 30
	Duration time.Duration
	Accounts Accounts
	Progress io.Writer // a line while it runs; nil: none
}

// How long the stages may take.
const (
	warmUp      = 3 * time.Second // after the last match has begun
	gatherLimit = 2 * time.Minute // for everybody to be on court
	cleanLimit  = 30 * time.Second
)

// Run plays cfg.Matches matches for cfg.Duration and cleans up after itself,
// also when ctx ends early.
func Run(ctx context.Context, cfg Config) (report Report, err error) {
	if err := needFiles(2*cfg.Matches + 200); err != nil {
		return report, err
	}
	progress := newProgress(cfg.Progress)
	defer progress.done()
	site, err := newSite(cfg)
	if err != nil {
		return report, err
	}
	defer site.close()
	before, err := site.sample(ctx, true)
	if err != nil {
		return report, err
	}

	progress.say("making %d accounts", 2*cfg.Matches)
	accounts, err := cfg.Accounts.Open(ctx, 2*cfg.Matches)
	defer func() {
		progress.say("deleting the accounts")
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
		defer cancel()
		err = errors.Join(err, cfg.Accounts.Close(clean))
	}()
	if err != nil {
		return report, err
	}

	h := newHall(site, accounts)
	defer func() {
		progress.say("leaving the courts")
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
		defer cancel()
		err = errors.Join(err, h.leave(clean))
		progress.say("waiting for the results to be stored")
		err = errors.Join(err, site.settled(clean))
	}()
	if err := h.connect(ctx, progress); err != nil {
		return report, err
	}
	idle, err := site.sample(ctx, true)
	if err != nil {
		return report, err
	}
	if err := h.gather(ctx, progress, cfg.Rate); err != nil {
		return report, err
	}
	if err := wait(ctx, warmUp); err != nil {
		return report, err
	}
	playing, err := site.sample(ctx, true)
	if err != nil {
		return report, err
	}
	// What the collection of garbage has just cost is not part of the game.
	if err := wait(ctx, time.Second); err != nil {
		return report, err
	}
	m, err := measure(ctx, cfg, h, site, progress)
	if err != nil {
		return report, err
	}
	return m.report(cfg, before, idle, playing), nil
}

// wait lets time pass, unless ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("stopped early: %w", context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}
