package views_test

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"rally"
	"rally/views"
)

const someChallenge = rally.ChallengeID("mnopqrstuvwx")

// aChallenge is Mina's, to Joon, as one of the two sees it.
func aChallenge(own bool, change ...func(*views.ChallengePage)) views.ChallengePage {
	now := time.Now()
	p := views.ChallengePage{
		Page: member("/challenges/" + string(someChallenge)), Own: own, Open: true, Address: "https://rally.example/challenges/" + string(someChallenge),
		Challenge: rally.Challenge{
			ID: someChallenge, From: rally.User{ID: 7, Name: "Mina", Rating: rally.NewRating()}, To: 8, Points: 11, Rated: true,
			State: rally.ChallengeOpen, CreatedAt: now, ExpiresAt: now.Add(rally.ChallengeLife),
		},
		Other: rally.User{ID: 8, Name: "Joon"},
	}
	if !own {
		p.Viewer.User = p.Other
		p.Other = p.From
	}
	for _, f := range change {
		f(&p)
	}
	return p
}

func asLink(p *views.ChallengePage) {
	p.Link, p.To, p.ExpiresAt = true, 0, p.CreatedAt.Add(rally.ChallengeLinkLife)
	if p.Own {
		p.Other = rally.User{}
	}
}

func inState(state rally.ChallengeState) func(*views.ChallengePage) {
	return func(p *views.ChallengePage) { p.State, p.Open = state, false }
}

func ledTo(over bool) func(*views.ChallengePage) {
	return func(p *views.ChallengePage) {
		p.State, p.Open, p.Court, p.Over = rally.ChallengeAccepted, false, someMatch, over
	}
}

// challengePages are the pages of challenges and notices.
func challengePages() map[string]templ.Component {
	form := views.ChallengeFormPage{Page: member("/challenges/new"), Choices: []int{3, 11, 21}, Points: 11}
	to := form
	to.To, to.Problem, to.Wait = rally.User{ID: 8, Name: "Joon"}, "error.throttled", 30
	mine, link := aChallenge(true), aChallenge(true, asLink)
	all := map[string]templ.Component{
		"challenge form":           views.ChallengeForm(to),
		"challenge form, link":     views.ChallengeForm(form),
		"challenges":               views.Challenges(views.ChallengesPage{Page: member("/challenges"), ToMe: []rally.Challenge{mine.Challenge}, Mine: []views.MyChallenge{{Challenge: link.Challenge}, {Challenge: mine.Challenge, Other: mine.Other}}}),
		"challenges, none":         views.Challenges(views.ChallengesPage{Page: member("/challenges")}),
		"challenge, busy":          views.Challenge(aChallenge(false, func(p *views.ChallengePage) { p.Problem = "challenge.they_play" })),
		"challenge, tried":         views.Challenge(aChallenge(false, inState(rally.ChallengeAccepted), func(p *views.ChallengePage) { p.Again = true })),
		"challenge, taken":         views.Challenge(aChallenge(false, asLink, inState(rally.ChallengeAccepted), func(p *views.ChallengePage) { p.To = 9 })),
		"challenge, link, expired": views.Challenge(aChallenge(true, asLink, inState(rally.ChallengeOpen))),
		"notices":                  views.Notices(someNotices()),
		"notices, none":            views.Notices(views.NoticesPage{Page: member("/notices")}),
	}
	for _, own := range []bool{true, false} {
		who := map[bool]string{true: " of one's own", false: " to one"}[own]
		all["challenge"+who] = views.Challenge(aChallenge(own))
		all["link"+who] = views.Challenge(aChallenge(own, asLink))
		all["challenge, court"+who] = views.Challenge(aChallenge(own, ledTo(false)))
		all["challenge, played"+who] = views.Challenge(aChallenge(own, ledTo(true)))
		for _, state := range []rally.ChallengeState{rally.ChallengeOpen, rally.ChallengeAccepted, rally.ChallengeDeclined, rally.ChallengeWithdrawn} {
			all["challenge, over, "+string(state)+who] = views.Challenge(aChallenge(own, inState(state)))
		}
	}
	return all
}

