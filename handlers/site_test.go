package handlers_test

import (
	"bytes"
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

	checkEvery time.Duration // of the hub; 0: as usual
	clock      *clock
	log        *logLines
}

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
	publish := events.Publish
	s.store = storetest.New(t, func(c *store.Config) { c.Publish, c.Now = publish, s.clock.Now })
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
		Loops: 1, Keep: s.store.KeepMatch, Publish: publish, Countdown: 100 * time.Millisecond,
	})
	s.registry.Start()
	s.hub = live.NewHub(live.Config{
		Log: logger, Check: s.sessions.Standing, CheckEvery: s.checkEvery,
		Places:  s.store.Places("node-" + rand.Text()),
		Painter: handlers.NewPainter(pages), Friends: s.store.FriendIDs, SetSeen: s.store.SetSeen,
		Playing: handlers.Playing(s.registry),
	})
	s.queue = match.NewMatchmaker(match.MatchmakerConfig{
		Create: s.registry.Create, Playing: s.registry.Playing, Present: s.hub.Online, Blocks: s.store.BlocksAmong,
		Points: 1, Publish: publish, Log: logger,
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
	s.Config.Handler = s.handlers.Handler()
	s.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelError)
	s.StartTLS()

	stop, err := events.Subscribe(s.handlers.OnEvent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
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

// clock is the site's idea of the time, which a test may move.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

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
	deadline := time.NewTimer(10 * time.Second)
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
