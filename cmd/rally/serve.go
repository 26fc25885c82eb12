package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"rally/auth"
	"rally/bus"
	"rally/handlers"
	"rally/live"
	"rally/match"
	"rally/static"
	"rally/store"
	"rally/views"
)

// choreEvery is how often certificates are looked at and dead sessions cleared
// away.
const choreEvery = time.Hour

// run serves until ctx ends or something that Rally cannot do without fails,
// and then stops everything. It says on out where the site is once it can be
// used; everything else is logged to logs.
func run(ctx context.Context, cfg config, out, logs io.Writer) (err error) {
	s, err := cfg.settle()
	if err != nil {
		return err
	}
	h := &house{settings: s, log: newLog(logs, s.level, s.Dev)}
	begun := time.Now()
	defer func() { err = errors.Join(err, h.closing.run(ctx, h.log)) }()
	if err := h.build(ctx); err != nil {
		if ctx.Err() != nil { // told to stop before it was ready
			h.log.Info("stopping", "cause", context.Cause(ctx))
			return nil
		}
		return err
	}
	h.log.Info("serving", "url", h.base.String(), "version", versionText(), "tls", h.TLS,
		"addresses", h.listeners, "ms", time.Since(begun).Milliseconds())
	fmt.Fprintf(out, "Rally is ready at %s\n", h.base)

	select {
	case <-ctx.Done():
		h.log.Info("stopping", "cause", context.Cause(ctx))
		h.site.Drain()
		return nil
	case err := <-h.failed:
		return err
	}
}

// house is a running Rally: every room, and the order in which they close.
type house struct {
	settings
	log     *slog.Logger
	closing closers
	failed  chan error // what a listener could not survive

	listeners  *listeners
	certs      *certificates // nil without TLS
	bus        *bus.Bus
	store      *store.Store
	registry   *match.Registry
	hub        *live.Hub
	matchmaker *match.Matchmaker
	site       *handlers.Server
}

// build opens everything, from the ground up. What was opened before an error
// is closed by h.closing.
func (h *house) build(ctx context.Context) (err error) {
	h.failed = make(chan error, 3)
	// The ports first: that they are taken is the likeliest mistake, and
	// nothing else should have been touched then.
	if h.listeners, err = listen(ctx, h.settings); err != nil {
		return err
	}
	h.closing.add("listeners", 0, func(context.Context) error { return h.listeners.close() })
	h.settings = h.at(h.listeners.site.Addr())

	if err := makeDataFolder(h.Data); err != nil {
		return err
	}
	if h.TLS != tlsOff {
		if h.certs, err = newCertificates(h.settings); err != nil {
			return err
		}
	}
	databaseURL, err := h.openDatabase(ctx)
	if err != nil {
		return err
	}
	if h.bus, err = bus.New(bus.Config{URL: h.NATSURL, Log: h.log}); err != nil {
		return fmt.Errorf("starting the bus: %w", err)
	}
	h.closing.add("bus", 0, func(context.Context) error { h.bus.Close(); return nil })
	if h.store, err = store.Open(ctx, store.Config{
		URL: databaseURL, Publish: h.bus.Publish, Log: h.log, Address: handlers.AddressReader(h.proxies),
	}); err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	h.closing.add("store", 0, func(context.Context) error { h.store.Close(); return nil })
	if err := h.store.Migrate(ctx); err != nil {
		return fmt.Errorf("bringing the database up to date: %w", err)
	}
	h.openMatches()
	if err := h.openSite(); err != nil {
		return err
	}
	h.serve(ctx)
	return nil
}

// openDatabase gives the address of the database: the one that was set, or
// that of a private cluster, which it starts.
func (h *house) openDatabase(ctx context.Context) (url string, err error) {
	if h.DatabaseURL != "" {
		return h.DatabaseURL, nil
	}
	cluster, err := startCluster(ctx, h.settings, h.log)
	if err != nil {
		return "", err
	}
	h.closing.add("database", 2500*time.Millisecond, cluster.Stop)
	if err := cluster.EnsureDatabase(ctx, databaseName); err != nil {
		return "", fmt.Errorf("making the database: %w", err)
	}
	return cluster.URL(databaseName), nil
}

