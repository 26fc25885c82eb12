package handlers_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"rally"
	"rally/handlers"
)

func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	foreign := []header{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}}
	answers := map[string]*answer{
		"a page":        b.get("/play"),
		"a redirect":    s.browser(t).get("/play"),
		"no page":       b.get("/nowhere"),
		"wrong method":  b.do(http.MethodDelete, "/play", nil),
		"a foreign one": b.postWith(foreign, "/play"),
		"too large":     b.post("/sign-in", "email", strings.Repeat("x", 70_000)),
		"a static file": b.get("/static/x/css/rally.css"),
		"no such file":  b.get("/static/x/nothing.css"),
		"health":        b.get("/healthz"),
		"robots":        b.get("/robots.txt"),
		"the socket":    s.browser(t).get("/live"),
		"a sign-out":    s.member(t, "Bea").post("/sign-out"),
		"HEAD":          b.do(http.MethodHead, "/", nil),
	}
	ids := map[string]bool{}
	for name, res := range answers {
		h := res.Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", name, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
			t.Errorf("%s: the policy is %q", name, csp)
		}
		for header, want := range map[string]string{
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin",
			"Strict-Transport-Security":  "max-age=31536000",
		} {
			if got := h.Values(header); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		if !strings.Contains(h.Get("Permissions-Policy"), "camera=()") {
			t.Errorf("%s: no Permissions-Policy", name)
		}
		if id := h.Get("X-Request-Id"); len(id) != 16 || ids[id] {
			t.Errorf("%s: request id %q", name, id)
		} else {
			ids[id] = true
		}
	}
	for _, name := range []string{"a page", "no page", "a sign-out"} {
		if got := answers[name].Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control is %q", name, got)
		}
	}
}

func TestErrorPages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	member := s.member(t, "Ada")

	b.get("/nowhere").wants(http.StatusNotFound)
	b.get("/nowhere").has(`a[href="/"]`)
	member.get("/nowhere").has(`a[href="/play"]`)
	b.get("/matches/abcdefghijkl").wants(http.StatusNotFound)
	b.get("/matches/nonsense").wants(http.StatusNotFound)
	b.get("/players/999999").wants(http.StatusNotFound)
	b.get("/players/ada").wants(http.StatusNotFound)
	b.get("/players/-1").wants(http.StatusNotFound)
	b.get("/players/9999999999999999999999").wants(http.StatusNotFound)

	wrong := b.do(http.MethodDelete, "/play", nil)
	wrong.wants(http.StatusMethodNotAllowed)
	for _, method := range []string{"GET", "HEAD", "POST"} {
		if !strings.Contains(wrong.Header.Get("Allow"), method) {
			t.Errorf("Allow is %q", wrong.Header.Get("Allow"))
		}
	}
	b.get("/sign-out").wants(http.StatusMethodNotAllowed)
	member.get("/play/leave").wants(http.StatusMethodNotAllowed)

	large := b.post("/sign-in", "email", strings.Repeat("x", 70_000))
	large.wants(http.StatusRequestEntityTooLarge)
	large.has("h1")
	// Also when nobody says how long it is.
	chunked := b.do(http.MethodPost, "/sign-in", struct{ io.Reader }{strings.NewReader("email=" + strings.Repeat("x", 70_000))},
		header{"Content-Type", "application/x-www-form-urlencoded"})
	chunked.wants(http.StatusRequestEntityTooLarge)
	broken := b.do(http.MethodPost, "/sign-in", strings.NewReader("email=%zz"), header{"Content-Type", "application/x-www-form-urlencoded"})
	broken.wants(http.StatusBadRequest)
	member.post("/practice", "level", "4").wants(http.StatusUnprocessableEntity)
	member.post("/practice").wants(http.StatusUnprocessableEntity)

	// The reader's language, and a fragment for htmx.
	korean := b.get("/nowhere", header{"Accept-Language", "ko-KR,ko;q=0.9,en;q=0.5"})
	korean.has("html[lang=ko]")
	if korean.Header.Get("Content-Language") != "ko" {
		t.Errorf("Content-Language is %q", korean.Header.Get("Content-Language"))
	}
	if english := b.get("/nowhere"); english.text == korean.text {
		t.Error("both languages say the same")
	}
	part := member.postWith(partial(), "/matches/abcdefghijkl/ready")
	part.wants(http.StatusNotFound)
	if strings.Contains(part.text, "<html") || part.Header.Get("HX-Reswap") != "none" {
		t.Errorf("htmx got %q", part.text)
	}
	// Machines get a line of text.
	if got := b.get("/live"); got.StatusCode != http.StatusForbidden || got.text != "Forbidden\n" {
		t.Errorf("the socket said %d %q", got.StatusCode, got.text)
	}
}

