package views_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/views"
)

func TestMatchWaiting(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Match(aMatch(views.PhaseWaiting)))
	d.has("#court[data-match=abcdefghijkl][data-side='0'][data-left=Mina][data-right=Joon] canvas[tabindex='0'][aria-label]",
		"#court #court-score[aria-live=polite]", "#court button[data-dir='-1'][aria-label=Up]", "#court button[data-dir='1'][aria-label=Down]",
		"#court button#sound[aria-pressed=false]", "#court noscript", "#ping-left", "#ping-right",
		"script[type=module][src$='/js/pong.js']",
		"#match-panel form[action='/matches/abcdefghijkl/ready'][data-hx-target='#match-panel'] button[autofocus]",
		"#match-panel time[data-count=down][datetime=PT17S]", "head noscript")
	d.says("h1", "Mina against Joon")
	d.lacks("#court #match-panel", "#match-panel #court")

	m := aMatch(views.PhaseWaiting)
	m.Players[rally.Left].Ready = true
	d = render(t, "en", views.Match(m))
	d.lacks("form[action$='/ready']")
	d.says(".readiness .is-ready", "Mina: ready")
}

// The page names every module the court is made of, so that none waits for
// another to be read first.
func TestTheCourtIsPreloadedWhole(t *testing.T) {
	t.Parallel()
	const start = "js/pong.js"
	imports := regexp.MustCompile(`(?m)^import .* from "\./([\w.]+)";$`)
	want := map[string]bool{start: true}
	for next := []string{start}; len(next) > 0; next = next[1:] {
		source, err := os.ReadFile("../static/" + next[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range imports.FindAllSubmatch(source, -1) {
			if name := "js/" + string(m[1]); !want[name] {
				want[name] = true
				next = append(next, name)
			}
		}
	}
	d := render(t, "en", views.Match(aMatch(views.PhasePlaying)))
	got := make(map[string]bool)
	for _, n := range d.all("head link[rel=modulepreload]") {
		got[strings.TrimPrefix(attr(n, "href"), "/static/test/")] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("preloads %v, the court is %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	render(t, "en", views.Match(aMatch(views.PhaseOver))).lacks("link[rel=modulepreload]")
}

func TestMatchAgainstTheBot(t *testing.T) {
	t.Parallel()
	m := aMatch(views.PhaseWaiting)
	m.Kind, m.Players[rally.Right] = rally.Practice, views.MatchPlayer{Bot: rally.BotMedium}
	d := render(t, "en", views.Match(m))
	d.says("h1", "Rally bot, medium")
	d.has("#court canvas[autofocus]")
	d.lacks("form[action$='/ready']", ".seat.right .rating", ".seat.right a")
}

func TestMatchPlaying(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Match(aMatch(views.PhasePlaying)))
	d.has("#match-panel details form[action='/matches/abcdefghijkl/resign'] button", "#match-panel[data-focus=court-canvas]")
	d.says(".seat.left", "1534")
	d.says(".seat.right", "provisional")

	m := aMatch(views.PhasePlaying)
	m.You = rally.NoSide
	d = render(t, "en", views.Match(m))
	d.has("#court[data-side='-1']")
	d.says("#match-panel", "watching")
	d.lacks("#match-panel form", "button[data-dir]")
}

func TestMatchPaused(t *testing.T) {
	t.Parallel()
	m := aMatch(views.PhasePaused)
	m.Players[rally.Right].Connected = false
	d := render(t, "en", views.MatchPanel(m))
	d.says(".deadline", "Joon lost the connection")
	d.has(".deadline time[data-count=down][datetime=PT24S]")
}

func TestMatchOver(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Match(aMatch(views.PhaseOver)))
	d.lacks("#court", "script[src$='/js/pong.js']", "head noscript")
	d.says("h2", "You won")
	d.says(".final-won", "Mina")
	d.says(".final-won", "11")
	d.says(".record", "+12")
	d.says(".record", "−17")
	d.says(".record", "3 min 12 s")
	d.has(".record time[datetime='2026-11-22T12:04:00Z']", ".record time[datetime=PT192S]")
}

func TestMatchOutcomes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*views.MatchPage)
		title  string
		words  string
	}{
		"lost":          {func(m *views.MatchPage) { m.You = rally.Right }, "You lost", ""},
		"seen by a fan": {func(m *views.MatchPage) { m.You = rally.NoSide }, "Mina won", ""},
		"forfeited":     {func(m *views.MatchPage) { m.Outcome = rally.Forfeited }, "You won", "Joon gave up"},
		"given up":      {func(m *views.MatchPage) { m.Outcome, m.You = rally.Forfeited, rally.Right }, "You lost", "You gave up"},
		"no show":       {func(m *views.MatchPage) { m.Outcome, m.Winner = rally.NoShow, rally.NoSide }, "No result", "not ready in time"},
		"abandoned":     {func(m *views.MatchPage) { m.Outcome, m.Winner = rally.Abandoned, rally.NoSide }, "No result", "Both players"},
		"interrupted":   {func(m *views.MatchPage) { m.Outcome, m.Winner = rally.Interrupted, rally.NoSide }, "No result", "server"},
		"being stored":  {func(m *views.MatchPage) { m.Stored, m.Players[rally.Left].Rated = false, false }, "You won", "new ratings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := aMatch(views.PhaseOver)
			tc.change(&m)
			d := render(t, "en", views.MatchPanel(m))
			d.says("h2", tc.title)
			d.says("#match-panel", tc.words)
		})
	}
}

