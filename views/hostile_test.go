package views_test

import (
	"strings"
	"testing"

	"github.com/a-h/templ"

	"rally"
	"rally/views"
)

// What people type, and what comes from browsers and providers, is inert.
func TestHostileAccounts(t *testing.T) {
	t.Parallel()
	const evil = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{.}}\u202egnp.exe"
	field := views.Field{Value: evil}
	page := func(path string) views.Page {
		p := secured(path)
		p.Path = evil
		p.Viewer.User.Name, p.Viewer.User.Email, p.Viewer.User.Avatar = evil, evil, ""
		return p
	}
	provider := views.Provider{Name: evil, Label: evil}
	device := views.Device{ID: evil, Browser: evil, System: evil, Address: evil}
	id := rally.Identity{Issuer: evil, Subject: evil, Provider: evil, Label: evil}
	for name, c := range map[string]templ.Component{
		"sign-in":      views.SignIn(views.SignInPage{Page: anybody(evil), Email: field, Next: evil, Providers: []views.Provider{provider}}),
		"code":         views.Code(views.CodePage{Page: page("/"), Code: field, Next: evil}),
		"elsewhere":    views.Elsewhere(views.ElsewherePage{Page: page("/"), Device: device, Next: evil}),
		"newcomer":     views.Newcomer(views.NewcomerPage{Page: page("/"), Provider: provider, Label: evil, Name: field}),
		"forgot":       views.Forgot(views.ForgotPage{Page: page("/"), Mail: true, Email: field}),
		"confirm":      views.ConfirmEmail(views.ConfirmEmailPage{Page: page("/"), Email: evil}),
		"proof":        views.Proof(views.ProofPage{Page: page("/"), Password: true, Entered: field, Next: evil}),
		"proof, other": views.Proof(views.ProofPage{Page: page("/"), Providers: []views.Provider{provider}, Next: evil}),
		"settings":     views.Settings(views.SettingsPage{Page: page("/"), Name: field}),
		"security":     views.Security(views.SecurityPage{Page: page("/"), Identities: []rally.Identity{id}, Linkable: []views.Provider{provider}}),
		"email":        views.EmailChange(views.EmailPage{Page: page("/"), Mail: true, Email: field}),
		"codes":        views.Codes(views.CodesPage{Page: page("/"), Secret: evil, Link: evil, Code: field}),
		"recovery":     views.Recovery(views.RecoveryPage{Page: page("/"), Codes: []string{evil}}),
		"devices":      views.Devices(views.DevicesPage{Page: page("/"), Devices: []views.Device{device}}),
		"log":          views.SecurityLog(views.SecurityLogPage{Page: page("/"), Older: evil, Events: []views.SecurityLine{{Kind: "odd", Address: evil, Browser: evil, Detail: evil}}}),
		"delete":       views.Delete(views.DeletePage{Page: page("/"), Name: field}),
		"mail":         views.DevMails(views.DevMailPage{Page: page("/"), Mails: []views.DevMail{{Mail: rally.Mail{To: evil, Subject: evil, Text: evil}}}}),
	} {
		d := render(t, "en", c)
		checkHarmless(t, d)
		if len(d.all("main img, [onerror]")) > 0 {
			t.Errorf("%s lets an element through", name)
		}
		if n := d.all("main script"); len(n) > 0 {
			t.Errorf("%s lets a script through", name)
		}
	}
	// What comes from elsewhere does not turn round what stands beside it.
	for _, c := range []templ.Component{
		views.Security(views.SecurityPage{Page: member("/"), Identities: []rally.Identity{{Label: "a\u202eb"}}}),
		views.SecurityLog(views.SecurityLogPage{Page: member("/"), Events: []views.SecurityLine{{Kind: rally.SecurityRenamed, Detail: "a\u202eb\x1b[2J"}}}),
		views.Newcomer(views.NewcomerPage{Page: anybody("/"), Provider: aProvider, Label: "a\u202eb"}),
		views.ConfirmEmail(views.ConfirmEmailPage{Page: anybody("/"), Email: "a\u202eb@example.org"}),
	} {
		if d := render(t, "en", c); strings.ContainsAny(d.text, "\u202e\x1b") || !strings.Contains(d.text, "ab") {
			t.Error("a direction mark gets through")
		}
	}
}

func TestDevMailsLinkAddressesAlone(t *testing.T) {
	t.Parallel()
	const text = "<b>Hello</b>,\n\nhttps://example.org/links/a?b=c&d. And javascript:alert(1)\n"
	d := render(t, "en", views.DevMails(views.DevMailPage{Page: anybody("/dev/mail"), Mails: []views.DevMail{{Mail: rally.Mail{Subject: "<i>x", To: "<u>", Text: text}}}}))
	if links := d.all(".mail a"); len(links) != 1 || attr(links[0], "href") != "https://example.org/links/a?b=c&d" {
		t.Errorf("%d links", len(links))
	}
	if got := rawText(d.one(".mail-text")); got != text {
		t.Errorf("the letter is shown as %q", got)
	}
	d.lacks(".mail b", ".mail i", ".mail u")
}
