package handlers_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
	"rally/auth"
	"rally/auth/oidctest"
	"rally/bus"
	"rally/handlers"
	"rally/live"
	"rally/mail"
	"rally/match"
	"rally/static"
	"rally/store"
	"rally/store/storetest"
	"rally/views"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// The cookies as the outside knows them.
const (
	sessionCookie = "__Host-rally_session"
	tokenCookie   = "__Host-rally_token"
	localeCookie  = "__Host-rally_locale"
	themeCookie   = "__Host-rally_theme"
)

// password is everybody's in these tests.
const password = "correct horse battery"

// site is a whole Rally behind TLS: the real store, registry, matchmaker and
// hub, with events going round over the real bus.
type site struct {
	*httptest.Server
	handlers  *handlers.Server
	store     *store.Store
	sessions  *store.SessionStore
	passwords *auth.Passwords
	keys      auth.Keys
	keyFile   string
	registry  *match.Registry
	queue     *match.Matchmaker
	hub       *live.Hub
	sealer    *auth.Sealer
	mail      *mail.Box
	letters   *letters
	provider  *oidctest.Provider // "oidc" at sign-in; nil unless a test asks for one

	checkEvery time.Duration // of the hub; 0: so rarely that no test sees it
	clock      *clock
	log        *logLines
	handshakes sync.Map // those under way: a chan struct{} by its mark

	publish   func(rally.Event)
	published atomic.Int64
	handled   []atomic.Int64 // by each listener
}

// patience is how long tests wait for what must come. Only what hangs takes that
// long, also on a machine with much else to do.
const patience = time.Minute

// newSite starts one for a test. Each change may alter the configuration.
func newSite(t *testing.T, changes ...func(*handlers.Config)) *site {
	t.Helper()
	return newSiteWith(t, nil, changes...)
}

// newSiteWith is newSite with a part that there is usually not.
func newSiteWith(t *testing.T, part func(*site), changes ...func(*handlers.Config)) *site {
	t.Helper()
	s := &site{log: &logLines{}, mail: mail.NewBox(100), letters: &letters{t: t}, clock: &clock{}}
	if part != nil {
		part(s)
	}
	logger := slog.New(slog.NewJSONHandler(s.log, nil))

	events, err := bus.New(bus.Config{Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	s.publish = func(e rally.Event) {
		s.published.Add(1)
		events.Publish(e)
	}
	s.store = storetest.New(t, func(c *store.Config) { c.Publish, c.Now = s.publish, s.clock.Now })
	s.sessions = s.store.Sessions()

	s.keyFile = filepath.Join(t.TempDir(), "keys.json")
	if s.keys, err = auth.LoadKeys(s.keyFile, time.Now()); err != nil {
		t.Fatal(err)
	}
	s.passwords = auth.NewPasswords(auth.PasswordConfig{Memory: 64, Iterations: 1})
	if s.sealer, err = auth.NewSealer(bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	files := static.New(false)
	pages, err := views.New(views.Config{Asset: files.URL})
	if err != nil {
		t.Fatal(err)
	}
	s.registry = match.NewRegistry(match.Config{
		Loops: 1, Keep: s.store.KeepMatch, Publish: s.publish, Countdown: time.Second,
		ReadyTime: time.Hour, Silence: time.Hour, // what a test forgets to do ends no match
	})
	s.registry.Start()
	s.hub = live.NewHub(live.Config{
		Log: logger, Check: s.sessions.Standing, CheckEvery: cmp.Or(s.checkEvery, time.Hour),
		Places:  s.store.Places("node-" + rand.Text()),
		Painter: handlers.NewPainter(pages), Friends: s.store.FriendIDs, SetSeen: s.store.SetSeen,
		Playing: handlers.Playing(s.registry),
	})
	s.queue = match.NewMatchmaker(match.MatchmakerConfig{
		Create: s.registry.Create, Playing: s.registry.Playing, Present: s.hub.Online, Blocks: s.store.BlocksAmong,
		Points: 1, Publish: s.publish, Log: logger,
	})
	s.queue.Start()

	s.Server = httptest.NewUnstartedServer(nil)
	config := handlers.Config{
		BaseURL: &url.URL{Scheme: "https", Host: s.Listener.Addr().String()}, Points: 1,
		Views: pages, Static: files,
		Users: s.store, Sessions: s.sessions, Results: s.store,
		People: s.store, Ranking: s.store, Challenges: s.store, Notices: s.store, Messages: s.store,
		Passwords: s.passwords, Tokens: s.tokens(t, 0),
		Registry: s.registry, Matchmaker: s.queue, Hub: s.hub,
		Ready: s.store.Ready, Log: logger, Now: s.clock.Now,
		Sealer: s.sealer, Throttles: auth.NewThrottles(s.store), Identities: s.store, Factors: s.store,
		Links: s.store, SecurityLog: s.store, Letters: s.letters, Mailer: s.mail,
	}
	config.OAuth = s.oauth(t, config.BaseURL)
	for _, change := range changes {
		change(&config)
	}
	if s.handlers, err = handlers.New(config); err != nil {
		t.Fatal(err)
	}
	s.letters.write = s.handlers.WriteLetter
	s.Config.Handler = s.tellingHandshakes(s.handlers.Handler())
	s.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelError)
	s.StartTLS()

	stop := s.listen(t, events)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.queue.Stop()
		s.hub.Shutdown(ctx)
		if err := s.registry.Stop(ctx); err != nil {
			t.Error(err)
		}
		s.Close()
		stop()
		events.Close()
		if t.Failed() {
			t.Log(s.log.text())
		}
	})
	return s
}

