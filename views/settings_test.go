package views_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"rally"
	"rally/views"
)

func TestSettingsNavigation(t *testing.T) {
	t.Parallel()
	for at, want := range map[string][2]string{
		"/settings":          {"/settings", "page"},
		"/settings/devices":  {"/settings/devices", "page"},
		"/settings/password": {"/settings/security", "true"},
		"/settings/delete":   {"/settings/data", "true"},
	} {
		p := member(at)
		pages := map[string]templ.Component{
			"/settings": views.Settings(views.SettingsPage{Page: p}), "/settings/devices": views.Devices(views.DevicesPage{Page: p}),
			"/settings/password": views.Password(views.PasswordPage{Page: p}), "/settings/delete": views.Delete(views.DeletePage{Page: p}),
		}
		d := render(t, "en", pages[at])
		current := d.one("nav.settings-nav a:not([aria-current=false])")
		if attr(current, "href") != want[0] || attr(current, "aria-current") != want[1] {
			t.Errorf("at %s the current one is %v", at, current.Attr)
		}
	}
}

func TestSecurity(t *testing.T) {
	t.Parallel()
	pages := accountPages()
	d := render(t, "en", pages["security"])
	d.has("form[action='/settings/identities/unlink'] input[name=issuer][value='https://github.com']", "a[href='/settings/identities/with/42']")
	d.says("form[action='/settings/identities/unlink'] button", "Unlink GitHub mina-p")
	d.says("main", "3 recovery codes are left")
	d.lacks("form[action='/settings/email/again']")
	d = render(t, "en", pages["security, bare"])
	d.says(".problem", "only way to sign in")
	d.lacks("form[action='/settings/identities/unlink']")
	d.says("main", "Set a password")
	p := views.SecurityPage{Page: member("/settings/security"), Mail: true}
	p.Viewer.User.Email = "mina@example.org"
	d = render(t, "en", views.Security(p))
	d.has("form[action='/settings/email/again'] button")
	d.says("main", "Not confirmed yet")

	// A provider goes by its configured name, then by its own, then by its host.
	for want, id := range map[string]rally.Identity{
		"School": {Provider: "oidc"}, "Google": {Provider: "google"}, "id.example.org": {Provider: "gone", Issuer: "https://id.example.org/x"}, "odd": {Provider: "odd"},
	} {
		d := render(t, "en", views.Security(views.SecurityPage{
			Page: member("/"), Identities: []rally.Identity{id}, Providers: []views.Provider{{Name: "oidc", Label: "School"}},
		}))
		d.says(".row-title", want)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	pages := accountPages()
	d := render(t, "en", pages["codes, off"])
	if got := attr(d.one("svg.qr[role=img][aria-label] path"), "d"); got != "M0 0h2v1h-2zM1 2h2v1h-2z" {
		t.Errorf("the QR code is %s", got)
	}
	if got := attr(d.one("svg.qr"), "viewBox"); got != "0 0 3 3" {
		t.Errorf("its box is %s", got)
	}
	d.has("svg.qr rect[fill='#fff']", "a[href='otpauth://totp/Rally:Mina?secret=ABCDEFGH']",
		"form[action='/settings/codes'] input[name=code][inputmode=numeric][autocomplete=one-time-code]")
	d.says(".secret code", "ABCD EFGH")
	d = render(t, "en", pages["codes, on"])
	d.has("form[action='/settings/codes/off'] input[name=code][aria-invalid=true]", "form[action='/settings/codes/recovery'] button")
	d.says("main", "1 recovery code is left")
	d.lacks("svg.qr")
	d = render(t, "en", pages["recovery"])
	if n := len(d.all("form[action='/settings/codes/recovery/file'] input[name=recovery]")); n != 2 || len(d.all("ol.recovery-codes code")) != 2 {
		t.Errorf("%d codes go into the file", n)
	}
	evil := views.CodesPage{Page: member("/"), QR: aCode, Link: "javascript:alert(1)"}
	render(t, "en", views.Codes(evil)).lacks("a[href^=javascript]")
}

func TestDevices(t *testing.T) {
	t.Parallel()
	d := render(t, "en", accountPages()["devices"])
	rows := d.all(".rows > li")
	if len(rows) != 2 {
		t.Fatalf("%d devices", len(rows))
	}
	d.has(".rows > li:first-child form[action='/settings/devices/a%2Fb/end']", ".rows > li:first-child .mark-live", ".rows > li:last-child form[action='/sign-out']",
		"form[action='/settings/devices/end-others']")
	d.says(".rows > li:last-child .row-title", "Unknown device this device")
	alone := views.DevicesPage{Page: member("/settings/devices"), Devices: []views.Device{{ID: "c", Own: true}}}
	render(t, "en", views.Devices(alone)).lacks("form[action='/settings/devices/end-others']")
}

func TestSecurityLog(t *testing.T) {
	t.Parallel()
	d := render(t, "en", accountPages()["security log"])
	var got []string
	for _, n := range d.all(".log > li") {
		got = append(got, textOf(n))
	}
	want := []string{
		"Signed in 22 Nov 2026, 12:00 UTC Firefox on Windows 192.0.2.7",
		"Display name changed before: Minna 22 Nov 2026, 12:00 UTC Unknown device",
		"Recovery code used 9 left 22 Nov 2026, 12:00 UTC Unknown device",
		"Account elsewhere linked GitHub 22 Nov 2026, 12:00 UTC Unknown device",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	d.has("a[href='/settings/log?before=12']")
}

// Every kind there is has a name, in every language.
func TestSecurityKindsHaveNames(t *testing.T) {
	t.Parallel()
	kinds := []rally.SecurityKind{
		rally.SecuritySignUp, rally.SecuritySignIn, rally.SecuritySignInFailed, rally.SecuritySignOut, rally.SecurityCodeFailed, rally.SecurityRecoveryUsed,
		rally.SecurityCodesOn, rally.SecurityCodesOff, rally.SecurityRecoveryRenewed, rally.SecurityProofFailed, rally.SecurityPasswordChanged,
		rally.SecurityResetAsked, rally.SecurityPasswordReset, rally.SecurityEmailAsked, rally.SecurityEmailVerified, rally.SecurityEmailChanged,
		rally.SecurityRenamed, rally.SecurityLinked, rally.SecurityUnlinked, rally.SecurityDeviceEnded, rally.SecurityMoved, rally.SecurityExported,
		rally.SecurityDeletionAsked, rally.SecurityDeletionStopped, rally.SecurityForgedToken, rally.SecurityForeignToken,
	}
	for _, kind := range kinds {
		d := render(t, "ko", views.SecurityLog(views.SecurityLogPage{Page: member("/"), Events: []views.SecurityLine{{Kind: kind, At: noon}}}))
		if got := textOf(d.one(".row-title")); got == string(kind) || strings.HasPrefix(got, "log.") {
			t.Errorf("%s is shown as %q", kind, got)
		}
	}
}

func TestDeletion(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Play(views.PlayPage{Page: leaving("/play")}))
	d.says(".banner", "will be deleted on 29 Nov 2026")
	d.has(".banner[aria-label] form[action='/settings/delete/stop'] button")
	render(t, "en", views.Play(views.PlayPage{Page: member("/play")})).lacks(".banner")
	p := leaving("/sign-in/elsewhere")
	p.Viewer.Elsewhere = true
	render(t, "en", views.Elsewhere(views.ElsewherePage{Page: p})).lacks(".banner")

	d = render(t, "en", accountPages()["delete, again"])
	d.says("label[for=name]", "Mina")
	d.has("form[action='/settings/delete'] input[name=name][aria-invalid=true][autofocus]")
}

// Headings go down one step at a time.
func TestHeadingsHaveAnOrder(t *testing.T) {
	t.Parallel()
	for name, c := range accountPages() {
		d := render(t, "en", c)
		last := 0
		for _, n := range d.all("h1, h2, h3, h4") {
			level := int(n.Data[1] - '0')
			if level > last+1 {
				t.Errorf("%s: <%s> follows <h%d>", name, n.Data, last)
			}
			last = level
		}
	}
}

// At most one field of a page is given the focus, and nothing else is.
func TestOneFocus(t *testing.T) {
	t.Parallel()
	for name, c := range accountPages() {
		d := render(t, "en", c)
		if n := len(d.all("[autofocus]")); n > 1 {
			t.Errorf("%s has %d places for the focus", name, n)
		}
		if invalid := d.all("[aria-invalid]"); len(invalid) > 0 && len(d.all("[aria-invalid][autofocus]")) != 1 {
			t.Errorf("%s: the focus is not on what is wrong: %s", name, fmt.Sprint(invalid[0].Attr))
		}
	}
}
