package views_test

import (
	"testing"

	"github.com/a-h/templ"

	"rally/views"
)

func TestLanding(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Landing(views.LandingPage{Page: anybody("/"), Playing: 1}))
	d.has(".hero a[href='/sign-up']", ".hero a[href='/sign-in']", "svg.drawing[aria-hidden=true]")
	d.says(".playing", "1 match is being played")
	d.lacks("script", "body[data-hx-ws\\:connect]")

	d = render(t, "en", views.Landing(views.LandingPage{Page: member("/")}))
	d.has(".hero a[href='/play']")
	d.lacks(".playing", ".hero a[href='/sign-up']")
}

func TestSignedInPagesHaveTheSocket(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Play(views.PlayPage{Page: member("/play")}))
	body := d.one("body")
	if attr(body, "data-hx-ws:connect") != "/live" || attr(body, "data-hx-swap") != "none" {
		t.Errorf("body is %v", body.Attr)
	}
	d.has("meta[name=htmx-config]", "script[src$='/vendor/htmx/hx-ws.min.js']:not([defer])",
		"header form[action='/sign-out'] button", "header a[href='/players/7']", "header a[href='/play'][aria-current=page]")
}

func TestTheme(t *testing.T) {
	t.Parallel()
	p := anybody("/")
	p.Viewer.Theme = "light"
	d := render(t, "en", views.Landing(views.LandingPage{Page: p}))
	d.has("html[data-theme=light]", "button[value=light][aria-pressed=true]", "button[value=dark][aria-pressed=false]")

	d = render(t, "en", views.Landing(views.LandingPage{Page: anybody("/")}))
	d.lacks("html[data-theme]")
	d.has("button[value=system][aria-pressed=true]")
}

func TestSignUp(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.SignUp(views.SignUpPage{Page: anybody("/sign-up"), Next: "/play"}))
	d.has("form[action='/sign-up'] input[name=next][value='/play']",
		"input[name=name][autocomplete=nickname][aria-describedby=name-hint]",
		"input[name=email][type=email][autocomplete=email]",
		"input[name=password][type=password][autocomplete=new-password]",
		"main a[href='/sign-in?next=%2Fplay']")
	d.lacks("[aria-invalid]", "[autofocus]", ".problem")
}

func TestSignUpAgain(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.SignUp(views.SignUpPage{
		Page:     anybody("/sign-up"),
		Name:     views.Field{Value: "Mina"},
		Email:    views.Field{Value: "mina@", Problem: "field.email_invalid"},
		Password: views.Field{Value: "never shown", Problem: "field.password_short"},
	}))
	d.has("input[name=name][value=Mina]:not([aria-invalid])",
		"input[name=email][value='mina@'][aria-invalid=true][autofocus][aria-describedby='email-problem email-hint']",
		"input[name=password][aria-invalid=true]:not([autofocus])")
	d.says("#email-problem", "does not look like an email address")
	d.says("#password-problem", "at least 8 characters")
	if attr(d.one("input[name=password]"), "value") != "" {
		t.Error("the password is written into the page")
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.SignIn(views.SignInPage{Page: anybody("/sign-in"), Notice: "sign_in.reason_needed"}))
	d.has("form[action='/sign-in'] input[name=email][autocomplete=username]", "input[name=password][autocomplete=current-password]")
	d.says(".notice", "Please sign in first")

	d = render(t, "en", views.SignIn(views.SignInPage{Page: anybody("/sign-in"), Email: views.Field{Value: "a@b.c"}, Problem: "sign_in.wrong"}))
	d.says("#form-problem", "do not belong together")
	d.has("input[name=email][aria-invalid=true][aria-describedby=form-problem]:not([autofocus])",
		"input[name=password][aria-invalid=true][aria-describedby=form-problem][autofocus]")
	d.lacks("form code")
}

// A fault of the site's is told with the request's id, and no field is blamed.
func TestFormsTellFaults(t *testing.T) {
	t.Parallel()
	email := views.Field{Value: "a@b.c"}
	for _, form := range []templ.Component{
		views.SignIn(views.SignInPage{Page: anybody("/sign-in"), Email: email, Problem: "error.database_away", Fault: true}),
		views.SignUp(views.SignUpPage{Page: anybody("/sign-up"), Email: email, Problem: "error.database_away", Fault: true}),
	} {
		d := render(t, "en", form)
		d.says("#form-problem", "cannot reach its database")
		d.says("form code", "01JREQUEST")
		d.has("input[name=email][value='a@b.c']", "input[name=password][autofocus][aria-describedby^=form-problem]")
		d.lacks("[aria-invalid]")
	}
}
