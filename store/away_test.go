package store_test

import (
	"context"
	"net"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// wire stands between a Store and its database, and can be cut or clogged.
type wire struct {
	listener net.Listener
	server   string // its socket
	url      string // of the database, through here
	wg       sync.WaitGroup

	mu    sync.Mutex
	open  chan struct{} // closed while bytes pass
	conns map[net.Conn]bool
}

// newWire lays a wire to a fresh database.
func newWire(t *testing.T) *wire {
	t.Helper()
	u, err := url.Parse(storetest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	const socket = ".s.PGSQL.5432"
	q := u.Query()
	w := &wire{
		server: filepath.Join(q.Get("host"), socket), open: make(chan struct{}), conns: make(map[net.Conn]bool),
	}
	close(w.open)
	dir := clusterDir(t)
	if w.listener, err = net.Listen("unix", filepath.Join(dir, socket)); err != nil {
		t.Fatal(err)
	}
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	w.url = u.String()
	w.wg.Go(func() {
		for {
			c, err := w.listener.Accept()
			if err != nil {
				return
			}
			w.wg.Go(func() { w.join(c) })
		}
	})
	t.Cleanup(func() {
		w.unclog()
		_ = w.listener.Close()
		w.cut()
		w.wg.Wait()
	})
	return w
}

// join passes bytes between a client and the server.
func (w *wire) join(client net.Conn) {
	defer func() { _ = client.Close() }()
	w.pass()
	server, err := net.Dial("unix", w.server)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	w.mu.Lock()
	w.conns[client], w.conns[server] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.copy(server, client) })
	both.Go(func() { w.copy(client, server) })
	both.Wait()
	w.mu.Lock()
	delete(w.conns, client)
	delete(w.conns, server)
	w.mu.Unlock()
}

// copy passes bytes one way, while they may pass.
func (w *wire) copy(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		w.pass()
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass waits until bytes may pass.
func (w *wire) pass() {
	w.mu.Lock()
	open := w.open
	w.mu.Unlock()
	<-open
}

// clog holds every byte back, as a network does that loses them all.
func (w *wire) clog() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = make(chan struct{})
}

// unclog lets them pass again.
func (w *wire) unclog() {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.open:
	default:
		close(w.open)
	}
}

// cut breaks every connection there is.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		_ = c.Close()
	}
}

// methods are calls that reach the database, one of every sort.
func methods(t *testing.T, s *store.Store, m rally.Match, cookie string) map[string]func(context.Context) error {
	t.Helper()
	id, places := rally.SessionID(cookie[:22]), s.Places("node")
	return map[string]func(context.Context) error{
		"Ready":    s.Ready,
		"FindUser": func(ctx context.Context) error { _, err := s.FindUser(ctx, m.Players[0].User); return err },
		"CreateUser": func(ctx context.Context) error {
			_, err := s.CreateUser(ctx, rally.NewUser{Name: "Carla", Email: "carla@example.com"})
			if rally.ErrorCode(err) == rally.EConflict { // she was made the last time
				err = nil
			}
			return err
		},
		"FindIdentity": func(ctx context.Context) error {
			_, err := s.FindIdentity(ctx, "https://github.com", "1")
			if rally.ErrorCode(err) == rally.ENotFound {
				err = nil
			}
			return err
		},
		"SpendStep": func(ctx context.Context) error { _, err := s.SpendStep(ctx, m.Players[0].User, 1); return err },
		"NewLink": func(ctx context.Context) error {
			_, err := s.NewLink(ctx, m.Players[0].User, rally.LinkReset, "a@example.com")
			return err
		},
		"RecordSecurity": func(ctx context.Context) error {
			return s.RecordSecurity(ctx, rally.SecurityEvent{User: m.Players[0].User})
		},
		"PurgeSecurity": func(ctx context.Context) error { _, err := s.PurgeSecurity(ctx); return err },
		"SetAvatar":     func(ctx context.Context) error { _, err := s.SetAvatar(ctx, m.Players[0].User, nil); return err },
		"Export":        func(ctx context.Context) error { _, err := s.Export(ctx, m.Players[0].User); return err },
		"QueueLetter":   func(ctx context.Context) error { return s.QueueLetter(ctx, letter(1)) },
		"KeepMatch":     func(ctx context.Context) error { return s.KeepMatch(ctx, m) },
		"FindMatch": func(ctx context.Context) error {
			_, err := s.FindMatch(ctx, m.ID)
			if rally.ErrorCode(err) == rally.ENotFound {
				err = nil
			}
			return err
		},
		"ListMatches": func(ctx context.Context) error {
			_, _, err := s.ListMatches(ctx, m.Players[0].User, "", 10)
			return err
		},
		"Ask": func(ctx context.Context) error {
			_, err := s.Ask(ctx, m.Players[0].User, m.Players[1].User)
			return err
		},
		"FriendIDs": func(ctx context.Context) error { _, err := s.FriendIDs(ctx, m.Players[0].User); return err },
		"ListFriends": func(ctx context.Context) error {
			_, _, err := s.ListFriends(ctx, m.Players[0].User, "", 10)
			return err
		},
		"SearchPeople": func(ctx context.Context) error {
			_, _, err := s.SearchPeople(ctx, m.Players[0].User, "maria", "", 10)
			return err
		},
		"LeaderboardAround": func(ctx context.Context) error {
			_, err := s.LeaderboardAround(ctx, m.Players[0].User, 3)
			if rally.ErrorCode(err) == rally.ENotFound {
				err = nil
			}
			return err
		},
		"RatingHistory": func(ctx context.Context) error { _, err := s.RatingHistory(ctx, m.Players[0].User); return err },
		"AddNotice": func(ctx context.Context) error {
			return s.AddNotice(ctx, m.Players[0].User, rally.Notice{Kind: rally.NoticeTournamentCall})
		},
		"MarkRead": func(ctx context.Context) error { return s.MarkRead(ctx, m.Players[0].User, 1) },
		"SendMessage": func(ctx context.Context) error {
			_, err := s.SendMessage(ctx, m.Players[0].User, m.Players[1].User, "hello", true)
			if rally.ErrorCode(err) == rally.EConflict { // they are quiet
				err = nil
			}
			return err
		},
		"Inbox": func(ctx context.Context) error { _, err := s.Inbox(ctx, m.Players[0].User); return err },
		"CreateChallenge": func(ctx context.Context) error {
			_, _, err := s.CreateChallenge(ctx, m.Players[0].User, m.Players[1].User, 11, true)
			return err
		},
		"ListChallenges": func(ctx context.Context) error { _, err := s.ListChallenges(ctx, m.Players[0].User); return err },
		"SetSeen": func(ctx context.Context) error {
			return s.SetSeen(ctx, map[rally.UserID]time.Time{m.Players[0].User: time.Now()})
		},
		"FindCandidates": func(ctx context.Context) error { _, err := s.FindCandidates(ctx, "Anna"); return err },
		"DeleteDue":      func(ctx context.Context) error { _, err := s.DeleteDue(ctx); return err },
		"ChargeThrottles": func(ctx context.Context) error {
			_, err := s.ChargeThrottles(ctx, []rally.Charge{five("x")})
			return err
		},
		"PurgeThrottles": func(ctx context.Context) error { _, err := s.PurgeThrottles(ctx); return err },
		"Beat":           func(ctx context.Context) error { _, err := places.Beat(ctx); return err },
		"Claim":          func(ctx context.Context) error { _, err := places.Claim(ctx, m.Players[0].User, id); return err },
		"List":           func(ctx context.Context) error { _, err := s.Sessions().List(ctx, m.Players[0].User); return err },
		"Standing":       func(ctx context.Context) error { _, _, err := s.Sessions().Standing(ctx, id); return err },
		"Load": func(ctx context.Context) error {
			_, _, err := s.Sessions().Load(httptest.NewRecorder(), request(t, cookie).WithContext(ctx))
			return err
		},
	}
}

