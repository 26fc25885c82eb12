package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rally"
	"rally/pong"
)

// The database goes away in the middle of a match, and comes back when the
// match is over: play goes on, pages say what is the matter, and the result is
// kept, once.
func TestFaultDatabaseAway(t *testing.T) {
	t.Parallel()
	db := newDatabase(t)
	if err := db.EnsureDatabase(t.Context(), "rally"); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, "RALLY_DATABASE_URL="+db.URL("rally"), "RALLY_POINTS=3")
	both := h.newPlayers(2)
	match, onCourt := meet(both[0], both[1])
	for _, c := range onCourt {
		c.until(soon, "play", playing)
	}

	away := time.Now()
	db.stop()
	t.Logf("the database is gone after %v", time.Since(away).Round(time.Millisecond))
	// In opposite corners, so that the ball does not go on for ever between two
	// paddles that stand in its way.
	onCourt[0].press(pong.Up)
	onCourt[1].press(pong.Down)
	for _, path := range []string{"/", "/play", match, both[0].id, both[1].id} {
		unavailable(t, path, both[0].get(path))
	}
	unavailable(t, "POST /play", both[1].post("/play"))
	unavailable(t, "a profile", h.stranger().get(both[0].id))
	unavailable(t, "signing in", h.stranger().post("/sign-in", "email", both[0].email(), "password", password))
	for path, want := range map[string]int{"/readyz": 503, "/healthz": 200, "/": 200, "/sign-in": 200} {
		a := h.stranger().get(path)
		if a.status != want {
			t.Errorf("a stranger's %s answers %d, want %d", path, a.status, want)
		}
		a.within(t, "a stranger's "+path)
	}

	var last sighting
	for _, c := range onCourt {
		last = c.until(3*time.Minute, "the end of the match", ended)
		steady(t, c.since(away), time.Second)
	}
	if a := h.stranger().get(match); a.status != http.StatusOK || !strings.Contains(a.body, both[0].name) || !strings.Contains(a.body, both[1].name) {
		t.Errorf("the match's page answers %d:\n%s", a.status, a.body)
	}

	back := time.Now()
	db.start()
	t.Logf("the database is back after %v", time.Since(back).Round(time.Millisecond))
	there := time.Now()
	took := eventually(t, "readiness", func() bool { return both[0].get("/readyz").status == http.StatusOK })
	within(t, "ready with the database back", there, took, 0, 5*time.Second)
	winner, loser := onCourt[0], onCourt[1]
	if last.Score[loser.side] == 3 {
		winner, loser = loser, winner
	}
	won := fmt.Sprintf("%.0f", rally.NewRating().After(rally.NewRating(), 1).Value)
	lost := fmt.Sprintf("%.0f", rally.NewRating().After(rally.NewRating(), 0).Value)
	for _, c := range onCourt {
		c.wait(soon, "the result to be pushed", func() bool {
			return slices.ContainsFunc(c.texts, func(s told) bool { return strings.Contains(s.text, won) && strings.Contains(s.text, lost) })
		})
	}
	t.Logf("the result is stored %v after the database is back", time.Since(back).Round(time.Millisecond))
	page := h.stranger().get(match)
	for _, text := range []string{both[0].name, both[1].name, won, lost} {
		if !strings.Contains(page.body, text) {
			t.Errorf("the match's page misses %s:\n%s", text, page.body)
		}
	}
	for _, c := range []*court{winner, loser} {
		p, figures := both[slices.Index(onCourt[:], c)], []string{won, "1", "0"}
		if c == loser {
			figures = []string{lost, "0", "1"}
		}
		profile := h.stranger().get(p.id)
		if n := strings.Count(profile.body, `href="`+match+`"`); n != 1 {
			t.Errorf("the match is on a profile %d times", n)
		}
		if got := figuresOf(profile.body); !slices.Equal(got, figures) {
			t.Errorf("a profile shows %v, want %v", got, figures)
		}
	}
	for message, want := range map[string]int{"match over": 1, "match not stored yet": 1, "match stored at last": 1} {
		if n := len(h.lines(message)); n != want {
			t.Errorf("%d lines say %q, want %d", n, message, want)
		}
	}
}

// The server is told to stop in the middle of a match, started again, and
// killed in the middle of the next.
func TestFaultRestarts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "RALLY_POINTS=21")
	people := h.newPlayers(3)
	t.Log("told to stop")
	stopped(t, h, people)
	t.Log("killed")
	killed(t, h, people)
}

