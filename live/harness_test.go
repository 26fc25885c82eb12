package live_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
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
const patience = 20 * time.Second

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
	s := &site{log: &lines{}, opened: make(chan *end, 100), receive: receive}
	cfg.Log = slog.New(s.log)
	s.hub = live.NewHub(cfg)
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
		User:    rally.User{ID: rally.UserID(user)},
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

// raw opens a socket with nothing but a TCP connection, for clients that do
// what no library would.
func (s *site) raw(t testing.TB, q string) (*rawConn, *end) {
	t.Helper()
	r := s.connect(t)
	r.handshake(t, q)
	return r, within(t, s.opened)
}

func (s *site) connect(t testing.TB) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rawConn{Conn: conn, Reader: bufio.NewReader(conn)}
}

// rawConn is a TCP connection with a socket on it.
type rawConn struct {
	net.Conn
	*bufio.Reader
}

func (r *rawConn) Read(p []byte) (int, error) { return r.Reader.Read(p) }

func (r *rawConn) handshake(t testing.TB, q string) {
	t.Helper()
	if _, err := io.WriteString(r.Conn, rawHandshake(r.RemoteAddr().String(), q)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(r.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %s", answer.Status)
	}
}

// rawHandshake is a request such as a browser sends.
func rawHandshake(host, q string) string {
	return strings.Join([]string{
		"GET /live" + q + " HTTP/1.1",
		"Host: " + host,
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Version: 13",
		"Origin: http://" + host,
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
		"Accept-Encoding: gzip, deflate, br, zstd",
		"Accept-Language: en-US,en;q=0.9,ko;q=0.8",
		"Cookie: __Host-rally_session=abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz0123456789; __Host-rally_token=" + strings.Repeat("x", 400),
		"", "",
	}, "\r\n")
}

// clientFrame is a frame as a client sends it, masked with zeroes. first is its
// first byte: 0x80 for the last fragment, plus the opcode.
func clientFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// next reads one frame of the server, and gives its first byte and payload.
func (r *rawConn) next(t testing.TB) (first byte, payload []byte) {
	t.Helper()
	first, payload, err := r.tryNext()
	if err != nil {
		t.Fatal(err)
	}
	return first, payload
}

func (r *rawConn) tryNext() (first byte, payload []byte, err error) {
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	var h [8]byte
	if _, err := io.ReadFull(r, h[:2]); err != nil {
		return 0, nil, err
	}
	first, n := h[0], uint64(h[1])
	switch n {
	case 126:
		_, err = io.ReadFull(r, h[:2])
		n = uint64(binary.BigEndian.Uint16(h[:]))
	case 127:
		_, err = io.ReadFull(r, h[:8])
		n = binary.BigEndian.Uint64(h[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return first, payload, err
}

// closeCode reads until the socket is closed and gives the code the server
// said, or 0 when the connection went without one.
func (r *rawConn) closeCode(t testing.TB) int {
	t.Helper()
	for {
		first, payload, err := r.tryNext()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return 0
		case err != nil && strings.Contains(err.Error(), "reset"):
			return 0
		case err != nil:
			t.Fatal(err)
		case first == 0x88 && len(payload) == 0:
			return int(websocket.StatusNoStatusRcvd)
		case first == 0x88:
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

// write sends bytes, and forgives a connection that the server has cut.
func (r *rawConn) write(b []byte) { _, _ = r.Write(b) }

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