// tokens gives a signer with the site's keys whose clock is off by shift.
func (s *site) tokens(t *testing.T, shift time.Duration) *auth.Tokens {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokenConfig{
		Keys: s.keys, Now: func() time.Time { return s.clock.Now().Add(shift) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// oauth knows the site's provider, if it has one.
func (s *site) oauth(t *testing.T, base *url.URL) *auth.OAuth {
	t.Helper()
	config := auth.OAuthConfig{BaseURL: base, Sealer: s.sealer, Now: s.clock.Now, Timeout: 2 * time.Second}
	if s.provider != nil {
		config.Providers = []auth.ProviderConfig{{
			Name: "oidc", Label: "School", Issuer: s.provider.URL(), ClientID: s.provider.ClientID(), ClientSecret: s.provider.ClientSecret(),
		}}
	}
	providers, err := auth.NewOAuth(config)
	if err != nil {
		t.Fatal(err)
	}
	return providers
}

// listen has the site told of events.
func (s *site) listen(t *testing.T, events *bus.Bus) (stop func()) {
	t.Helper()
	listeners := s.handlers.Listeners()
	s.handled = make([]atomic.Int64, len(listeners))
	stops := make([]func(), len(listeners))
	for i, handle := range listeners {
		var err error
		if stops[i], err = events.Subscribe(func(e rally.Event) {
			defer s.handled[i].Add(1)
			handle(e)
		}); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

// settled waits until all that has been published so far was handled. What a
// request does is published when it is answered.
func (s *site) settled(t *testing.T) {
	t.Helper()
	published := s.published.Load()
	until(t, "the events to be handled", func() bool {
		for i := range s.handled {
			if s.handled[i].Load() < published {
				return false
			}
		}
		return true
	})
}

// clock is the site's idea of the time, which a test may move, or stop.
type clock struct {
	ahead atomic.Int64
	stood atomic.Pointer[time.Time] // since when; nil: it goes
}

func (c *clock) Now() time.Time {
	now := time.Now()
	if stood := c.stood.Load(); stood != nil {
		now = *stood
	}
	return now.Add(time.Duration(c.ahead.Load()))
}

func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// stop has the time stand still, at a full second, except for forward.
func (c *clock) stop() {
	now := time.Now().Truncate(time.Second)
	c.stood.Store(&now)
}

// logLines collects what is logged.
type logLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// with gives the lines whose message is msg and whose fields include these.
func (l *logLines) with(msg string, fields map[string]any) []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []map[string]any
	for line := range bytes.Lines(l.buf.Bytes()) {
		var entry map[string]any
		if json.Unmarshal(line, &entry) != nil || entry["msg"] != msg {
			continue
		}
		all := true
		for name, want := range fields {
			all = all && entry[name] == want
		}
		if all {
			found = append(found, entry)
		}
	}
	return found
}

// text gives everything that was logged.
func (l *logLines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// until waits for a condition that something else brings about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
