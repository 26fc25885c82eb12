package views_test

import (
	"time"

	"github.com/a-h/templ"

	"rally"
	"rally/views"
)

// aProvider can be signed in with.
var aProvider = views.Provider{Name: "github", Label: "GitHub"}

// aCode is a small QR code: what matters is which modules are dark.
var aCode = [][]bool{{true, true, false}, {false, false, false}, {false, true, true}}

func aDevice() views.Device {
	return views.Device{ID: "a/b", Browser: "Firefox", System: "Windows", Address: "192.0.2.7", SeenAt: noon, Since: noon.Add(-time.Hour), Live: true}
}

// leaving is somebody whose account goes in a week, owing is somebody who owes
// a one-time code, and away somebody who is live on another device.
func leaving(path string) views.Page {
	p := member(path)
	p.Viewer.User.DeleteAt = noon.Add(rally.DeletionDelay)
	return p
}

func owing(path string) views.Page {
	p := member(path)
	p.Viewer.Stage = rally.StageOTP
	return p
}

func away(path string) views.Page {
	p := member(path)
	p.Viewer.Elsewhere = true
	return p
}

// secured has a password, a confirmed address, codes and a picture.
func secured(path string) views.Page {
	p := member(path)
	u := &p.Viewer.User
	u.Email, u.EmailVerified, u.HasPassword, u.Codes, u.Avatar = "mina@example.org", true, true, true, "0123456789abcdef0123456789abcdef"
	return p
}

