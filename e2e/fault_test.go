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
	slowest := time.Duration(0)
	for _, path := range []string{"/", "/play", match, both[0].id, both[1].id} {
		slowest = max(slowest, unavailable(t, path, both[0].get(path)))
	}
	slowest = max(slowest,
		unavailable(t, "POST /play", both[1].post("/play")),
		unavailable(t, "a profile", h.stranger().get(both[0].id)),
		unavailable(t, "signing in", h.stranger().post("/sign-in", "email", both[0].email(), "password", password)),
	)
	t.Logf("the slowest page says so within %v", slowest.Round(time.Millisecond))
	for path, want := range map[string]int{"/readyz": 503, "/healthz": 200, "/": 200, "/sign-in": 200} {
		if a := h.stranger().get(path); a.status != want || a.took > 2*time.Second {
			t.Errorf("a stranger's %s answers %d after %v, want %d", path, a.status, a.took, want)
		}
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
	took := eventually(t, 5*time.Second, "readiness", func() bool { return both[0].get("/readyz").status == http.StatusOK })
	t.Logf("ready %v after that", took.Round(time.Millisecond))
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
	took := eventually(t, time.Second, "readiness to end", func() bool { return both[0].get("/readyz").status != http.StatusOK })
	t.Logf("not ready any more after %v", took.Round(time.Millisecond))
	for _, c := range onCourt {
		if code := c.closing(5 * time.Second); code != 1012 {
			t.Errorf("a socket is closed with %d", code)
		}
	}
	t.Logf("the sockets are closed after %v", time.Since(begun).Round(time.Millisecond))
	if state := h.end(10*time.Second - time.Since(begun)); state.ExitCode() != 0 {
		t.Errorf("it ends with %v", state)
	}
	t.Logf("it is gone after %v", time.Since(begun).Round(time.Millisecond))
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
	h.end(soon)
	for _, c := range onCourt {
		if code := c.closing(soon); code != -1 {
			t.Errorf("a socket is closed with %d by somebody who is dead", code)
		}
	}
	took := h.start()
	t.Logf("started again in %v", took.Round(time.Millisecond))
	if took > 3*time.Second {
		t.Errorf("starting again takes %v", took)
	}
	if n := len(h.lines("the database was still running; using it")); n != 1 || h.postmaster() != postmaster {
		t.Errorf("%d lines say that the database is used on; it is process %s and was %s", n, h.postmaster(), postmaster)
	}

	for _, name := range []string{"rally_queue_length", "rally_matches_live", "rally_sockets"} {
		if n := h.metric(name); n != 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
	for _, p := range people {
		if a := p.get("/play"); a.status != http.StatusOK || a.took > 2*time.Second {
			t.Errorf("the lobby answers %d after %v", a.status, a.took)
		}
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

// unavailable checks a page that could not be made for want of the database,
// and gives how long it took.
func unavailable(t *testing.T, what string, a answer) time.Duration {
	t.Helper()
	switch {
	case a.status != http.StatusServiceUnavailable:
		t.Errorf("%s answers %d:\n%s", what, a.status, a.body)
	case a.took > 2*time.Second:
		t.Errorf("%s answers after %v", what, a.took)
	case a.header.Get("Retry-After") == "":
		t.Errorf("%s does not say when to try again", what)
	case !strings.HasPrefix(a.header.Get("Content-Type"), "text/html"):
		t.Errorf("%s answers with %s", what, a.header.Get("Content-Type"))
	case a.header.Get("X-Request-Id") == "" || !strings.Contains(a.body, a.header.Get("X-Request-Id")):
		t.Errorf("%s does not name the request %s:\n%s", what, a.header.Get("X-Request-Id"), a.body)
	case strings.Contains(a.body, "store:") || strings.Contains(a.body, "PGSQL"):
		t.Errorf("%s says more than people should know:\n%s", what, a.body)
	}
	return a.took
}

// steady checks that a match was played without a pause, and without a gap
// between its states longer than most.
func steady(t *testing.T, states []sighting, most time.Duration) {
	t.Helper()
	gap := time.Duration(0)
	for i, s := range states {
		if s.Phase == pong.Paused || s.Phase == pong.Countdown {
			t.Fatalf("the match is in phase %d", s.Phase)
		}
		if i > 0 {
			gap = max(gap, s.at.Sub(states[i-1].at))
		}
	}
	t.Logf("%d states, never more than %v apart", len(states), gap.Round(time.Millisecond))
	if len(states) == 0 || gap > most {
		t.Errorf("%d states came, %v apart", len(states), gap)
	}
}