// openMatches starts the loops that play and the queue that pairs.
func (h *house) openMatches() {
	clock := match.NewClock()
	h.registry = match.NewRegistry(match.Config{
		Log: h.log, Clock: clock, Keep: h.store.KeepMatch, Publish: h.bus.Publish,
	})
	h.registry.Start()
	h.closing.add("matches", 2500*time.Millisecond, h.registry.Stop)
	h.hub = live.NewHub(live.Config{
		Origins: h.origins(), Log: h.log, Check: h.store.Sessions().Alive,
	})
	h.closing.add("sockets", 1500*time.Millisecond, func(ctx context.Context) error { h.hub.Shutdown(ctx); return nil })
	h.matchmaker = match.NewMatchmaker(match.MatchmakerConfig{
		Create: h.registry.Create, Playing: h.registry.Playing, Present: h.hub.Online, Publish: h.bus.Publish,
		Points: h.Points, Clock: clock, Log: h.log,
	})
	h.matchmaker.Start()
	h.closing.add("matchmaker", 0, func(context.Context) error { h.matchmaker.Stop(); return nil })
}

// openSite makes what answers requests, and has it told what happens.
func (h *house) openSite() error {
	tokens, err := loadTokens(h.settings)
	if err != nil {
		return err
	}
	files := static.New(h.Dev)
	pages, err := views.New(views.Config{Asset: files.URL})
	if err != nil {
		return fmt.Errorf("loading the pages: %w", err)
	}
	h.site, err = handlers.New(handlers.Config{
		BaseURL: h.base, TrustedProxies: h.proxies, Points: h.Points, Dev: h.Dev,
		Views: pages, Static: files,
		Users: h.store, Sessions: h.store.Sessions(), Results: h.store,
		Passwords: auth.NewPasswords(auth.PasswordConfig{}), Tokens: tokens,
		Registry: h.registry, Matchmaker: h.matchmaker, Hub: h.hub,
		Ready: func(ctx context.Context) error { return errors.Join(h.store.Ready(ctx), h.bus.Ready()) },
		Log:   h.log,
	})
	if err != nil {
		return fmt.Errorf("making the site: %w", err)
	}
	stop, err := h.bus.Subscribe(h.site.OnEvent)
	if err != nil {
		return fmt.Errorf("listening to the bus: %w", err)
	}
	h.closing.add("subscription", 0, func(context.Context) error { stop(); return nil })
	return nil
}

// serve starts answering, and the chores that go on meanwhile.
func (h *house) serve(ctx context.Context) {
	metrics := newRoomMetrics(h.registry.Stats, h.hub.Stats, h.bus.Stats, h.matchmaker.Len)
	h.listeners.serve(h.log, h.failed, h.site.Handler(), redirectTo(h.base), operations(metrics), h.certs)
	h.closing.add("requests", 1500*time.Millisecond, func(ctx context.Context) error {
		// Those on a socket need not wait for somebody else's slow page.
		var sockets sync.WaitGroup
		sockets.Go(func() { h.hub.Shutdown(ctx) })
		h.listeners.shutdown(ctx)
		sockets.Wait()
		return nil
	})

	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.chores(ctx)
	}()
	h.closing.add("chores", 0, func(context.Context) error { cancel(); <-done; return nil })
}

// chores does what has to be done now and then, until ctx ends.
func (h *house) chores(ctx context.Context) {
	ticker := time.NewTicker(choreEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if h.certs != nil {
				if err := h.certs.refresh(now); err != nil {
					h.log.Error("certificate not renewed", "error", err)
				}
			}
			if _, err := h.store.Sessions().PurgeSessions(ctx); err != nil && ctx.Err() == nil {
				h.log.Warn("dead sessions not cleared away", "error", err)
			}
		}
	}
}