// accountPages are all there are about accounts, in their more telling states.
func accountPages() map[string]templ.Component {
	wrong := views.Field{Value: "x", Problem: "field.name_short"}
	code := views.Field{Value: "123456", Problem: "code.wrong"}
	recovery := views.Field{Value: "abcd-efgh-ijkl-mnop", Problem: "code.wrong"}
	providers := []views.Provider{{Name: "42", Label: "42"}, aProvider, {Name: "oidc", Label: "School"}}
	identity := rally.Identity{Issuer: "https://github.com", Subject: "1", Provider: "github", Label: "mina-p", LinkedAt: noon}
	events := []views.SecurityLine{
		{Kind: rally.SecuritySignIn, At: noon, Address: "192.0.2.7", Browser: "Firefox", System: "Windows"},
		{Kind: rally.SecurityRenamed, At: noon, Detail: "Minna"},
		{Kind: rally.SecurityRecoveryUsed, At: noon, Detail: "9"},
		{Kind: rally.SecurityLinked, At: noon, Detail: "github"},
	}
	mails := []views.DevMail{{ID: 1, At: noon, Mail: rally.Mail{To: "mina@example.org", Subject: "Rally", Text: "Hello,\n\nopen\nhttps://example.org/links/abc\n"}}}
	return map[string]templ.Component{
		"sign-in, providers":     views.SignIn(views.SignInPage{Page: anybody("/sign-in"), Providers: providers, Next: "/play", Notice: "sign_in.reason_moved"}),
		"sign-in, throttled":     views.SignIn(views.SignInPage{Page: anybody("/sign-in"), Email: views.Field{Value: "Mina"}, Problem: "error.throttled", Wait: 30}),
		"sign-up, providers":     views.SignUp(views.SignUpPage{Page: anybody("/sign-up"), Providers: providers}),
		"code":                   views.Code(views.CodePage{Page: owing("/sign-in/code"), Next: "/play"}),
		"code, wrong":            views.Code(views.CodePage{Page: owing("/sign-in/code"), Code: code}),
		"code, recovery wrong":   views.Code(views.CodePage{Page: owing("/sign-in/code"), Code: recovery}),
		"code, throttled":        views.Code(views.CodePage{Page: owing("/sign-in/code"), Problem: "error.throttled", Wait: 240}),
		"landing, code owed":     views.Landing(views.LandingPage{Page: owing("/")}),
		"elsewhere":              views.Elsewhere(views.ElsewherePage{Page: away("/sign-in/elsewhere"), Device: aDevice(), Playing: true, Next: "/play"}),
		"elsewhere, unknown":     views.Elsewhere(views.ElsewherePage{Page: away("/sign-in/elsewhere")}),
		"landing, elsewhere":     views.Landing(views.LandingPage{Page: away("/")}),
		"newcomer":               views.Newcomer(views.NewcomerPage{Page: anybody("/sign-in/name"), Provider: aProvider, Label: "mina-p", Name: views.Field{Value: "mina-p"}}),
		"newcomer, again":        views.Newcomer(views.NewcomerPage{Page: anybody("/sign-in/name"), Provider: aProvider, Name: wrong}),
		"forgot":                 views.Forgot(views.ForgotPage{Page: anybody("/forgot"), Mail: true}),
		"forgot, again":          views.Forgot(views.ForgotPage{Page: anybody("/forgot"), Mail: true, Email: views.Field{Value: "x", Problem: "field.email_invalid"}}),
		"forgot, sent":           views.Forgot(views.ForgotPage{Page: anybody("/forgot"), Mail: true, Sent: true}),
		"forgot, no mail":        views.Forgot(views.ForgotPage{Page: anybody("/forgot")}),
		"reset":                  views.Reset(views.ResetPage{Page: anybody("/reset")}),
		"reset, again":           views.Reset(views.ResetPage{Page: anybody("/reset"), Password: views.Field{Problem: "field.password_short"}}),
		"reset, dead":            views.Reset(views.ResetPage{Page: anybody("/reset"), Dead: true}),
		"confirm-email":          views.ConfirmEmail(views.ConfirmEmailPage{Page: anybody("/confirm-email"), Email: "mina@example.org"}),
		"confirm-email, fault":   views.ConfirmEmail(views.ConfirmEmailPage{Page: anybody("/confirm-email"), Email: "mina@example.org", Problem: "error.busy", Fault: true}),
		"confirm-email, dead":    views.ConfirmEmail(views.ConfirmEmailPage{Page: member("/confirm-email"), Dead: true}),
		"proof, password":        views.Proof(views.ProofPage{Page: secured("/settings/proof"), Password: true, Next: "/settings/email", Problem: "proof.wrong"}),
		"proof, both":            views.Proof(views.ProofPage{Page: secured("/settings/proof"), Password: true, Codes: true, ByCode: true, Entered: code}),
		"proof, codes":           views.Proof(views.ProofPage{Page: secured("/settings/proof"), Codes: true, Problem: "error.throttled", Wait: 90}),
		"proof, providers":       views.Proof(views.ProofPage{Page: member("/settings/proof"), Providers: providers, Next: "/settings/email"}),
		"settings":               views.Settings(views.SettingsPage{Page: secured("/settings"), Name: views.Field{Value: "Mina"}, Notice: "settings.renamed"}),
		"settings, bad name":     views.Settings(views.SettingsPage{Page: leaving("/settings"), Name: wrong}),
		"settings, bad picture":  views.Settings(views.SettingsPage{Page: member("/settings"), Avatar: views.Field{Problem: "field.avatar_type"}}),
		"settings, fault":        views.Settings(views.SettingsPage{Page: member("/settings"), Name: views.Field{Value: "Mina"}, Problem: "error.busy", Fault: true}),
		"security":               views.Security(views.SecurityPage{Page: secured("/settings/security"), Recovery: 3, Mail: true, Identities: []rally.Identity{identity}, Linkable: providers[:1], Providers: providers, Notice: "security.linked"}),
		"security, bare":         views.Security(views.SecurityPage{Page: member("/settings/security"), Mail: true, Identities: []rally.Identity{identity}, LastWay: true, Problem: "security.last_way"}),
		"password":               views.Password(views.PasswordPage{Page: secured("/settings/password")}),
		"password, again":        views.Password(views.PasswordPage{Page: member("/settings/password"), Password: views.Field{Problem: "field.password_common"}}),
		"email":                  views.EmailChange(views.EmailPage{Page: secured("/settings/email"), Mail: true}),
		"email, again":           views.EmailChange(views.EmailPage{Page: member("/settings/email"), Mail: true, Email: views.Field{Value: "x", Problem: "field.email_invalid"}}),
		"email, no mail":         views.EmailChange(views.EmailPage{Page: member("/settings/email")}),
		"codes, off":             views.Codes(views.CodesPage{Page: member("/settings/codes"), Secret: "ABCD EFGH", QR: aCode, Link: "otpauth://totp/Rally:Mina?secret=ABCDEFGH"}),
		"codes, off again":       views.Codes(views.CodesPage{Page: member("/settings/codes"), Secret: "ABCD EFGH", QR: aCode, Link: "otpauth://totp/x", Code: code}),
		"codes, on":              views.Codes(views.CodesPage{Page: secured("/settings/codes"), On: true, Recovery: 1, Code: code}),
		"recovery":               views.Recovery(views.RecoveryPage{Page: secured("/settings/codes"), Codes: []string{"aaaa-bbbb-cccc-dddd", "eeee-ffff-gggg-hhhh"}, First: true}),
		"recovery, renewed":      views.Recovery(views.RecoveryPage{Page: secured("/settings/codes/recovery"), Codes: []string{"aaaa-bbbb-cccc-dddd"}}),
		"devices":                views.Devices(views.DevicesPage{Page: member("/settings/devices"), Devices: []views.Device{aDevice(), {ID: "c", Own: true}}, Notice: "devices.ended"}),
		"security log":           views.SecurityLog(views.SecurityLogPage{Page: member("/settings/log"), Events: events, Older: "12"}),
		"security log, empty":    views.SecurityLog(views.SecurityLogPage{Page: member("/settings/log")}),
		"data":                   views.Data(views.DataPage{Page: member("/settings/data")}),
		"data, leaving":          views.Data(views.DataPage{Page: leaving("/settings/data")}),
		"delete":                 views.Delete(views.DeletePage{Page: member("/settings/delete"), Day: noon}),
		"delete, again":          views.Delete(views.DeletePage{Page: member("/settings/delete"), Day: noon, Name: views.Field{Value: "x", Problem: "delete.name_wrong"}}),
		"development mail":       views.DevMails(views.DevMailPage{Page: anybody("/dev/mail"), Mails: mails}),
		"development mail, none": views.DevMails(views.DevMailPage{Page: anybody("/dev/mail")}),
	}
}

