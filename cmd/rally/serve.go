package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"rally"
	"rally/auth"
	"rally/bus"
	"rally/handlers"
	"rally/live"
	"rally/mail"
	"rally/match"
	"rally/static"
	"rally/store"
	"rally/views"
)

// choreEvery is how often certificates are looked at and what has had its time
// is cleared away.
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
	fmt.Fprint(out, h.greeting())

	select {
	case <-ctx.Done():
		h.log.Info("stopping", "cause", context.Cause(ctx))
		h.site.Drain()
		return nil
	case err := <-h.failed:
		return err
	}
}

// greeting says where to go.
func (h *house) greeting() string {
	text := fmt.Sprintf("Rally is ready at %s\n", h.base)
	if h.mailbox != nil {
		text += fmt.Sprintf("Letters are kept at %s/dev/mail\n", h.base)
	}
	return text
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
	node       string // the name of this process among the nodes
	registry   games
	hub        *live.Hub
	matchmaker *match.Matchmaker
	tokens     *auth.Tokens
	mailer     handlers.Mailer  // nil: no letters
	mailbox    handlers.Mailbox // nil: letters go out, or there are none
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
	if h.bus, err = bus.New(bus.Config{URL: h.NATSURL, Dir: filepath.Join(h.Data, "bus"), Log: h.log}); err != nil {
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
	h.node = rand.Text()
	places := h.store.Places(h.node)
	if h.NATSURL == "" { // nodes need a bus outside of them, so there is no other
		if err := places.Alone(ctx); err != nil {
			return fmt.Errorf("taking over from who was here before: %w", err)
		}
	}
	files := static.New(h.Dev)
	pages, err := views.New(views.Config{Asset: files.URL})
	if err != nil {
		return fmt.Errorf("loading the pages: %w", err)
	}
	if err := h.openMatches(places, pages); err != nil {
		return err
	}
	if err := h.openSite(files, pages); err != nil {
		return err
	}
	if err := h.openJobs(ctx); err != nil {
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

// openMatches starts the loops that play, the hub that knows who is here, and
// the queue that pairs.
func (h *house) openMatches(places live.Places, pages *views.Views) error {
	clock := match.NewClock()
	others, err := openNodes(h.bus, h.node, h.log)
	if err != nil {
		return err
	}
	h.closing.add("nodes", 0, func(context.Context) error { others.close(); return nil })
	if err := h.openGames(clock); err != nil {
		return err
	}
	h.hub = live.NewHub(live.Config{
		Origins: h.origins(), Log: h.log,
		Check: h.store.Sessions().Standing, Places: places,
		Painter: handlers.NewPainter(pages), Friends: h.store.FriendIDs, SetSeen: h.store.SetSeen,
		Playing: handlers.Playing(h.registry), Nodes: others,
	})
	h.closing.add("sockets", 1500*time.Millisecond, func(ctx context.Context) error { h.hub.Shutdown(ctx); return nil })
	return h.openMatchmaker(clock)
}

// openSite makes what answers requests, and has it told what happens.
func (h *house) openSite(files *static.Files, pages *views.Views) (err error) {
	if h.tokens, err = loadTokens(h.settings); err != nil {
		return err
	}
	sealer, err := loadSealer(h.settings)
	if err != nil {
		return err
	}
	oauth, err := auth.NewOAuth(auth.OAuthConfig{Providers: h.providers, BaseURL: h.base, Sealer: sealer})
	if err != nil {
		return fmt.Errorf("setting up other accounts to sign in with: %w", err)
	}
	if h.mailer, h.mailbox, err = openMail(h.settings); err != nil {
		return err
	}
	h.site, err = handlers.New(handlers.Config{
		BaseURL: h.base, TrustedProxies: h.proxies, Points: h.Points, Dev: h.Dev,
		Views: pages, Static: files,
		Users: h.store, Sessions: h.store.Sessions(), Results: h.store,
		People: h.store, Ranking: h.store, Challenges: h.store, Notices: h.store, Messages: h.store,
		Passwords: auth.NewPasswords(h.hashing), Tokens: h.tokens,
		Registry: h.registry, Matchmaker: h.matchmaker, Hub: h.hub,
		OAuth: oauth, Sealer: sealer, Throttles: auth.NewThrottles(h.store),
		Identities: h.store, Factors: h.store, Links: h.store, SecurityLog: h.store,
		Letters: h.store, Mailer: h.mailer, Mailbox: h.mailbox,
		Ready: func(ctx context.Context) error { return errors.Join(h.store.Ready(ctx), h.bus.Ready()) },
		Log:   h.log,
	})
	if err != nil {
		return fmt.Errorf("making the site: %w", err)
	}
	for _, listen := range h.site.Listeners() {
		stop, err := h.bus.Subscribe(listen)
		if err != nil {
			return fmt.Errorf("listening to the bus: %w", err)
		}
		h.closing.add("subscription", 0, func(context.Context) error { stop(); return nil })
	}
	return nil
}

// openJobs starts what is done beside requests: letters.
func (h *house) openJobs(ctx context.Context) error {
	stop, err := h.store.StartJobs(ctx, store.JobsConfig{Letter: h.sendLetter})
	if err != nil {
		return fmt.Errorf("starting the jobs: %w", err)
	}
	h.closing.add("jobs", 1500*time.Millisecond, stop)
	return nil
}

// sendLetter writes a letter and sends it. One that will never be taken counts
// as done.
func (h *house) sendLetter(ctx context.Context, l rally.Letter) error {
	err := h.site.WriteLetter(ctx, l)
	if errors.Is(err, mail.ErrRefused) {
		h.log.Warn("a letter was refused for good", "letter", l.Kind, "user", l.User, "error", err)
		return nil
	}
	return err
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
	var chores sync.WaitGroup
	chores.Go(func() { h.chores(ctx) })
	chores.Go(func() { followKeys(ctx, h.tokens, keysFile(h.settings), h.log) })
	h.closing.add("chores", 0, func(context.Context) error { cancel(); chores.Wait(); return nil })
}
