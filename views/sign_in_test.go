package views_test

import (
	"strings"
	"testing"

	"rally/views"
)

// The header offers what the viewer's stage opens and nothing else.
func TestHeaderByStage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page views.Page
		want string
	}{
		"nobody":                      {anybody("/"), "/leaderboard /sign-in /sign-up"},
		"member":                      {member("/"), "/play /friends /leaderboard /notices /chat /players/7 /settings"},
		"code owed":                   {owing("/"), "/sign-in/code"},
		"code owed, at its form":      {owing("/sign-in/code?next=/play"), ""},
		"live elsewhere":              {away("/"), "/sign-in/elsewhere"},
		"live elsewhere, and told so": {away("/sign-in/elsewhere"), ""},
	} {
		d := render(t, "en", views.Forgot(views.ForgotPage{Page: c.page}))
		var got []string
		for _, n := range d.all("header nav a") {
			got = append(got, attr(n, "href"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s is offered %v, want %s", name, got, c.want)
		}
		if out := len(d.all("header form[action='/sign-out']")); out != min(1, int(c.page.Viewer.Stage)) {
			t.Errorf("%s has %d ways out", name, out)
		}
	}
}

// Only somebody who may do anything has a socket.
func TestWhoHasASocket(t *testing.T) {
	t.Parallel()
	for _, p := range []views.Page{owing("/"), away("/")} {
		d := render(t, "en", views.Landing(views.LandingPage{Page: p}))
		d.lacks(".hero a[href='/sign-up']", "body[data-hx-ws\\:connect]", "script", "meta[name=htmx-config]")
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	pages := accountPages()
	d := render(t, "en", pages["sign-in, providers"])
	if got := textOf(d.one(".providers a[href='/sign-in/with/github?next=%2Fplay']")); got != "Continue with GitHub" {
		t.Errorf("a provider is %q", got)
	}
	d.has("a[href='/forgot']", "input[name=email][type=text][autocomplete=username]")
	d.says(".notice", "another device")
	render(t, "en", pages["sign-up, providers"]).has(".providers a[href='/sign-in/with/42']")
	render(t, "en", views.SignIn(views.SignInPage{Page: anybody("/sign-in")})).lacks(".providers")
}

func TestWaits(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]string{0: "Too many attempts.", 1: "in 1 second.", 30: "in 30 seconds.", 119: "in 119 seconds.", 120: "in 2 minutes.", 3541: "in 60 minutes."} {
		d := render(t, "en", views.CodeForm(views.CodePage{Problem: "error.throttled", Wait: seconds}))
		if got := textOf(d.one("#form-problem")); !strings.HasSuffix(got, want) {
			t.Errorf("%d s are told as %q, want %q", seconds, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	pages := accountPages()
	d := render(t, "en", pages["code"])
	d.has("#code-forms > form[action='/sign-in/code'] input[name=code][autocomplete=one-time-code][inputmode=numeric][autofocus]:not([pattern])",
		"details:not([open]) form[action='/sign-in/code'] input[name=code]:not([inputmode])", "form input[name=next][value='/play']")
	d = render(t, "en", pages["code, wrong"])
	d.has("#code[aria-invalid=true][autofocus][aria-describedby='code-problem code-hint']", "details:not([open])")
	d.lacks("#recovery-code[aria-invalid]")
	d = render(t, "en", pages["code, recovery wrong"])
	d.has("details[open] #recovery-code[aria-invalid=true][autofocus][aria-describedby='recovery-code-problem recovery-code-hint']")
	d.lacks("#code[aria-invalid]", "#code[autofocus]")
	if attr(d.one("#code"), "value") != "" {
		t.Error("the recovery code is shown where the other belongs")
	}
}

func TestElsewhere(t *testing.T) {
	t.Parallel()
	d := render(t, "en", accountPages()["elsewhere"])
	d.says(".facts", "Firefox on Windows")
	d.says(".facts", "192.0.2.7")
	d.says(".notice", "A match is on there")
	d.has("form[action='/sign-in/elsewhere'] input[name=next][value='/play']", "header form[action='/sign-out']")
	d.says("form[action='/sign-in/elsewhere'] button", "Sign the other device out")
	render(t, "ko", accountPages()["elsewhere"]).says(".facts", "Windows의 Firefox")
}

func TestProof(t *testing.T) {
	t.Parallel()
	pages := accountPages()
	d := render(t, "en", pages["proof, password"])
	d.has("input[name=password][autocomplete=current-password][aria-invalid=true][autofocus][aria-describedby=form-problem]",
		"input[name=next][value='/settings/email']")
	d.lacks("input[name=code]", ".provider-list")
	d = render(t, "en", pages["proof, both"])
	d.has("details[open] input[name=code][aria-invalid=true][autofocus]", "input[name=password]:not([aria-invalid]):not([autofocus])")
	d = render(t, "en", pages["proof, codes"])
	d.has("input[name=code][aria-describedby^=form-problem]")
	d.lacks("main details", "input[name=password]")
	d = render(t, "en", pages["proof, providers"])
	d.has("a[href='/settings/proof/with/github?next=%2Fsettings%2Femail']")
	d.lacks("main form")
}

func TestForgot(t *testing.T) {
	t.Parallel()
	pages := accountPages()
	render(t, "en", pages["forgot"]).has("form[action='/forgot'] input[name=email][type=email]")
	d := render(t, "en", pages["forgot, sent"])
	d.lacks("main form")
	d.says("main", "for 30 minutes")
	d = render(t, "en", pages["forgot, no mail"])
	d.lacks("main form")
	d.says("main", "Whoever runs it")
	render(t, "en", pages["reset, dead"]).has("main a[href='/forgot']")
	render(t, "en", pages["reset"]).has("form[action='/reset'] input[name=password][autocomplete=new-password]")
	render(t, "en", pages["confirm-email"]).has("form[action='/confirm-email'] button")
}