// stopped tells the server to stop: it says so at once, takes leave of
// everybody and remembers that there was a match.
func stopped(t *testing.T, h *house, people []*player) {
	t.Helper()
	both := people[:2]
	match, onCourt := meet(both[0], both[1])
	for _, c := range onCourt {
		c.until(soon, "play", playing)
	}

	begun := time.Now()
	h.signal(syscall.SIGTERM)
	took := eventually(t, "readiness to end", func() bool { return both[0].get("/readyz").status != http.StatusOK })
	within(t, "not ready any more", begun, took, 0, time.Second)
	for _, c := range onCourt {
		if code := c.closing(); code != 1012 {
			t.Errorf("a socket is closed with %d", code)
		}
	}
	within(t, "the sockets closed", begun, time.Since(begun), 0, 5*time.Second)
	if state := h.end(); state.ExitCode() != 0 {
		t.Errorf("it ends with %v", state)
	}
	within(t, "gone", begun, time.Since(begun), 0, 10*time.Second)
	if found := h.complaints(); len(found) > 0 {
		t.Errorf("it complains of %q", found)
	}

	t.Logf("started again in %v", h.start().Round(time.Millisecond))
	page := h.stranger().get(match)
	if page.status != http.StatusOK || !strings.Contains(page.body, "The server had to stop the match.") {
		t.Errorf("the match's page answers %d:\n%s", page.status, page.body)
	}
	for _, p := range both {
		profile := h.stranger().get(p.id)
		if got, want := figuresOf(profile.body), []string{"1500", "0", "0"}; !slices.Equal(got, want) {
			t.Errorf("a profile shows %v, want %v", got, want)
		}
		if n := strings.Count(profile.body, `href="`+match+`"`); n != 1 {
			t.Errorf("the match is on a profile %d times", n)
		}
		if a := p.get("/play"); a.status != http.StatusOK {
			t.Errorf("the lobby answers %d to somebody who was playing", a.status)
		}
	}
}

// killed kills the server while people play and wait: it is soon back, with
// its database as it was, and nobody is held to what they did before.
func killed(t *testing.T, h *house, people []*player) {
	t.Helper()
	match, onCourt := meet(people[0], people[1])
	for _, c := range onCourt {
		c.until(soon, "play", playing)
	}
	waiting := people[2]
	waiting.must("/play")
	if n := h.metric("rally_queue_length"); n != 1 {
		t.Fatalf("%v are waiting", n)
	}
	postmaster := h.postmaster()

	h.signal(syscall.SIGKILL)
	h.end()
	for _, c := range onCourt {
		if code := c.closing(); code != -1 {
			t.Errorf("a socket is closed with %d by somebody who is dead", code)
		}
	}
	begun := time.Now()
	within(t, "started again", begun, h.start(), 0, 3*time.Second)
	if n := len(h.lines("the database was still running; using it")); n != 1 || h.postmaster() != postmaster {
		t.Errorf("%d lines say that the database is used on; it is process %s and was %s", n, h.postmaster(), postmaster)
	}

	for _, name := range []string{"rally_queue_length", "rally_matches_live", "rally_sockets"} {
		if n := h.metric(name); n != 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
	for _, p := range people {
		a := p.get("/play")
		if a.status != http.StatusOK {
			t.Errorf("the lobby answers %d", a.status)
		}
		a.within(t, "the lobby")
	}
	if a := h.stranger().get(match); a.status != http.StatusNotFound {
		t.Errorf("the page of the match that is lost answers %d", a.status)
	}
	again := h.stranger()
	if to := again.must("/sign-in", "email", people[0].email(), "password", password); to != "/play" {
		t.Errorf("signing in leads to %s", to)
	}
	again.must("/play")
	if a := again.get("/play"); !strings.Contains(a.body, "You are the only one waiting.") {
		t.Errorf("somebody else is waiting:\n%s", a.body)
	}
	_, onCourt = meet(again, waiting)
	for _, c := range onCourt {
		c.until(soon, "play", playing)
	}
	if found := h.complaints(); len(found) > 0 {
		t.Errorf("it complains of %q", found)
	}
}

// unavailable checks a page that could not be made for want of the database.
func unavailable(t *testing.T, what string, a answer) {
	t.Helper()
	a.within(t, what)
	switch {
	case a.status != http.StatusServiceUnavailable:
		t.Errorf("%s answers %d:\n%s", what, a.status, a.body)
	case a.header.Get("Retry-After") == "":
		t.Errorf("%s does not say when to try again", what)
	case !strings.HasPrefix(a.header.Get("Content-Type"), "text/html"):
		t.Errorf("%s answers with %s", what, a.header.Get("Content-Type"))
	case a.header.Get("X-Request-Id") == "" || !strings.Contains(a.body, a.header.Get("X-Request-Id")):
		t.Errorf("%s does not name the request %s:\n%s", what, a.header.Get("X-Request-Id"), a.body)
	case strings.Contains(a.body, "store:") || strings.Contains(a.body, "PGSQL"):
		t.Errorf("%s says more than people should know:\n%s", what, a.body)
	}
}

// within checks that an answer came in the time a page may take. A database
// that is away is given up after a second and a half of it.
func (a answer) within(t *testing.T, what string) {
	t.Helper()
	within(t, what+" answers", a.begun, a.took, 1500*time.Millisecond, 2*time.Second)
}

// steady checks that a match was played without a pause, and without a gap
// between its states longer than most, on a machine that has time for it.
func steady(t *testing.T, states []sighting, most time.Duration) {
	t.Helper()
	if len(states) == 0 {
		t.Fatal("no states came")
	}
	gap, after := time.Duration(0), states[0].at
	for i, s := range states {
		if s.Phase == pong.Paused || s.Phase == pong.Countdown {
			t.Fatalf("the match is in phase %d", s.Phase)
		}
		if i > 0 && s.at.Sub(states[i-1].at) > gap {
			gap, after = s.at.Sub(states[i-1].at), states[i-1].at
		}
	}
	within(t, fmt.Sprintf("of %d states one came", len(states)), after, gap, 0, most)
}
