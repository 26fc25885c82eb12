package views_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"rally"
	"rally/views"
)

// site renders components as the handlers do, with addresses a test can tell.
func site(t *testing.T) *views.Views {
	t.Helper()
	v, err := views.New(views.Config{Asset: func(name string) string { return "/static/test/" + name }})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// document is a rendered component, ready to be asked.
type document struct {
	t    *testing.T
	text string
	root *html.Node
}

func render(t *testing.T, locale string, c templ.Component) document {
	t.Helper()
	body, err := site(t).Render(t.Context(), locale, c)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return document{t: t, text: string(body), root: root}
}

func (d document) all(selector string) []*html.Node {
	d.t.Helper()
	s, err := cascadia.ParseGroup(selector)
	if err != nil {
		d.t.Fatalf("selector %q: %v", selector, err)
	}
	return cascadia.QueryAll(d.root, s)
}

// one gives the only element that selector matches.
func (d document) one(selector string) *html.Node {
	d.t.Helper()
	found := d.all(selector)
	if len(found) != 1 {
		d.t.Fatalf("%d elements match %s, want 1, in:\n%s", len(found), selector, d.text)
	}
	return found[0]
}

// has fails unless every selector matches something.
func (d document) has(selectors ...string) {
	d.t.Helper()
	for _, s := range selectors {
		if len(d.all(s)) == 0 {
			d.t.Errorf("nothing matches %s in:\n%s", s, d.text)
		}
	}
}

// lacks fails if any selector matches something.
func (d document) lacks(selectors ...string) {
	d.t.Helper()
	for _, s := range selectors {
		if n := len(d.all(s)); n > 0 {
			d.t.Errorf("%d elements match %s, want none", n, s)
		}
	}
}

// says fails unless the one element that selector matches contains words.
func (d document) says(selector, words string) {
	d.t.Helper()
	if got := textOf(d.one(selector)); !strings.Contains(got, words) {
		d.t.Errorf("%s says %q, want %q in it", selector, got, words)
	}
}

// rawText gives the text below n as it is.
func rawText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// textOf gives the text below n, with runs of white space folded.
func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const someMatch = rally.MatchID("abcdefghijkl")

// anybody is the page of someone not signed in, member that of Mina.
func anybody(path string) views.Page {
	return views.Page{Path: path, RequestID: "01JREQUEST", Viewer: rally.Viewer{Locale: "en"}}
}

func member(path string) views.Page {
	p := anybody(path)
	p.Viewer.Stage = rally.StageFull
	p.Viewer.User = rally.User{
		ID: 7, Name: "Mina", Rating: rally.Rating{Value: 1534.4, Deviation: 82, Volatility: 0.06},
		Wins: 3, Losses: 2, CreatedAt: noon,
	}
	return p
}

// aMatch is a rated match between Mina, at the left, and Joon, seen by Mina.
func aMatch(phase views.MatchPhase) views.MatchPage {
	m := views.MatchPage{
		Page: member("/matches/" + string(someMatch)), ID: someMatch, Kind: rally.Rated, Points: 11, Phase: phase,
		You: rally.Left, Winner: rally.NoSide, ReadyLeft: 17 * time.Second,
		Players: [2]views.MatchPlayer{
			{User: 7, Name: "Mina", Rating: 1534, Score: 7, Connected: true, PauseLeft: 30 * time.Second},
			{User: 8, Name: "Joon", Rating: 1498, Score: 9, Connected: true, PauseLeft: 24 * time.Second, Provisional: true},
		},
	}
	if phase == views.PhaseOver {
		m.Outcome, m.Winner, m.Stored = rally.Won, rally.Left, true
		m.StartedAt, m.FinishedAt, m.Duration = noon, noon.Add(4*time.Minute), 192*time.Second
		m.Players[0].Score, m.Players[0].Rated, m.Players[0].RatingAfter = 11, true, 1546
		m.Players[1].Rated, m.Players[1].RatingAfter = true, 1481
	}
	return m
}

func aProfile() views.ProfilePage {
	p := member("/players/7")
	return views.ProfilePage{
		Page: p, PersonCard: cardOf(p.Viewer.User), Own: true, Older: "2026&x=1", Rank: 12, History: someHistory(),
		Matches: []views.MatchRow{
			{ID: someMatch, Kind: rally.Rated, Opponent: views.MatchPlayer{User: 8, Name: "Joon"}, Won: true, Decided: true, Outcome: rally.Won, Score: [2]int{11, 9}, Delta: 12, Finished: noon},
			{ID: someMatch, Kind: rally.Casual, Opponent: views.MatchPlayer{}, Decided: true, Outcome: rally.Forfeited, Score: [2]int{2, 3}, Finished: noon},
			{ID: someMatch, Kind: rally.Rated, Opponent: views.MatchPlayer{User: 9, Name: "Ace"}, Outcome: rally.NoShow, Finished: noon},
		},
	}
}

// pages are all there are, in their more telling states.
func pages() map[string]templ.Component {
	over, practice, watched := aMatch(views.PhaseOver), aMatch(views.PhaseWaiting), aMatch(views.PhasePlaying)
	over.RematchOpen, over.Players[1].Rematch = true, true
	practice.Kind, practice.Players[1] = rally.Practice, views.MatchPlayer{Bot: rally.BotHard}
	watched.You = rally.NoSide
	bad := views.Field{Value: "x", Problem: "field.name_short"}
	all := map[string]templ.Component{
		"landing":        views.Landing(views.LandingPage{Page: anybody("/"), Playing: 3}),
		"sign-up":        views.SignUp(views.SignUpPage{Page: anybody("/sign-up"), Next: "/play"}),
		"sign-up again":  views.SignUp(views.SignUpPage{Page: anybody("/sign-up"), Name: bad, Password: bad, Problem: "error.busy"}),
		"sign-in":        views.SignIn(views.SignInPage{Page: anybody("/sign-in"), Notice: "sign_in.reason_needed"}),
		"sign-in again":  views.SignIn(views.SignInPage{Page: anybody("/sign-in"), Problem: "sign_in.wrong"}),
		"play":           views.Play(views.PlayPage{Page: member("/play"), InQueue: 2}),
		"play, waiting":  views.Play(views.PlayPage{Page: member("/play"), Waiting: true, Waited: 42 * time.Second, InQueue: 1}),
		"play, in match": views.Play(views.PlayPage{Page: member("/play"), Live: someMatch, Notice: "error.already_playing"}),
		"match, waiting": views.Match(aMatch(views.PhaseWaiting)),
		"match, count":   views.Match(aMatch(views.PhaseCountdown)),
		"match, playing": views.Match(aMatch(views.PhasePlaying)),
		"match, paused":  views.Match(aMatch(views.PhasePaused)),
		"match, over":    views.Match(over),
		"match, bot":     views.Match(practice),
		"match, watched": views.Match(watched),
		"profile":        views.Profile(aProfile()),
		"profile, empty": views.Profile(views.ProfilePage{Page: anybody("/players/8"), PersonCard: cardOf(rally.User{ID: 8, Name: "Joon", Rating: rally.NewRating()})}),
		"error 401":      views.Error(views.ErrorPage{Page: anybody("/play?x=1"), Status: 401, Message: "sign_in.reason_needed"}),
		"error 404":      views.Error(views.ErrorPage{Page: member("/nowhere"), Status: 404, Message: "error.not_found"}),
		"error 503":      views.Error(views.ErrorPage{Page: anybody("/play"), Status: 503, Message: "error.database_away", RetryAfter: 5}),
	}
	maps.Copy(all, accountPages())
	maps.Copy(all, challengePages())
	maps.Copy(all, friendPages())
	maps.Copy(all, rankingPages())
	return all
}

// fragments are what is swapped into pages.
func fragments() map[string]templ.Component {
	waiting := views.PlayPage{Page: member("/play"), Waiting: true, InQueue: 2}
	all := map[string]templ.Component{
		"queue panel":      views.QueuePanel(waiting),
		"push queue panel": views.PushQueuePanel(waiting),
		"match panel":      views.MatchPanel(aMatch(views.PhasePaused)),
		"push match panel": views.PushMatchPanel(aMatch(views.PhaseOver)),
		"match rows":       views.MatchRows(aProfile()),
		"call":             views.Call(views.CallBanner{Match: someMatch}),
		"push call":        views.PushCall(views.CallBanner{Match: someMatch}),
		"call back":        views.Call(views.CallBanner{Match: someMatch, Back: true}),
		"problem":          views.Problem(views.ErrorPage{Page: member("/play"), Status: 503, Message: "error.busy", RetryAfter: 1}),
		"sign-up form":     views.SignUpForm(views.SignUpPage{Problem: "error.busy"}),
		"sign-in form":     views.SignInForm(views.SignInPage{}),
	}
	maps.Copy(all, accountFragments())
	maps.Copy(all, challengeFragments())
	maps.Copy(all, friendFragments())
	maps.Copy(all, rankingFragments())
	return all
}