// brief is the patience of a Store whose database goes away: a busy machine can
// work within it, and tells one of it from two.
const brief = 4 * time.Second

// impatient has a Store give up after brief.
func impatient(c *store.Config) { c.Patience = brief }

// However the database goes away, every method says so within the Store's
// patience, and works again once it is back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ away, back func(*wire) }{
		// Its machine is gone, or the network between.
		"silent": {(*wire).clog, (*wire).unclog},
		// The same, and it has forgotten the connections when it is back.
		"silent, then cut": {(*wire).clog, func(w *wire) { w.cut(); w.unclog() }},
		// It was restarted.
		"cut": {func(w *wire) { w.clog(); w.cut() }, (*wire).unclog},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			s := storetest.Open(t, w.url, impatient)
			u := newUser(t, s, "Anna")
			m := played(u, newUser(t, s, "Berta"))
			rec := httptest.NewRecorder()
			if _, err := s.Sessions().Open(rec, request(t, ""), u.ID, rally.StageFull); err != nil {
				t.Fatal(err)
			}
			calls := methods(t, s, m, cookieOf(rec).Value)

			fault.away(w)
			var wg sync.WaitGroup
			for range 2 { // the second time nothing is left in the pool
				for name, call := range calls {
					wg.Go(func() {
						begin := time.Now()
						if err := call(t.Context()); rally.ErrorCode(err) != rally.EUnavailable {
							t.Errorf("%s: %v", name, err)
						}
						if took := time.Since(begin); took > 2*brief {
							t.Errorf("%s took %s", name, took)
						}
					})
				}
				wg.Wait()
			}

			fault.back(w)
			until(t, "ready again", func() bool { return s.Ready(t.Context()) == nil })
			for name, call := range calls {
				if err := call(t.Context()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if u := userNow(t, s, u.ID); u.Wins != 1 {
				t.Errorf("the match counted %d times", u.Wins)
			}
		})
	}
}

// A server that is not there at all, on a port where nobody listens: that is
// told at once.
func TestDatabaseNever(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, "postgres://nobody@127.0.0.1:1/nothing")
	begin := time.Now()
	err := s.Ready(t.Context())
	fields(t, err, rally.EUnavailable)
	if took := time.Since(begin); took > storetest.Patience/2 {
		t.Errorf("took %s", took)
	}
	if err := s.Migrate(t.Context()); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("migrated: %v", err)
	}
	if _, err := store.Open(t.Context(), store.Config{URL: "postgres://%zz"}); err == nil {
		t.Error("a URL without sense was accepted")
	}
}

// A request whose sender has gone says nothing about the database.
func TestCallerGone(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Ready(ctx); err == nil || rally.ErrorCode(err) == rally.EUnavailable {
		t.Errorf("got %v", err)
	}
	s.Close()
	s.Close()
	if err := s.Ready(t.Context()); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("closed: %v", err)
	}
}
