package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally/pong"
)

// court is somebody's socket in a match. Again and again it tells the match that
// there is somebody.
type court struct {
	t    *testing.T
	conn *websocket.Conn
	line *line // under it

	mu    sync.Mutex
	news  chan struct{} // closed, and replaced, whenever something comes
	side  int8          // once welcomed
	in    bool          // welcomed
	seen  []sighting
	next  int // of seen: what was not looked at yet
	texts []told
	over  bool                 // the socket is closed
	code  websocket.StatusCode // what it was closed with, -1 for nothing
	seq   uint16
}

// sighting is a state as it came.
type sighting struct {
	pong.Frame
	at time.Time
}

// told is a fragment as it came.
type told struct {
	text string
	at   time.Time
}

// line is a connection that can fall silent without being closed, as when
// packets are lost both ways.
type line struct {
	net.Conn
	silent atomic.Bool
}

// Write implements net.Conn.
func (l *line) Write(b []byte) (int, error) {
	if l.silent.Load() {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

// Read implements net.Conn.
func (l *line) Read(b []byte) (int, error) {
	for {
		if n, err := l.Conn.Read(b); err != nil || !l.silent.Load() {
			return n, err
		}
	}
}

// connect opens a player's socket.
func (p *player) connect(ctx context.Context) (*websocket.Conn, *line, error) {
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	l := &line{}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
			l.Conn, err = new(net.Dialer).DialContext(ctx, network, addr)
			return l, err
		},
	}
	conn, response, err := websocket.Dial(ctx, p.house.URL+"/live", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport, Jar: p.http.Jar},
		HTTPHeader: http.Header{"Origin": {p.house.URL}},
	})
	if err != nil {
		if response != nil {
			err = fmt.Errorf("%s: %w", response.Status, err)
		}
		return nil, nil, err
	}
	conn.SetReadLimit(1 << 20)
	return conn, l, nil
}

// enter opens a socket and takes the player's seat in a match.
func (p *player) enter(match string) *court {
	p.t.Helper()
	c := p.page()
	c.send(pong.JoinFrame{Match: [12]byte([]byte(strings.TrimPrefix(match, "/matches/")))}.Append(nil))
	c.wait(soon, "the welcome", func() bool { return c.in })
	return c
}

// page opens a socket as every page does.
func (p *player) page() *court {
	p.t.Helper()
	conn, l, err := p.connect(p.t.Context())
	if err != nil {
		p.t.Fatalf("opening a socket: %v", err)
	}
	c := &court{t: p.t, conn: conn, line: l, news: make(chan struct{})}
	var both sync.WaitGroup
	done := make(chan struct{})
	both.Go(func() {
		defer close(done)
		c.read()
	})
	both.Go(func() { c.live(done) })
	p.t.Cleanup(func() {
		_ = conn.CloseNow()
		both.Wait()
	})
	return c
}

// read takes in what comes until the socket is closed.
func (c *court) read() {
	for {
		kind, data, err := c.conn.Read(context.Background())
		c.mu.Lock()
		switch {
		case err != nil:
			c.over, c.code = true, websocket.CloseStatus(err)
		case kind == websocket.MessageText:
			c.texts = append(c.texts, told{string(data), time.Now()})
		default:
			if f, err := pong.ParseFrame(data); err == nil {
				c.seen = append(c.seen, sighting{f, time.Now()})
			} else if f, err := pong.ParseWelcome(data); err == nil {
				c.side, c.in = f.Side, true
			}
		}
		close(c.news)
		c.news = make(chan struct{})
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// live sends pings until done is closed: more often than browsers do, as one may
// be late on a busy machine.
func (c *court) live(done <-chan struct{}) {
	again := time.NewTicker(silence / 10)
	defer again.Stop()
	for {
		select {
		case <-done:
			return
		case <-again.C:
			_ = c.write(websocket.MessageBinary, pong.PingFrame{RTT: pong.UnknownRTT}.Append(nil)) // the reader finds out
		}
	}
}

func (c *court) write(kind websocket.MessageType, data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	return c.conn.Write(ctx, kind, data)
}

func (c *court) send(frame []byte) {
	c.t.Helper()
	if err := c.write(websocket.MessageBinary, frame); err != nil {
		c.t.Fatal(err)
	}
}

// wait waits for a condition on what came; it is asked with the lock held.
func (c *court) wait(limit time.Duration, what string, is func() bool) {
	c.t.Helper()
	if !c.comes(limit, what, is) {
		c.t.Fatalf("waited %v in vain for %s", limit, what)
	}
}

// comes waits for a condition as wait does, and says whether it came true.
func (c *court) comes(limit time.Duration, what string, is func() bool) bool {
	c.t.Helper()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		c.mu.Lock()
		done, over, news := is(), c.over, c.news
		c.mu.Unlock()
		switch {
		case done:
			return true
		case over:
			c.t.Fatalf("the socket was closed with %d before %s", c.code, what)
		}
		select {
		case <-news:
		case <-late.C:
			return false
		}
	}
}

// until waits for a state that nobody has looked at yet.
func (c *court) until(limit time.Duration, what string, is func(pong.Frame) bool) (found sighting) {
	c.t.Helper()
	c.wait(limit, what, func() (ok bool) {
		found, ok = c.find(is)
		return ok
	})
	return found
}

// find gives a state that nobody has looked at yet.
func (c *court) find(is func(pong.Frame) bool) (found sighting, ok bool) {
	for c.next < len(c.seen) {
		found = c.seen[c.next]
		c.next++
		if is(found.Frame) {
			return found, true
		}
	}
	return found, false
}

// since gives the states that came from a moment on.
func (c *court) since(moment time.Time) (states []sighting) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.seen {
		if !s.at.Before(moment) {
			states = append(states, s)
		}
	}
	return states
}

// closing waits until the socket is closed and gives the code.
func (c *court) closing() websocket.StatusCode {
	c.t.Helper()
	c.wait(soon, "the end of the socket", func() bool { return c.over })
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// press sends a direction and waits until the match says that it has it. What
// comes late does not count, so it is sent again, as of a later moment.
func (c *court) press(dir pong.Dir) {
	c.t.Helper()
	for late := time.After(soon); ; {
		c.mu.Lock()
		c.seq++
		seq, tick := c.seq, c.seen[len(c.seen)-1].Tick
		c.mu.Unlock()
		c.send(pong.InputFrame{Seq: seq, Dir: dir, Tick: tick + pong.TicksPerSecond}.Append(nil))
		const what = "the acknowledgement of an input"
		if c.comes(2*time.Second, what, func() bool {
			_, ok := c.find(func(f pong.Frame) bool { return f.Ack[c.side] == seq && f.Dir[c.side] == dir })
			return ok
		}) {
			return
		}
		select {
		case <-late:
			c.t.Fatalf("waited in vain for %s", what)
		default:
		}
	}
}

func playing(f pong.Frame) bool { return f.Phase == pong.Playing }

func ended(f pong.Frame) bool { return f.Phase == pong.Over }

// pausedFor is the pause in which the given side alone is away.
func pausedFor(side int8) func(pong.Frame) bool {
	return func(f pong.Frame) bool {
		return f.Phase == pong.Paused && f.Absent[side] && !f.Absent[1-side]
	}
}
