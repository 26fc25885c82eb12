package live_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally"
	"rally/live"
)

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// site is a server with a hub, as handlers would run it.
type site struct {
	hub    *live.Hub
	server *httptest.Server
	log    *lines
	opened chan *end // one for each socket, in the order of their opening

	// receive, when set before the first socket, is what receivers do.
	receive func(e *end, frame []byte) error

	opens, closes atomic.Int64 // of receivers
}

// end is the server's end of one socket.
type end struct {
	*live.Conn
	site   *site
	frames chan string
	once   atomic.Bool
	closed chan struct{}
}

func (e *end) Receive(frame []byte) error {
	if e.site.receive != nil {
		return e.site.receive(e, frame)
	}
	e.frames <- string(frame)
	return nil
}

func (e *end) Close() {
	e.site.closes.Add(1)
	if e.once.CompareAndSwap(false, true) {
		close(e.closed)
	}
}

// newSite starts a site that is shut down at the end of the test, when every
// receiver must have been closed exactly once.
func newSite(t testing.TB, cfg live.Config, receive func(*end, []byte) error) *site {
	t.Helper()
	started := time.Now()
	return newSiteAt(t, cfg, receive, func() time.Duration { return time.Since(started) }, time.Now)
}

// hand is a hub's time that only a test moves.
type hand struct{ at atomic.Int64 }

func (h *hand) now() time.Duration      { return time.Duration(h.at.Load()) }
func (h *hand) forward(d time.Duration) { h.at.Add(int64(d)) }

// newSiteAt is newSite with the hub's time, and the clock by which people come
// and go.
func newSiteAt(
	t testing.TB, cfg live.Config, receive func(*end, []byte) error, now func() time.Duration, clock func() time.Time,
) *site {
	t.Helper()
	s := &site{log: &lines{}, opened: make(chan *end, 100), receive: receive}
	cfg.Log = slog.New(s.log)
	if cfg.DeadAfter == 0 { // however slow the machine, only what a test does ends a socket
		cfg.PingEvery, cfg.DeadAfter = time.Hour, 2*time.Hour
	}
	if cfg.WriteTimeout == 0 {
		cfg.WriteTimeout = time.Hour
	}
	if cfg.CloseWait == 0 { // and every browser that listens hears why
		cfg.CloseWait = 10 * time.Second
	}
	s.hub = live.NewHubAt(cfg, now, clock)
	s.server = httptest.NewServer(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s.hub.Shutdown(ctx)
		s.server.Close()
		if opens, closes := s.opens.Load(), s.closes.Load(); opens != closes {
			t.Errorf("%d receivers were closed %d times", opens, closes)
		}
		if n := s.hub.Stats().Sockets; n != 0 {
			t.Errorf("%d sockets left after Shutdown", n)
		}
	})
	return s
}

// ServeHTTP opens a socket for the viewer that the query describes.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	user, _ := strconv.ParseInt(q.Get("user"), 10, 64)
	v := rally.Viewer{
		Stage:   rally.ParseStage(q.Get("stage")),
		User:    rally.User{ID: rally.UserID(user), Name: q.Get("name")},
		Session: rally.SessionID(q.Get("session")),
		Locale:  q.Get("locale"),
	}
	err := s.hub.Serve(w, r, v, func(c *live.Conn) live.Receiver {
		e := &end{Conn: c, site: s, closed: make(chan struct{})}
		if s.receive == nil {
			e.frames = make(chan string, 100)
		}
		s.opens.Add(1)
		s.opened <- e
		return e
	})
	if err != nil {
		status := map[rally.Code]int{
			rally.EForbidden:   http.StatusForbidden,
			rally.EInvalid:     http.StatusBadRequest,
			rally.EUnavailable: http.StatusServiceUnavailable,
			rally.EThrottled:   http.StatusTooManyRequests,
		}[rally.ErrorCode(err)]
		http.Error(w, err.Error(), status)
	}
}

// query is a viewer that newcomers get when a test does not care.
const query = "?stage=full&user=1&session=s1&locale=en"

// dial opens a socket with a real client; q is the viewer.
func (s *site) dial(t testing.TB, q string) (*websocket.Conn, *end) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, s.server.URL+"/live"+q, &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {s.server.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c, within(t, s.opened)
}

// closeCode reads c to its end and gives the code it was closed with.
func closeCode(t testing.TB, c *websocket.Conn) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if _, _, err := c.Read(ctx); err != nil {
			return int(websocket.CloseStatus(err))
		}
	}
}

// read reads one message.
func read(t testing.TB, c *websocket.Conn) (websocket.MessageType, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	kind, b, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return kind, string(b)
}

// write sends one binary message.
func write(t testing.TB, c *websocket.Conn, b []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageBinary, b); err != nil {
		t.Fatal(err)
	}
}

// within takes from c, which must give something in time.
func within[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

// until waits for a condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// lines is a log that keeps what would be printed, escaping nothing.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.Key + "=" + a.Value.String()
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, line)
	return nil
}

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *lines) WithGroup(string) slog.Handler      { return l }

func (l *lines) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.all...)
}

// only waits until sockets are gone and gives the one line that was logged.
func (s *site) only(t testing.TB) string {
	t.Helper()
	until(t, "a line is logged", func() bool { return len(s.log.get()) > 0 })
	until(t, "the socket is gone", func() bool { return s.hub.Stats().Sockets == 0 })
	all := s.log.get()
	if len(all) != 1 {
		t.Fatalf("%d lines logged, want 1:\n%s", len(all), strings.Join(all, "\n"))
	}
	return all[0]
}
