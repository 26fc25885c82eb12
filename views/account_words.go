package views

import (
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"rally"
)

// accountStyles and settingsStyles are the style sheets of the pages with forms.
func accountStyles() []string { return []string{"css/form.css"} }

func settingsStyles() []string { return []string{"css/form.css", "css/settings.css"} }

// live says whether the page is one of a member's who may do anything: only
// then it has a socket.
func (p Page) live() bool { return p.Viewer.SignedIn() && !p.Viewer.Elsewhere }

// minutes is a length of time for a message that counts them.
func minutes(d time.Duration) int { return int(d / time.Minute) }

// tame makes a text that comes from elsewhere harmless to what stands around
// it: without characters that are not seen or that change its direction.
// Escaping is templ's.
func tame(text string) string {
	return isolated(strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, text))
}

// loginOf is what its owner most likely signs in to an account with.
func loginOf(u rally.User) string {
	if u.Email != "" {
		return u.Email
	}
	return u.Name
}

// deviceName says which browser somebody uses, and on what.
func deviceName(s *scope, browser, system string) string {
	switch {
	case browser != "" && system != "":
		return s.t("devices.browser_on", vars{"Browser": browser, "System": system})
	case browser != "":
		return browser
	case system != "":
		return system
	default:
		return s.t("devices.unknown")
	}
}

func passwordTitle(s *scope, u rally.User) string {
	if u.HasPassword {
		return s.t("password.title")
	}
	return s.t("password.title_first")
}

func emailTitle(s *scope, u rally.User) string {
	if u.Email != "" {
		return s.t("email.title")
	}
	return s.t("email.title_first")
}

// providerLabel names the provider of a linked identity. One that has been
// taken out of the configuration goes by its host.
func (p SecurityPage) providerLabel(id rally.Identity) string {
	for _, known := range p.Providers {
		if known.Name == id.Provider {
			return known.Label
		}
	}
	if label := providerName(id.Provider); label != "" {
		return label
	}
	if u, err := url.Parse(id.Issuer); err == nil && u.Host != "" {
		return tame(u.Host)
	}
	return tame(id.Provider)
}

// providerName names the providers that are the same everywhere, "" for any
// other.
func providerName(name string) string {
	switch name {
	case "42":
		return "42"
	case "github":
		return "GitHub"
	case "google":
		return "Google"
	default:
		return ""
	}
}

// eventName says what has happened to an account.
func eventName(s *scope, kind rally.SecurityKind) string {
	if id, ok := eventNames[kind]; ok {
		return s.t(id)
	}
	return string(kind)
}

var eventNames = map[rally.SecurityKind]string{
	rally.SecuritySignUp:          "log.sign_up",
	rally.SecuritySignIn:          "log.sign_in",
	rally.SecuritySignInFailed:    "log.sign_in_failed",
	rally.SecuritySignOut:         "log.sign_out",
	rally.SecurityCodeFailed:      "log.code_failed",
	rally.SecurityRecoveryUsed:    "log.recovery_used",
	rally.SecurityCodesOn:         "log.codes_on",
	rally.SecurityCodesOff:        "log.codes_off",
	rally.SecurityRecoveryRenewed: "log.recovery_renewed",
	rally.SecurityProofFailed:     "log.proof_failed",
	rally.SecurityPasswordChanged: "log.password_changed",
	rally.SecurityResetAsked:      "log.reset_asked",
	rally.SecurityPasswordReset:   "log.password_reset",
	rally.SecurityEmailAsked:      "log.email_asked",
	rally.SecurityEmailVerified:   "log.email_verified",
	rally.SecurityEmailChanged:    "log.email_changed",
	rally.SecurityRenamed:         "log.renamed",
	rally.SecurityLinked:          "log.identity_linked",
	rally.SecurityUnlinked:        "log.identity_unlinked",
	rally.SecurityDeviceEnded:     "log.device_ended",
	rally.SecurityMoved:           "log.moved",
	rally.SecurityExported:        "log.exported",
	rally.SecurityDeletionAsked:   "log.deletion_asked",
	rally.SecurityDeletionStopped: "log.deletion_stopped",
	rally.SecurityForgedToken:     "log.forged_token",
	rally.SecurityForeignToken:    "log.foreign_token",
}

// eventDetail is what the log adds to an event's name, "" for nothing.
func eventDetail(s *scope, e SecurityLine) string {
	if e.Detail == "" {
		return ""
	}
	switch e.Kind {
	case rally.SecurityRecoveryUsed:
		return s.t("log.left", vars{"Left": tame(e.Detail)})
	case rally.SecurityRenamed:
		return s.t("log.before", vars{"Name": tame(e.Detail)})
	case rally.SecurityLinked, rally.SecurityUnlinked:
		if label := providerName(e.Detail); label != "" {
			return label
		}
	default:
	}
	return tame(e.Detail)
}

// part is a piece of a letter.
type part struct {
	text string
	link bool
}

// webAddress is an address as letters write it. A sentence may end behind it.
var webAddress = regexp.MustCompile(`https?://[^\s<>"]*[^\s<>".,;:!?]`)

// linked divides a letter into addresses and what stands between them.
func linked(text string) []part {
	var parts []part
	at := 0
	for _, m := range webAddress.FindAllStringIndex(text, -1) {
		if m[0] > at {
			parts = append(parts, part{text: text[at:m[0]]})
		}
		parts = append(parts, part{text: text[m[0]:m[1]], link: true})
		at = m[1]
	}
	if at < len(text) {
		parts = append(parts, part{text: text[at:]})
	}
	return parts
}
