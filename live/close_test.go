package live_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rally"
	"rally/live"
)

// What a browser must not send closes the socket with a code of its own, and
// writes one line, which stays one line.
func TestBadMessages(t *testing.T) {
	t.Parallel()
	malformed := func(_ *end, frame []byte) error {
		if len(frame) > 0 && frame[0] == 'x' {
			return fmt.Errorf("unknown frame %s", frame)
		}
		return nil
	}
	good := clientFrame(0x82, []byte("good"))
	for name, c := range map[string]struct {
		send  []byte
		code  int
		cause string
	}{
		"text":                          {clientFrame(0x81, []byte("hello")), 1003, "text"},
		"empty text":                    {clientFrame(0x81, nil), 1003, "text"},
		"long text":                     {clientFrame(0x81, make([]byte, 100_000)), 1003, "text"},
		"malformed":                     {clientFrame(0x82, []byte("x\r\nlevel=INFO msg=forged \x1b[31m\u2028\u0085")), 1007, "malformed"},
		"one byte too big":              {clientFrame(0x82, make([]byte, live.FrameMax+1)), 1009, "too_big"},
		"much too big":                  {clientFrame(0x82, make([]byte, 1<<20)), 1009, "too_big"},
		"too big in fragments":          {append(clientFrame(0x02, make([]byte, 1000)), clientFrame(0x80, make([]byte, 1000))...), 1009, "too_big"},
		"flood":                         {bytes.Repeat(good, 1000), 1008, "flood"},
		"flood of pings":                {bytes.Repeat(clientFrame(0x89, []byte("?")), 1000), 1008, "flood"},
		"flood of pongs":                {bytes.Repeat(clientFrame(0x8a, nil), 1000), 1008, "flood"},
		"flood of empty fragments":      {append(clientFrame(0x02, nil), bytes.Repeat(clientFrame(0x00, nil), 20_000)...), 1008, "flood"},
		"unmasked":                      {[]byte{0x82, 0x01, 'a'}, 1002, "protocol"},
		"unknown opcode":                {clientFrame(0x83, nil), 1002, "protocol"},
		"reserved bit":                  {clientFrame(0xc2, nil), 1002, "protocol"},
		"continuation of nothing":       {clientFrame(0x80, nil), 1002, "protocol"},
		"message within a message":      {append(clientFrame(0x02, []byte("a")), good...), 1002, "protocol"},
		"fragmented ping":               {clientFrame(0x09, nil), 1002, "protocol"},
		"long ping":                     {clientFrame(0x89, make([]byte, 126)), 1002, "protocol"},
		"close with an impossible code": {clientFrame(0x88, []byte{0x03, 0xed}), 1002, "protocol"},
		"negative length":               {[]byte{0x82, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 1002, "protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, live.Config{}, malformed)
			r, e := s.raw(t, query)
			r.write(append(append([]byte(nil), good...), c.send...))
			if code := r.closeCode(t); code != c.code {
				t.Errorf("closed with %d, want %d", code, c.code)
			}
			_ = r.Close()
			within(t, e.closed)
			line := s.only(t)
			for _, want := range []string{"cause=" + c.cause, fmt.Sprint("code=", c.code), "user=1", "session=s1", "remote=127.0.0.1:"} {
				if !strings.Contains(line, want) {
					t.Errorf("the line misses %q: %s", want, line)
				}
			}
			if strings.ContainsAny(line, "\r\n\x1b\u2028\u0085") {
				t.Errorf("the line is not escaped: %q", line)
			}
			if n := s.hub.Stats().Closed[c.cause]; n != 1 {
				t.Errorf("%d closes counted", n)
			}
		})
	}
}

func TestBiggestMessage(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	c, e := s.dial(t, query)
	for i := range 20 {
		n := []int{live.FrameMax, 0, 1, live.FrameMax - 1}[i%4]
		want := strings.Repeat("a", n)
		write(t, c, []byte(want))
		if got := within(t, e.frames); got != want {
			t.Fatalf("got %d bytes, want %d", len(got), n)
		}
	}
}

func TestFragmentsAreOneMessage(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	r, e := s.raw(t, query)
	r.write(clientFrame(0x02, []byte("jo")))
	r.write(clientFrame(0x89, []byte("between")))
	r.write(clientFrame(0x00, []byte("i")))
	r.write(clientFrame(0x80, []byte("n")))
	if got := within(t, e.frames); got != "join" {
		t.Errorf("got %q", got)
	}
	if first, payload := r.next(t); first != 0x8a || string(payload) != "between" {
		t.Errorf("the ping was answered by %x %q", first, payload)
	}
}

// Credits allow a burst, and the steady rate for ever.
func TestCreditsSuffice(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	c, e := s.dial(t, query)
	for i := range live.CreditBurst {
		write(t, c, []byte{byte(i)})
	}
	for i := range live.CreditBurst {
		if got := within(t, e.frames); got != string([]byte{byte(i)}) {
			t.Fatalf("message %d is %x", i, got)
		}
	}
}

// A socket that the browser closes, or whose connection breaks, is nothing to
// write about.
func TestUsualEnds(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*rawConn){
		"closed":         func(r *rawConn) { r.write(clientFrame(0x88, []byte{0x03, 0xe9})) },
		"closed, silent": func(r *rawConn) { r.write(clientFrame(0x88, nil)) },
		"cut":            func(r *rawConn) { _ = r.Close() },
		"cut in a frame": func(r *rawConn) {
			r.write(clientFrame(0x82, []byte("half"))[:7])
			_ = r.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, live.Config{}, nil)
			r, e := s.raw(t, query)
			leave(r)
			within(t, e.closed)
			until(t, "it is counted", func() bool { return s.hub.Stats().Closed["gone"] == 1 })
			if got := s.log.get(); len(got) != 0 {
				t.Errorf("logged: %q", got)
			}
			e.Offer([]byte("too late")) // must do nothing
			e.Send([]byte("too late"))
		})
	}
}

// A fault behind one socket costs that socket, not the server.
func TestReceiverPanics(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, func(_ *end, frame []byte) error {
		if string(frame) == "boom" {
			panic("a fault\nof ours")
		}
		return nil
	})
	other, _ := s.dial(t, query)
	c, e := s.dial(t, query)
	write(t, c, []byte("boom"))
	if code := closeCode(t, c); code != live.CodeInternal {
		t.Errorf("closed with %d", code)
	}
	within(t, e.closed)
	write(t, other, []byte("fine"))
	until(t, "one is left", func() bool { return s.hub.Stats().Sockets == 1 })
	all := s.log.get()
	if len(all) != 1 || !strings.Contains(all[0], `cause=panic`) || !strings.Contains(all[0], `a fault\nof ours`) || strings.Contains(all[0], "\n") {
		t.Errorf("logged: %q", all)
	}
}

// The same holds for a fault before there is a receiver.
func TestOpenPanics(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	panicked := make(chan any, 1)
	faulty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { panicked <- recover() }()
		_ = s.hub.Serve(w, r, rally.Viewer{Stage: rally.StageFull}, func(c *live.Conn) live.Receiver {
			c.Send([]byte("hello"))
			panic("a fault of ours")
		})
	}))
	defer faulty.Close()
	r := connectTo(t, faulty.Listener.Addr().String())
	r.handshake(t, "")
	if p := within(t, panicked); p != "a fault of ours" {
		t.Errorf("the caller recovered %v", p)
	}
	r.closeCode(t)
	if n := s.hub.Stats().Sockets; n != 0 {
		t.Errorf("%d sockets left", n)
	}
}