// accountFragments are what handlers answer htmx with.
func accountFragments() map[string]templ.Component {
	return map[string]templ.Component{
		"code form":     views.CodeForm(views.CodePage{Page: owing("/sign-in/code"), Problem: "error.busy", Fault: true}),
		"newcomer form": views.NewcomerForm(views.NewcomerPage{Page: anybody("/sign-in/name")}),
		"forgot form":   views.ForgotForm(views.ForgotPage{Page: anybody("/forgot"), Problem: "error.throttled", Wait: 1}),
		"reset form":    views.ResetForm(views.ResetPage{Page: anybody("/reset")}),
		"proof form":    views.ProofForm(views.ProofPage{Page: member("/settings/proof"), Password: true}),
		"name form":     views.NameForm(views.SettingsPage{Page: member("/settings")}),
		"avatar form":   views.AvatarForm(views.SettingsPage{Page: member("/settings")}),
		"password form": views.PasswordForm(views.PasswordPage{Page: member("/settings/password")}),
		"email form":    views.EmailForm(views.EmailPage{Page: member("/settings/email")}),
		"codes form":    views.CodesForm(views.CodesPage{Page: member("/settings/codes"), On: true}),
		"delete form":   views.DeleteForm(views.DeletePage{Page: member("/settings/delete")}),
	}
}