// TestHostileAddress: what stands in the address never becomes markup.
func TestHostileAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	for _, path := range []string{
		`/"><script>alert(1)</script>`, `/%22%3E%3Cscript%3Ealert(1)%3C/script%3E`, `/x?y="><script>alert(1)</script>`,
		`/players/1?before="><script>alert(1)</script>`, `/sign-up?next=/"><script>alert(1)</script>`, `/matches/<script>`,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = strings.ReplaceAll(path, " ", "%20")
		res, err := b.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		page := &answer{Response: res, t: t, text: string(text)}
		for _, script := range page.find("script") {
			if len(script.Attr) == 0 {
				t.Errorf("%s: there is an inline script", path)
			}
		}
	}
}

func TestForeignSites(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	for name, headers := range map[string][]header{
		"cross-site":            {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}},
		"same-site":             {{"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.localhost"}},
		"an old browser":        {{"Sec-Fetch-Site", ""}, {"Origin", "https://evil.example"}},
		"a sandboxed frame":     {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "null"}},
		"htmx, as it claims":    {{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"HX-Request", "true"}},
		"no site and no origin": nil,
	} {
		for _, path := range []string{"/sign-out", "/play", "/sign-in", "/preferences", "/matches/abcdefghijkl/resign"} {
			res := b.postWith(headers, path)
			if headers == nil {
				continue
			}
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s: POST %s gave %d", name, path, res.StatusCode)
			}
		}
		if headers == nil {
			b = s.member(t, "Bea")
		}
	}
	if n := len(s.log.with("security", map[string]any{"event": "cross_site", "origin": "https://evil.example"})); n == 0 {
		t.Error("nothing was logged")
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	s.store.Close()

	for _, path := range []string{"/play", "/players/1", "/", "/matches/abcdefghijkl"} {
		res := b.get(path)
		res.wants(http.StatusServiceUnavailable)
		if res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
		if id := res.Header.Get("X-Request-Id"); !strings.Contains(res.text, id) {
			t.Errorf("%s: the page does not name the request", path)
		}
		if strings.Contains(res.text, "pool") || strings.Contains(res.text, "store:") {
			t.Errorf("%s: the page tells too much", path)
		}
	}
	lines := s.log.with("request", map[string]any{"route": "/play", "status": float64(503), "level": "ERROR"})
	if len(lines) != 1 || lines[0]["error"] == "" {
		t.Errorf("log lines: %v", lines)
	}
	korean := b.get("/play", header{"Accept-Language", "ko"})
	korean.has("html[lang=ko]")
	// Trying again, or changing the language, goes back to the form's page:
	// the address of a POST cannot be visited.
	for from, page := range map[string]string{
		b.site.URL + "/play": "/play", "": "/", "https://evil.example/practice": "/",
		b.site.URL + "/settings/name": "/settings", b.site.URL + "/people/2/ask": "/people", b.site.URL + "/practice": "/",
		b.site.URL + "/people?q=a": "/people?q=a", b.site.URL + "/nowhere/at/all": "/nowhere/at/all",
	} {
		failed := b.postWith([]header{{"Referer", from}}, "/practice", "level", "1")
		failed.wants(http.StatusServiceUnavailable)
		failed.has(`main a.primary[href="` + page + `"]`)
		failed.has(`footer input[name=next][value="` + page + `"]`)
	}

	// What somebody has written is not gone with the page it was written on.
	lost := b.post("/chat/2", "text", "are you <there>?")
	lost.wants(http.StatusServiceUnavailable)
	lost.has("main .notice")
	if !strings.Contains(lost.text, "are you &lt;there&gt;?") {
		t.Errorf("a message is lost: %s", lost.text)
	}

	stranger := s.browser(t)
	stranger.get("/").wants(http.StatusOK)
	stranger.get("/sign-in").wants(http.StatusOK)
	stranger.get("/healthz").wants(http.StatusOK)
	stranger.get("/readyz").wants(http.StatusServiceUnavailable)
	stranger.get("/static/x/css/rally.css").wants(http.StatusOK)
	for _, again := range []*answer{
		stranger.post("/sign-in", "email", "ada@example.org", "password", password),
		stranger.post("/sign-up", "name", "Ada", "email", "ada@example.org", "password", password),
	} {
		again.wants(http.StatusServiceUnavailable)
		again.has(`input[name=email][value="ada@example.org"]:not([aria-invalid])`)
		if id := again.Header.Get("X-Request-Id"); !strings.Contains(again.text, id) || again.Header.Get("Retry-After") == "" {
			t.Errorf("%s: the form names neither the request nor a time", again.Request.URL.Path)
		}
	}
}