func someNotices() views.NoticesPage {
	from := rally.User{ID: 8, Name: "Joon"}
	return views.NoticesPage{Page: member("/notices"), Unread: true, Older: 1, Now: noon, Notices: []rally.Notice{
		{ID: 6, Kind: rally.NoticeFriendAsked, From: from, At: noon},
		{ID: 5, Kind: rally.NoticeFriendAccepted, From: from, At: noon, Read: true},
		{ID: 4, Kind: rally.NoticeChallenged, From: from, Challenge: someChallenge, At: noon},
		{ID: 4, Kind: rally.NoticeChallenged, From: from, Challenge: someChallenge, At: noon.Add(-rally.ChallengeLife)},
		{ID: 3, Kind: rally.NoticeTournamentCall, Match: someMatch, At: noon},
		{ID: 2, Kind: rally.NoticeFriendAccepted, At: noon},
		{ID: 1, Kind: "odd", At: noon},
	}}
}

// challengeFragments are what is swapped into pages about them.
func challengeFragments() map[string]templ.Component {
	c := aChallenge(false)
	return map[string]templ.Component{
		"challenge panel":       views.ChallengePanel(c),
		"challenge lists":       views.ChallengeLists(views.ChallengesPage{ToMe: []rally.Challenge{c.Challenge}}),
		"invitations":           views.PushInvites([]rally.Challenge{c.Challenge}),
		"push challenge":        views.PushChallenge(someChallenge),
		"push declined":         views.PushDeclined(c.Challenge, rally.User{ID: 8, Name: "Joon"}),
		"challenge answer":      views.ChallengeAnswer(aChallenge(false, inState(rally.ChallengeDeclined)), nil),
		"challenge answer, bad": views.ChallengeAnswer(aChallenge(false, func(p *views.ChallengePage) { p.Problem = "challenge.gone" }), []rally.Challenge{c.Challenge}),
		"challenge answer, gone": views.ChallengeAnswer(views.ChallengePage{
			Challenge: rally.Challenge{ID: someChallenge}, Problem: "challenge.gone",
		}, nil),
		"notice rows": views.NoticeRows(someNotices()),
	}
}

// TestInvitationIsPolite: what comes is spoken once, and the clock is not.
func TestInvitationIsPolite(t *testing.T) {
	t.Parallel()
	c := aChallenge(false)
	// A clock that is wrong makes nobody wait for hours.
	c.CreatedAt, c.ExpiresAt = c.CreatedAt.Add(time.Hour), c.ExpiresAt.Add(time.Hour)
	page := views.SettingsPage{Page: c.Page}
	page.Inbox.Challenges = []rally.Challenge{c.Challenge}
	d := render(t, "en", views.Settings(page))
	d.has(
		"body > #invites[aria-live=polite][aria-relevant=additions]:not([aria-atomic]):not([role])",
		"#invites #challenge-"+string(someChallenge)+"[role=group][aria-labelledby]",
		"#invites [role=timer][aria-live=off] time[data-count=down]",
		"#invites form[action$='/accept'] button", "#invites form[action$='/decline'] button",
		"#invites [data-hx-trigger='load delay:301s']",
	)
	d.says("#invites p[id]", "Mina challenges you to a match.")
	render(t, "en", views.PushInvites([]rally.Challenge{c.Challenge})).says("time", "5:00")
	c.CreatedAt, c.ExpiresAt = c.CreatedAt.Add(-9*time.Hour), c.ExpiresAt.Add(-9*time.Hour)
	render(t, "en", views.PushInvites([]rally.Challenge{c.Challenge})).says("time", "0:00")
}

// TestEveryChallengeLeadsOn: whatever has become of a challenge, its page says
// so, names whom it was with by an element that can be renamed, and has a way on.
func TestEveryChallengeLeadsOn(t *testing.T) {
	t.Parallel()
	for name, page := range challengePages() {
		if !strings.HasPrefix(name, "challenge,") && !strings.HasSuffix(name, "to one") && !strings.HasSuffix(name, "own") {
			continue
		}
		d := render(t, "ko", page)
		d.has("#challenge h2[tabindex='-1']", "#challenge form button, #challenge a.button")
		if h := textOf(d.one("#challenge h2")); strings.Contains(h, "Mina") || strings.Contains(h, "Joon") {
			d.has("#challenge h2 [data-name]")
		}
	}
}

