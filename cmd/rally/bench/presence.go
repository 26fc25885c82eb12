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

// Friends makes accounts that know each other.
type Friends interface {
	Accounts
	// Befriend makes friends of each of these pairs.
	Befriend(ctx context.Context, pairs [][2]rally.UserID) error
}

// PresenceConfig says what RunPresence does. All fields are needed except
// Elsewhere, TLS, Metrics and Progress.
type PresenceConfig struct {
	Base *url.URL // the site's own address, for the Origin header
	Addr string   // where to reach it, host:port; on this machine
	// Elsewhere is where to reach the node of the same site on which people come
	// and go, on this machine; "": the one on which the others look on.
	Elsewhere string
	TLS       *tls.Config // nil: plain HTTP
	Metrics   string      // host:port of the server's metrics; "": unknown
	Sockets   int         // that stay open and look on
	Friends   int         // of everybody, an even number
	Changes   int         // a second, of all together
	Duration  time.Duration
	Accounts  Friends
	Progress  io.Writer // a line while it runs; nil: none
}

// How somebody comes and goes. offlineAfter is the site's own: how long
// somebody without a socket still counts as being there.
const (
	offlineAfter = 5 * time.Second
	stay         = time.Second     // with a socket
	absence      = time.Second     // after having gone offline, at least
	arrival      = 2 * time.Second // what a badge may take before it counts as missed
	coming       = stay + offlineAfter + absence
	strangersPer = 50 // sockets to one of somebody without friends
	settling     = time.Second
)

// RunPresence has many sockets look on while friends of theirs come and go,
// and cleans up after itself, also when ctx ends early.
//
// Somebody comes by opening a socket and goes by closing it, which their
// friends are to see once they have been away for as long as the site waits;
// so of cfg.Changes half are somebody coming and half somebody going.
func RunPresence(ctx context.Context, cfg PresenceConfig) (report PresenceReport, err error) {
	visitors := cfg.Changes*int(coming/time.Second)/2 + 1
	strangers := max(cfg.Sockets/strangersPer, 1)
	who, err := newCircle(cfg.Sockets+visitors, cfg.Friends)
	if err != nil {
		return report, err
	}
	if err := needFiles(cfg.Sockets + visitors + strangers + 200); err != nil {
		return report, err
	}
	progress := newProgress(cfg.Progress)
	defer progress.done()
	site, err := newSite(Config{Base: cfg.Base, Addr: cfg.Addr, TLS: cfg.TLS, Metrics: cfg.Metrics})
	if err != nil {
		return report, err
	}
	defer site.close()
	door := site
	if cfg.Elsewhere != "" {
		if door, err = newSite(Config{Base: cfg.Base, Addr: cfg.Elsewhere, TLS: cfg.TLS}); err != nil {
			return report, err
		}
		defer door.close()
	}

	progress.say("making %d accounts with %d friends each", who.people+strangers, cfg.Friends)
	accounts, err := cfg.Accounts.Open(ctx, who.people+strangers)
	defer func() {
		progress.say("deleting the accounts")
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
		defer cancel()
		err = errors.Join(err, cfg.Accounts.Close(clean))
	}()
	if err != nil {
		return report, err
	}
	if err := cfg.Accounts.Befriend(ctx, pairsOf(who, accounts)); err != nil {
		return report, err
	}

	s := newSquare(site, who, accounts, visitors)
	s.door = door
	defer func() {
		progress.say("closing the sockets")
		err = errors.Join(err, s.leave())
		// Only then is it written down when they were last there.
		progress.say("waiting until they count as gone")
		err = errors.Join(err, wait(context.WithoutCancel(ctx), offlineAfter+arrival))
	}()
	return s.run(ctx, cfg, progress)
}

// pairsOf gives the friendships of a circle.
func pairsOf(who circle, accounts []Account) [][2]rally.UserID {
	pairs := who.pairs()
	users := make([][2]rally.UserID, len(pairs))
	for i, pair := range pairs {
		users[i] = [2]rally.UserID{accounts[pair[0]].User, accounts[pair[1]].User}
	}
	return users
}

// run connects everybody, lets visitors come and go, and measures.
func (s *square) run(ctx context.Context, cfg PresenceConfig, progress *progress) (report PresenceReport, err error) {
	before, err := s.site.sample(ctx, true)
	if err != nil {
		return report, err
	}
	begun := time.Now()
	if err := s.connect(ctx, progress); err != nil {
		return report, err
	}
	opened := time.Since(begun)
	if err := s.quiet(ctx); err != nil {
		return report, err
	}
	idle, err := s.site.sample(ctx, true)
	if err != nil {
		return report, err
	}
	entered := s.traffic()

	progress.say("waiting until as many come as go")
	stop := s.pace(ctx, cfg.Changes)
	defer stop()
	if err := wait(ctx, coming+settling); err != nil {
		return report, err
	}
	m, err := s.measure(ctx, cfg, progress)
	if err != nil {
		return report, err
	}
	// Those who have gone are seen to be gone only now.
	progress.say("waiting for the last badges")
	if err := wait(ctx, stay+offlineAfter+arrival); err != nil {
		return report, err
	}
	stop()
	m.before, m.idle, m.opened, m.entered = before, idle, opened, entered
	return s.report(cfg, m), s.trouble()
}

// quiet waits until nothing has come for a while: until everybody's pages show
// who is there.
func (s *square) quiet(ctx context.Context) error {
	last := s.traffic()
	for range int(gatherLimit / settling) {
		if err := wait(ctx, settling); err != nil {
			return err
		}
		now := s.traffic()
		if now == last {
			return nil
		}
		last = now
	}
	return fmt.Errorf("fragments still come %s after the last socket has been opened", gatherLimit)
}