func TestRematch(t *testing.T) {
	t.Parallel()
	m := aMatch(views.PhaseOver)
	m.RematchOpen = true
	d := render(t, "en", views.MatchPanel(m))
	d.has("form[action='/matches/abcdefghijkl/rematch'] button", "a[href='/play']")

	m.Players[rally.Right].Rematch = true
	d = render(t, "en", views.PushMatchPanel(m))
	d.has("form[action$='/rematch']")
	d.says("hx-partial[data-hx-target='#status']", "Joon would like a rematch")

	m.Players[rally.Left].Rematch = true
	d = render(t, "en", views.MatchPanel(m))
	d.says("#match-panel", "Waiting for Joon")
	d.lacks("form[action$='/rematch']")

	m.Next = "mnopqrstuvwx"
	d = render(t, "en", views.MatchPanel(m))
	d.has("a[href='/matches/mnopqrstuvwx']", "[data-hx-get='/play']")

	m.Next, m.RematchOpen, m.Players[rally.Left].Rematch = "", false, false
	d = render(t, "en", views.MatchPanel(m))
	d.lacks("form")
}

func TestPushedPanelFindsItsOwnMatch(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.PushMatchPanel(aMatch(views.PhasePlaying)))
	if got := attr(d.one("hx-partial"), "data-hx-target"); got != `#match-panel[data-match="abcdefghijkl"]` {
		t.Errorf("target is %s", got)
	}
	d.has("#match-panel[data-match=abcdefghijkl]")
}

func TestReadyIsSpoken(t *testing.T) {
	t.Parallel()
	m := aMatch(views.PhaseWaiting)
	m.Players[rally.Right].Ready = true
	d := render(t, "en", views.PushMatchPanel(m))
	d.says("hx-partial[data-hx-target='#status']", "Joon is ready")
}

// TestHostileNames holds that a name is text wherever it is shown. Such names
// cannot be chosen; should one get in all the same, it does nothing.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	const name = `"><img src=x onerror=alert(1)><script>alert(2)</script>{{.}}`
	m := aMatch(views.PhasePaused)
	m.Players[rally.Right].Name, m.Players[rally.Right].Connected = name, false
	m.Viewer.User.Name = name
	over := aMatch(views.PhaseOver)
	over.Players[rally.Right].Name, over.Outcome = name, rally.Forfeited
	profile := aProfile()
	profile.User.Name, profile.Matches[0].Opponent.Name = name, name
	path := member(`/x?"><img src=x>`)
	for what, d := range map[string]document{
		"match":   render(t, "en", views.Match(m)),
		"over":    render(t, "en", views.Match(over)),
		"push":    render(t, "ko", views.PushMatchPanel(m)),
		"profile": render(t, "ko", views.Profile(profile)),
		"path":    render(t, "en", views.Error(views.ErrorPage{Page: path, Status: 503, Message: "error.busy"})),
		"form": render(t, "en", views.SignUp(views.SignUpPage{
			Page: anybody("/sign-up"), Next: name, Name: views.Field{Value: name, Problem: "field.name_chars"},
		})),
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d.t = t
			d.lacks("img")
			checkHarmless(t, d)
			if what != "path" && !strings.Contains(d.text, "&lt;img src=x") && !strings.Contains(d.text, "%3Cimg") {
				t.Error("the name is not shown at all")
			}
		})
	}
}

func TestNamesDoNotReorderTheirSurroundings(t *testing.T) {
	t.Parallel()
	m := aMatch(views.PhasePaused)
	m.Players[rally.Right].Name, m.Players[rally.Right].Connected = "שרה", false
	d := render(t, "en", views.MatchPanel(m))
	d.says(".deadline", "\u2068שרה\u2069 lost")
	m.Players[rally.Right].Name = "민지"
	d = render(t, "ko", views.MatchPanel(m))
	d.says(".deadline", "민지 님의 연결이")
}

func TestCountdownsEndAtZero(t *testing.T) {
	t.Parallel()
	m := aMatch(views.PhaseWaiting)
	for left, want := range map[time.Duration]string{
		-time.Second: "0:00", 0: "0:00", time.Millisecond: "0:01", 19*time.Second + time.Millisecond: "0:20", 61 * time.Second: "1:01",
	} {
		m.ReadyLeft = left
		if got := textOf(render(t, "en", views.MatchPanel(m)).one("time")); got != want {
			t.Errorf("%v left is shown as %q, want %q", left, got, want)
		}
	}
}

// What was pushed while a page had no socket is lost, so panels ask for
// themselves when it opens; and for what nobody pushes they ask now and then.
func TestPanelsAskAgain(t *testing.T) {
	t.Parallel()
	const onConnection = "[data-hx-trigger='htmx:ws:after:connection from:body']"
	render(t, "en", views.QueuePanel(views.PlayPage{Page: member("/play"), Points: 11})).has("#queue[data-hx-get='/play']" + onConnection)

	playing := aMatch(views.PhasePlaying)
	d := render(t, "en", views.MatchPanel(playing))
	d.has("#match-panel[data-hx-get='/matches/abcdefghijkl']" + onConnection)
	d.lacks("[data-hx-trigger^=every]")

	playing.You = rally.NoSide
	render(t, "en", views.MatchPanel(playing)).has("[data-hx-trigger^=every][data-hx-target='#match-panel']")

	over := aMatch(views.PhaseOver)
	over.Stored = false
	render(t, "en", views.MatchPanel(over)).has("[data-hx-trigger^=every][data-hx-target='#match-panel']")
	over.Stored = true
	render(t, "en", views.MatchPanel(over)).lacks("[data-hx-trigger^=every]")
}