func TestStatusRoutes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	b.get("/healthz").wants(http.StatusOK)
	b.get("/readyz").wants(http.StatusOK)
	s.handlers.Drain()
	b.get("/readyz").wants(http.StatusServiceUnavailable)
	b.get("/healthz").wants(http.StatusOK)
	b.get("/").wants(http.StatusOK)
	if robots := b.get("/robots.txt"); !strings.Contains(robots.text, "User-agent: *") {
		t.Errorf("robots.txt is %q", robots.text)
	}
	b.get("/favicon.ico").wants(http.StatusOK)
	b.get("/static/x/nothing.css").wants(http.StatusNotFound)
	b.get("/static/x/../../go.mod").wants(http.StatusNotFound)
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	for _, path := range []string{"/", "/sign-in", "/healthz", "/robots.txt", "/nowhere"} {
		get, head := b.get(path), b.do(http.MethodHead, path, nil)
		if head.StatusCode != get.StatusCode || head.text != "" {
			t.Errorf("%s: HEAD gave %d with %d bytes", path, head.StatusCode, len(head.text))
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	plain := b.get("/", header{"Accept-Encoding", "identity"})
	squeezed := b.get("/", header{"Accept-Encoding", "br;q=1.0, gzip;q=0.8"})
	if squeezed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal("the page is not compressed")
	}
	r, err := gzip.NewReader(strings.NewReader(squeezed.text))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, r); err != nil {
		t.Fatal(err)
	}
	if text.String() != plain.text {
		t.Error("the compressed page is another one")
	}
	if len(squeezed.text)*2 > len(plain.text) {
		t.Errorf("%d bytes became %d", len(plain.text), len(squeezed.text))
	}
	for _, none := range []string{"gzip;q=0", "gzip; q=0.0", "br", "identity"} {
		if b.get("/", header{"Accept-Encoding", none}).Header.Get("Content-Encoding") != "" {
			t.Errorf("%q got a compressed page", none)
		}
	}
	if !strings.Contains(plain.Header.Get("Vary"), "Accept-Encoding") {
		t.Error("the answer does not vary")
	}
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	res := b.get("/players/1?before=", header{"X-Request-Id", "from-outside"}, header{"X-Forwarded-For", "203.0.113.9"})
	res.wants(http.StatusOK)
	id := res.Header.Get("X-Request-Id")
	if id == "from-outside" {
		t.Error("a stranger's request id was believed")
	}
	var lines []map[string]any
	until(t, "the log line", func() bool {
		lines = s.log.with("request", map[string]any{"id": id})
		return len(lines) > 0
	})
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	line := lines[0]
	for field, want := range map[string]any{
		"level": "INFO", "method": "GET", "route": "/players/:id", "status": float64(200),
		"user": float64(b.user.ID), "address": "127.0.0.1",
	} {
		if line[field] != want {
			t.Errorf("%s is %v, want %v", field, line[field], want)
		}
	}
	for _, field := range []string{"ms", "bytes"} {
		if n, ok := line[field].(float64); !ok || n <= 0 {
			t.Errorf("%s is %v", field, line[field])
		}
	}
}

