package handlers_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"rally"
	"rally/store"
)

// browser is somebody's: it keeps cookies and follows no redirect by itself.
type browser struct {
	t    *testing.T
	site *site
	http *http.Client
	user rally.User
	node *store.Places // where it is live without a socket, in tests that say so
}

// browser gives a fresh one.
func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, site: s, http: &http.Client{
		Transport:     s.Client().Transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is a response, read whole.
type answer struct {
	*http.Response
	t    *testing.T
	text string
}

// header is a header to send.
type header struct{ name, value string }

// partial are the headers htmx sends when it wants part of a page.
func partial() []header {
	return []header{{"HX-Request", "true"}, {"HX-Request-Type", "partial"}}
}

func (b *browser) get(path string, headers ...header) *answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil, headers...)
}

// post sends a form, given as names and values by turns.
func (b *browser) post(path string, fields ...string) *answer {
	b.t.Helper()
	return b.postWith(nil, path, fields...)
}

func (b *browser) postWith(headers []header, path string, fields ...string) *answer {
	b.t.Helper()
	form := url.Values{}
	for pair := range slices.Chunk(fields, 2) {
		form.Set(pair[0], pair[1])
	}
	headers = append([]header{
		{"Content-Type", "application/x-www-form-urlencoded"},
		{"Origin", b.site.URL},
		{"Sec-Fetch-Site", "same-origin"},
	}, headers...)
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()), headers...)
}

func (b *browser) do(method, path string, body io.Reader, headers ...header) *answer {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.site.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, h := range headers {
		req.Header.Set(h.name, h.value)
	}
	res, err := b.http.Do(req)
	if err != nil {
		panic(err) // it may not be the test's own goroutine
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		panic(err)
	}
	return &answer{Response: res, t: b.t, text: string(text)}
}

// cookie gives the value of one of the browser's cookies, or "".
func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.site.URL)
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// setCookie puts a cookie into the browser; an empty value takes it out.
func (b *browser) setCookie(name, value string) {
	u, _ := url.Parse(b.site.URL)
	c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true}
	if value == "" {
		c.MaxAge = -1
	}
	b.http.Jar.SetCookies(u, []*http.Cookie{c})
}

// session gives the id in the session cookie.
func (b *browser) session() rally.SessionID {
	id, _, _ := strings.Cut(b.cookie(sessionCookie), ".")
	return rally.SessionID(id)
}

// wants fails the test unless the status is this one.
func (a *answer) wants(status int) {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s %s: got %d, want %d\n%s", a.Request.Method, a.Request.URL.RequestURI(), a.StatusCode, status, a.text)
	}
}

// leadsTo fails the test unless the answer is a redirect to path.
func (a *answer) leadsTo(path string) {
	a.t.Helper()
	a.wants(http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != path {
		a.t.Fatalf("%s %s leads to %q, not %q", a.Request.Method, a.Request.URL.RequestURI(), got, path)
	}
}

// find gives the elements of the page that match a CSS selector.
func (a *answer) find(selector string) []*html.Node {
	a.t.Helper()
	root, err := html.Parse(strings.NewReader(a.text))
	if err != nil {
		a.t.Fatal(err)
	}
	sel, err := cascadia.Parse(selector)
	if err != nil {
		a.t.Fatal(err)
	}
	return cascadia.QueryAll(root, sel)
}

// has fails the test unless the page has the element.
func (a *answer) has(selector string) {
	a.t.Helper()
	if len(a.find(selector)) == 0 {
		a.t.Errorf("%s %s has no %s:\n%s", a.Request.Method, a.Request.URL.RequestURI(), selector, a.text)
	}
}

// hasNot fails the test if the page has the element.
func (a *answer) hasNot(selector string) {
	a.t.Helper()
	if len(a.find(selector)) > 0 {
		a.t.Errorf("%s %s has %s:\n%s", a.Request.Method, a.Request.URL.RequestURI(), selector, a.text)
	}
}

// attr gives an attribute of the first element that matches.
func (a *answer) attr(selector, name string) string {
	a.t.Helper()
	for _, node := range a.find(selector) {
		for _, at := range node.Attr {
			if at.Key == name {
				return at.Val
			}
		}
	}
	return ""
}

// setsCookie gives the cookie of this name that the answer sets, or nil.
func (a *answer) setsCookie(name string) *http.Cookie {
	var found *http.Cookie
	for _, c := range a.Cookies() {
		if c.Name == name {
			found = c
		}
	}
	return found
}
