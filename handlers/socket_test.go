package handlers_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/net/html"

	"rally"
	"rally/pong"
)

// socket is an open page's.
type socket struct {
	t    *testing.T
	of   *browser
	conn *websocket.Conn

	mu     sync.Mutex
	texts  []string
	frames [][]byte
	code   websocket.StatusCode // once it is closed
}

// handshakeMark is the header by which a test knows its own handshake.
const handshakeMark = "X-Handshake"

// tellingHandshakes is next, and says when it is done with a handshake.
func (s *site) tellingHandshakes(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if done, waits := s.handshakes.LoadAndDelete(r.Header.Get(handshakeMark)); waits {
			close(done.(chan struct{}))
		}
	})
}

// dial opens the socket of a browser's page, and returns when the server has done
// with the handshake: when the hub knows the socket, or has turned it away, and
// what there is to tell it in the beginning has been told. The browser has its
// answer before that. Headers may be changed.
func (b *browser) dial(headers ...header) (*socket, *http.Response, error) {
	b.t.Helper()
	h := http.Header{"Origin": {b.site.URL}}
	for _, x := range headers {
		h.Set(x.name, x.value)
	}
	mark, done := rand.Text(), make(chan struct{})
	b.site.handshakes.Store(mark, done)
	h.Set(handshakeMark, mark)
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, b.site.URL+"/live", &websocket.DialOptions{HTTPClient: b.http, HTTPHeader: h})
	if err != nil {
		return nil, res, err
	}
	conn.SetReadLimit(1 << 20)
	s := &socket{t: b.t, of: b, conn: conn}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for {
			kind, data, err := conn.Read(context.Background())
			s.mu.Lock()
			switch {
			case err != nil:
				s.code = websocket.CloseStatus(err)
			case kind == websocket.MessageText:
				s.texts = append(s.texts, string(data))
			default:
				s.frames = append(s.frames, data)
			}
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	b.t.Cleanup(func() {
		_ = conn.CloseNow()
		<-read
	})
	select {
	case <-done:
		return s, res, nil
	case <-ctx.Done():
		return nil, res, ctx.Err()
	}
}

// open is dial where nothing may go wrong. What has happened before is news to no
// page that is opened so.
func (b *browser) open() *socket {
	b.t.Helper()
	b.site.settled(b.t)
	s, _, err := b.dial()
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// join goes onto the court of a match.
func (s *socket) join(id rally.MatchID) {
	s.t.Helper()
	if err := s.conn.Write(s.t.Context(), websocket.MessageBinary, pong.JoinFrame{Match: [12]byte([]byte(id))}.Append(nil)); err != nil {
		s.t.Fatal(err)
	}
}

// settled waits until all that has been published so far was handled, and what
// that has had pushed to this socket has come.
func (s *socket) settled() {
	s.t.Helper()
	s.of.site.settled(s.t)
	mark := rand.Text()
	s.of.site.hub.Push(s.of.user.ID, func(string) ([]byte, error) { return []byte(mark), nil })
	s.waitText(mark)
}

// waitText waits for a fragment that contains all of these.
func (s *socket) waitText(parts ...string) string {
	s.t.Helper()
	var found string
	until(s.t, "a fragment with "+strings.Join(parts, " and "), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, text := range s.texts {
			all := true
			for _, part := range parts {
				all = all && strings.Contains(text, part)
			}
			if all {
				found = text
				return true
			}
		}
		return false
	})
	return found
}

// waitFrame waits for a state frame.
func (s *socket) waitFrame(what string, is func(pong.Frame) bool) {
	s.t.Helper()
	until(s.t, what, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, data := range s.frames {
			if f, err := pong.ParseFrame(data); err == nil && is(f) {
				return true
			}
		}
		return false
	})
}

// waitWelcome waits for the answer to a join and gives the side.
func (s *socket) waitWelcome() (side int8) {
	s.t.Helper()
	until(s.t, "the welcome", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, data := range s.frames {
			if f, err := pong.ParseWelcome(data); err == nil {
				side = f.Side
				return true
			}
		}
		return false
	})
	return side
}

// closesAtOnce waits for the socket to be closed with a code, and fails if that
// takes long: what it is called after has told the hub. A second is what is
// promised; the bound is what a machine with much else to do needs for that.
func (s *socket) closesAtOnce(code websocket.StatusCode) {
	s.t.Helper()
	told := time.Now()
	if got := s.waitClose(); got != code {
		s.t.Errorf("the socket closed with %d, want %d", got, code)
	}
	if took := time.Since(told); took > 15*time.Second {
		s.t.Errorf("it took %v to close the socket", took)
	}
}

// waitClose waits for the socket to be closed and gives the code.
func (s *socket) waitClose() (code websocket.StatusCode) {
	s.t.Helper()
	until(s.t, "the close", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		code = s.code
		return code != 0
	})
	return code
}

// closed gives the code the socket was closed with, 0 while it is open.
func (s *socket) closed() websocket.StatusCode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code
}

// parses fails the test unless text is markup without anything a policy would
// have to stop.
func parses(t *testing.T, text string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "script" {
			t.Errorf("there is a script in %s", text)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("there is %s in %s", a.Key, text)
			}
		}
	}
}
