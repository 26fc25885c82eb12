package live_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally/live"
)

// Over TLS everything is the same, also that a browser which does not read is
// cut after CloseWait: the farewell of TLS must not hold that up.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{CloseWait: 3 * time.Second}, nil)
	secure := httptest.NewTLSServer(s)
	defer secure.Close()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, secure.URL+"/live"+query, &websocket.DialOptions{
		HTTPClient: secure.Client(),
		HTTPHeader: http.Header{"Origin": {secure.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	e := within(t, s.opened)
	write(t, c, []byte("hello"))
	if got := within(t, e.frames); got != "hello" {
		t.Errorf("got %q", got)
	}
	fragment := strings.Repeat("long ", 5000)
	s.hub.Push(1, func(string) ([]byte, error) { return []byte(fragment), nil })
	e.Offer([]byte("state"))
	c.SetReadLimit(-1)
	if _, got := read(t, c); got != fragment {
		t.Errorf("got %d bytes, want %d", len(got), len(fragment))
	}
	if _, got := read(t, c); got != "state" {
		t.Errorf("got %q", got)
	}

	address := secure.Listener.Addr().String()
	deaf, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = deaf.Close() }()
	if _, err := io.WriteString(deaf, rawHandshake(address, "?stage=full&user=2&session=deaf&locale=en")); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(deaf), nil); err != nil {
		t.Fatal(err)
	}
	deafEnd := within(t, s.opened)
	s.hub.Push(2, func(string) ([]byte, error) { return bytes.Repeat([]byte("x"), 8<<20), nil })
	s.hub.CloseSession("deaf", live.CodeSessionEnded, "")
	within(t, deafEnd.closed)

	s.hub.CloseSession("s1", live.CodeSessionEnded, "")
	if code := closeCode(t, c); code != live.CodeSessionEnded {
		t.Errorf("closed with %d", code)
	}
}
