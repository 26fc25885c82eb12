package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// player is somebody who uses the site without a browser, as docs/protocol.md
// says it can be used.
type player struct {
	t     *testing.T
	house *house
	http  *http.Client
	name  string
	id    string // as profiles' addresses have it
}

var players atomic.Int64

// newPlayers signs up several strangers. One after the other: a password's hash
// costs much on purpose.
func (h *house) newPlayers(n int) []*player {
	h.t.Helper()
	made := make([]*player, n)
	for i := range made {
		p := h.stranger()
		p.name = fmt.Sprintf("Player %d", players.Add(1))
		p.must("/sign-up", "name", p.name, "email", p.email(), "password", password)
		p.id = profileLink.FindString(p.get("/play").body)
		made[i] = p
	}
	return made
}

var profileLink = regexp.MustCompile(`/players/[0-9]+`)

// stranger gives somebody without an account.
func (h *house) stranger() *player {
	h.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	c := client()
	c.Jar, c.Timeout = jar, soon
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.t.Cleanup(c.CloseIdleConnections)
	return &player{t: h.t, house: h, http: c}
}

func (p *player) email() string {
	return strings.ReplaceAll(strings.ToLower(p.name), " ", ".") + "@example.org"
}

// answer is what the site says to a request.
type answer struct {
	status int
	header http.Header
	body   string
	begun  time.Time
	took   time.Duration
}

func (p *player) get(path string) answer { return p.ask(http.MethodGet, path, nil) }

// post sends a form, given as names and values by turns.
func (p *player) post(path string, fields ...string) answer {
	form := url.Values{}
	for pair := range slices.Chunk(fields, 2) {
		form.Set(pair[0], pair[1])
	}
	return p.ask(http.MethodPost, path, form)
}

// ask makes a request. One that gets no answer at all has the status 0.
func (p *player) ask(method, path string, form url.Values) answer {
	begun := time.Now()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.house.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{body: err.Error()}
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := p.http.Do(r)
	if err != nil {
		return answer{body: err.Error(), begun: begun, took: time.Since(begun)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{body: err.Error(), begun: begun, took: time.Since(begun)}
	}
	return answer{response.StatusCode, response.Header, string(body), begun, time.Since(begun)}
}

// must is post for what is answered by another page, and gives its address.
func (p *player) must(path string, fields ...string) string {
	p.t.Helper()
	a := p.post(path, fields...)
	if a.status != http.StatusSeeOther {
		p.t.Fatalf("POST %s: %d\n%s", path, a.status, a.body)
	}
	return a.header.Get("Location")
}

// meet has two players find each other in the queue, go on court and be ready,
// and gives the match's path. Nobody else may be waiting.
func meet(a, b *player) (match string, onCourt [2]*court) {
	a.t.Helper()
	a.must("/play")
	b.must("/play")
	for _, p := range []*player{a, b} {
		eventually(p.t, "the pairing", func() bool {
			now := p.get("/play")
			match = now.header.Get("Location")
			return now.status == http.StatusSeeOther
		})
	}
	onCourt = [2]*court{a.enter(match), b.enter(match)}
	a.must(match + "/ready")
	b.must(match + "/ready")
	return match, onCourt
}