func TestTrustedProxy(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("198.51.100.0/24")}
	})
	b := s.browser(t)
	address := func(forwarded, id string) string {
		t.Helper()
		res := b.get("/healthz", header{"X-Forwarded-For", forwarded}, header{"X-Request-Id", id})
		if got := res.Header.Get("X-Request-Id"); got != id {
			t.Errorf("the request id became %q", got)
		}
		var lines []map[string]any
		until(t, "the log line", func() bool {
			lines = s.log.with("request", map[string]any{"id": id})
			return len(lines) > 0
		})
		got, _ := lines[0]["address"].(string)
		return got
	}
	for i, test := range []struct{ forwarded, want string }{
		{"203.0.113.9", "203.0.113.9"},
		{"192.0.2.1, 203.0.113.9", "203.0.113.9"}, // the first is what a stranger made up
		{"192.0.2.1, 203.0.113.9, 198.51.100.7", "203.0.113.9"},
		{"nonsense", "127.0.0.1"},
	} {
		if got := address(test.forwarded, "proxy-id-"+string(rune('0'+i))); got != test.want {
			t.Errorf("%q gave %q, want %q", test.forwarded, got, test.want)
		}
	}
	if got := b.get("/healthz", header{"X-Request-Id", "bad id\"<>"}).Header.Get("X-Request-Id"); len(got) != 16 {
		t.Errorf("a bad id became %q", got)
	}
}

func TestPanicsBecomePages(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.People = panicky{c.People} })
	res := s.browser(t).get("/players/7")
	res.wants(http.StatusInternalServerError)
	if id := res.Header.Get("X-Request-Id"); !strings.Contains(res.text, id) {
		t.Error("the page does not name the request")
	}
	if strings.Contains(res.text, "boom") {
		t.Error("the page tells the cause")
	}
	lines := s.log.with("request", map[string]any{"status": float64(500), "level": "ERROR"})
	if len(lines) != 1 || !strings.Contains(lines[0]["error"].(string), "boom") {
		t.Errorf("log lines: %v", lines)
	}
	s.browser(t).get("/players/8").wants(http.StatusInternalServerError) // the server lives
}

// panicky is a part of ours with a fault in it.
type panicky struct{ handlers.People }

func (panicky) FindPerson(_ context.Context, _, id rally.UserID) (rally.Person, error) {
	if id == 7 {
		panic("boom")
	}
	return rally.Person{}, errors.New("an error nobody has a word for")
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := handlers.New(handlers.Config{}); err == nil {
		t.Error("an empty Config gave no error")
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	b.get("/").has("html[lang=en]:not([data-theme])")
	res := b.post("/preferences", "locale", "ko", "next", "/sign-in")
	res.leadsTo("/sign-in")
	if c := res.setsCookie(localeCookie); c == nil || !c.Secure || !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %v", c)
	}
	b.post("/preferences", "theme", "dark", "next", "/").leadsTo("/")
	b.get("/", header{"Accept-Language", "en"}).has("html[lang=ko][data-theme=dark]")
	b.post("/preferences", "theme", "system").leadsTo("/")
	b.get("/").has("html[lang=ko]:not([data-theme])")
	b.post("/preferences", "theme", "plaid").wants(http.StatusUnprocessableEntity)
	b.post("/preferences", "locale", "tlh").wants(http.StatusUnprocessableEntity)

	// What was chosen goes into the account, and from there to other browsers.
	b.post("/preferences", "theme", "dark")
	b.post("/sign-up", "name", "Ada", "email", "ada@example.org", "password", password).leadsTo("/play")
	other := s.browser(t)
	other.post("/sign-in", "email", "ada@example.org", "password", password).leadsTo("/play")
	other.get("/play").has("html[lang=ko][data-theme=dark]")
	other.post("/preferences", "theme", "light", "next", "/play").leadsTo("/play")
	b.get("/play").has("html[lang=ko][data-theme=light]")
	other.post("/preferences", "theme", "system", "locale", "en")
	if user := s.account(t, "ada@example.org").User; user.Theme != "" || user.Locale != "en" {
		t.Errorf("the account has %q and %q", user.Locale, user.Theme)
	}
	// A page that says what is wrong is at an address that only forms are sent to.
	wrong := other.post("/settings/name", "name", "")
	wrong.wants(http.StatusUnprocessableEntity)
	wrong.has(`footer input[name=next][value="/settings"]`)
	// htmx leaves the page, for the whole of it changes.
	if got := other.postWith(partial(), "/preferences", "locale", "ko", "next", "/play").Header.Get("HX-Redirect"); got != "/play" {
		t.Errorf("HX-Redirect is %q", got)
	}
}