// TestStuckChallenge: while an accepted challenge has led to no match, who has
// made it can take it back, and who has accepted it can try again.
func TestStuckChallenge(t *testing.T) {
	t.Parallel()
	const withdraw, accept = "#challenge form[action$='/withdraw']", "#challenge form[action$='/accept']"
	for _, link := range []bool{false, true} {
		stuck := func(p *views.ChallengePage) {
			p.Link, p.State, p.Open, p.Again = link, rally.ChallengeAccepted, false, !p.Own
		}
		d := render(t, "en", views.Challenge(aChallenge(true, stuck)))
		d.has(withdraw)
		d.lacks(accept)
		d = render(t, "en", views.Challenge(aChallenge(false, stuck)))
		d.has(accept)
		d.lacks(withdraw)
	}
	for _, over := range []bool{false, true} {
		render(t, "en", views.Challenge(aChallenge(true, ledTo(over)))).lacks(withdraw)
	}
}

// TestSentencesWithNames: a name stands in its sentence as it would in print, and
// nowhere else.
func TestSentencesWithNames(t *testing.T) {
	t.Parallel()
	says := func(locale, want string, p views.ChallengePage) {
		t.Helper()
		got := strings.Join(strings.Fields(rawText(render(t, locale, views.ChallengePanel(p)).one("h2"))), " ")
		if got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	says("en", "Waiting for Joon", aChallenge(true))
	says("ko", "Mina 님이 대결을 신청했습니다.", aChallenge(false))
	says("en", "You have declined Mina’s challenge.", aChallenge(false, inState(rally.ChallengeDeclined)))
	says("ko", "Mina 님의 대결 신청을 거절했습니다.", aChallenge(false, inState(rally.ChallengeDeclined)))
	says("en", "This challenge is over.", aChallenge(false, inState(rally.ChallengeOpen)))
	row := render(t, "en", views.NoticeRows(someNotices())).all(".notice-row p")[0]
	if got := strings.Join(strings.Fields(rawText(row)), " "); got != "New: Joon asks to be your friend. See requests" {
		t.Errorf("a notice says %q", got)
	}
	says("en", "You have withdrawn the challenge.", aChallenge(true, inState(rally.ChallengeWithdrawn)))
	says("en", "Somebody else has accepted Mina’s challenge already.", aChallenge(false, asLink, inState(rally.ChallengeAccepted), func(p *views.ChallengePage) { p.To = 9 }))
}

// TestHostileChallengers: what people are called is text wherever they are named.
func TestHostileChallengers(t *testing.T) {
	t.Parallel()
	evil := rally.User{ID: 8, Name: `<img src=x onerror=alert(1)>{{.Name}}"'>`}
	named := func(own bool) views.ChallengePage {
		return aChallenge(own, func(p *views.ChallengePage) {
			p.From.Name, p.Other.Name, p.Problem = evil.Name, evil.Name, "challenge.they_play"
			p.Inbox.Challenges = []rally.Challenge{p.Challenge}
		})
	}
	notices := someNotices()
	for i := range notices.Notices {
		notices.Notices[i].From = evil
	}
	for name, c := range map[string]templ.Component{
		"own":     views.Challenge(named(true)),
		"other's": views.Challenge(named(false)),
		"form":    views.ChallengeForm(views.ChallengeFormPage{Page: member("/"), To: evil}),
		"push":    views.PushDeclined(rally.Challenge{}, evil),
		"answer":  views.ChallengeAnswer(named(false), []rally.Challenge{named(false).Challenge}),
		"notices": views.Notices(notices),
	} {
		d := render(t, "en", c)
		checkHarmless(t, d)
		d.lacks("img", "[onerror]")
		if !strings.Contains(textOf(d.root), evil.Name) {
			t.Errorf("%s does not name them", name)
		}
	}
}
