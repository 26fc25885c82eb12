package live_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rally/live"
)

// ask sends a handshake changed by edit and gives the answer's status and body.
func ask(t *testing.T, s *site, q string, edit func(string) string) (status int, header http.Header, body string) {
	t.Helper()
	r := s.connect(t)
	r.write([]byte(edit(rawHandshake(r.RemoteAddr().String(), q))))
	answer, err := http.ReadResponse(r.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		within(t, s.opened)
		return answer.StatusCode, answer.Header, ""
	}
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(b)
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	origin := func(lines ...string) func(string) string {
		return func(request string) string {
			head, _, _ := strings.Cut(request, "Origin: ")
			_, tail, _ := strings.Cut(request, "User-Agent")
			for _, l := range lines {
				head += "Origin: " + l + "\r\n"
			}
			return head + "User-Agent" + tail
		}
	}
	same := newSite(t, live.Config{}, nil)
	host := same.server.Listener.Addr().String()
	listed := newSite(t, live.Config{Origins: []string{"https://rally.example", "https://other.example:8443"}}, nil)

	for name, c := range map[string]struct {
		site    *site
		origins []string
		want    int
	}{
		"absent":                   {same, nil, 403},
		"empty":                    {same, []string{""}, 403},
		"null":                     {same, []string{"null"}, 403},
		"foreign":                  {same, []string{"https://evil.example"}, 403},
		"our host as user":         {same, []string{"http://" + host + "@evil.example"}, 403},
		"our host as prefix":       {same, []string{"http://" + host + ".evil.example"}, 403},
		"ours and a foreign one":   {same, []string{"http://" + host, "https://evil.example"}, 403},
		"unreadable":               {same, []string{"http://%zz"}, 403},
		"ours":                     {same, []string{"http://" + host}, 101},
		"listed":                   {listed, []string{"https://rally.example"}, 101},
		"listed, in capitals":      {listed, []string{"https://RALLY.example"}, 101},
		"listed with a port":       {listed, []string{"https://other.example:8443"}, 101},
		"listed, other scheme":     {listed, []string{"http://rally.example"}, 403},
		"listed, other port":       {listed, []string{"https://rally.example:8443"}, 403},
		"host but not on the list": {listed, []string{"http://" + listed.server.Listener.Addr().String()}, 403},
		"listed, absent":           {listed, nil, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, _, _ := ask(t, c.site, query, origin(c.origins...)); status != c.want {
				t.Errorf("status %d, want %d", status, c.want)
			}
		})
	}
}

func TestRefusedBeforeUpgrade(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	unchanged := func(r string) string { return r }
	without := func(header string) func(string) string {
		return func(r string) string { return strings.Replace(r, header, "X-Nothing", 1) }
	}
	for name, c := range map[string]struct {
		query string
		edit  func(string) string
		want  int
	}{
		"anonymous":         {"?session=s", unchanged, 403},
		"code still owed":   {"?stage=otp&session=s", unchanged, 403},
		"no upgrade":        {query, without("Upgrade"), 400},
		"no connection":     {query, without("Connection"), 400},
		"no key":            {query, without("Sec-WebSocket-Key"), 400},
		"no version":        {query, without("Sec-WebSocket-Version"), 400},
		"an old version":    {query, func(r string) string { return strings.Replace(r, "Version: 13", "Version: 8", 1) }, 400},
		"not a GET":         {query, func(r string) string { return strings.Replace(r, "GET", "POST", 1) }, 400},
		"an unreadable key": {query, func(r string) string { return strings.Replace(r, "dGhl", "!!!!", 1) }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, header, body := ask(t, s, c.query, c.edit)
			if status != c.want {
				t.Errorf("status %d, want %d", status, c.want)
			}
			// What the library would have said is not in the answer: the
			// error mapper writes all of it.
			if n := strings.Count(body, "\n"); n != 1 || header.Get("Upgrade") != "" {
				t.Errorf("more was written than the mapper's answer: %q, %v", body, header)
			}
		})
	}
}

func TestRefusedWhenStopping(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	s.hub.Shutdown(context.Background())
	if status, _, _ := ask(t, s, query, func(r string) string { return r }); status != 503 {
		t.Errorf("status %d, want 503", status)
	}
}

// Nobody has more than so many sockets; there is room again when one is gone,
// and for others always.
func TestTooManySockets(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{CloseWait: 500 * time.Millisecond}, nil)
	whole := func(r string) string { return r }
	var first *end
	for range live.SocketsMax {
		r := s.connect(t)
		r.write([]byte(rawHandshake(r.RemoteAddr().String(), query)))
		if e := within(t, s.opened); first == nil {
			first = e
		}
	}
	if status, _, _ := ask(t, s, query, whole); status != 429 {
		t.Errorf("one too many: status %d, want 429", status)
	}
	if status, _, _ := ask(t, s, "?stage=full&user=9&session=other", whole); status != 101 {
		t.Errorf("somebody else: status %d", status)
	}
	s.hub.CloseSession(first.Viewer().Session, live.CodeSessionEnded, "ended")
	until(t, "the sockets are gone", func() bool { return !s.hub.Online(first.Viewer().User.ID) })
	if status, _, _ := ask(t, s, "?stage=full&user=1&session=s2", whole); status != 101 {
		t.Errorf("later: status %d", status)
	}
}

// Sockets that are being opened count as well, until they are open or not to be.
func TestTooManyHandshakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	whole := func(r string) string { return r }
	var quits []func()
	for range live.SocketsMax - 1 {
		quit, err := s.hub.Opening(1)
		if err != nil {
			t.Fatal(err)
		}
		quits = append(quits, quit)
	}
	if status, _, _ := ask(t, s, query, whole); status != 101 {
		t.Errorf("the last one: status %d", status)
	}
	if status, _, _ := ask(t, s, query, whole); status != 429 {
		t.Errorf("one too many: status %d, want 429", status)
	}
	for _, quit := range quits {
		quit()
	}
	if status, _, _ := ask(t, s, query, whole); status != 101 {
		t.Errorf("later: status %d", status)
	}
}

// A browser may send its first frame together with its request.
func TestEarlyFrame(t *testing.T) {
	t.Parallel()
	s := newSite(t, live.Config{}, nil)
	r := s.connect(t)
	early := strings.Repeat("early", 100)
	first := clientFrame(0x82, []byte(early))
	r.write(append([]byte(rawHandshake(r.RemoteAddr().String(), query)), first...))
	e := within(t, s.opened)
	if got := within(t, e.frames); got != early {
		t.Errorf("got %q", got)
	}
}
