package views

import (
	"time"

	"rally"
)

// Provider is a way to sign in with an account elsewhere.
type Provider struct {
	Name  string // in addresses
	Label string // for people, the same in every language
}

// CodePage asks for the one-time code that signing in still owes.
type CodePage struct {
	Page
	Code    Field // takes a recovery code as well
	Next    string
	Problem string // message id for the whole form
	Wait    int    // seconds until another try; 0: now
	Fault   bool
}

// ElsewherePage tells someone that they are live on another device, and lets
// them go on here.
type ElsewherePage struct {
	Page
	Device  Device // the one that is live
	Playing bool   // there is a match in progress, which goes on here
	Next    string
}

// NewcomerPage asks someone who has come from a provider for the first time
// under which name they will play.
type NewcomerPage struct {
	Page
	Provider Provider
	Label    string // who they are there; "" when it does not say
	Name     Field
	Problem  string // message id for the whole form
	Wait     int    // seconds until another try; 0: now
	Fault    bool
}

// ForgotPage takes the address of somebody who has forgotten their password.
type ForgotPage struct {
	Page
	Email   Field
	Sent    bool // the form is done with: a letter is on its way if the account exists
	Mail    bool // letters can be sent at all
	Problem string
	Wait    int // seconds until another try; 0: now
	Fault   bool
}

// ResetPage is the form for a new password, opened by a letter's link.
type ResetPage struct {
	Page
	Dead     bool // the link was used, replaced or is too old
	Password Field
	Problem  string
	Fault    bool
}

// ConfirmEmailPage asks for the one press that shows a letter has arrived.
type ConfirmEmailPage struct {
	Page
	Dead    bool   // as in ResetPage
	Account string // the name of the account that the address is to be confirmed for
	Email   string
	Problem string
	Fault   bool
}

// ProofPage asks for the password or a code once more, before something that
// matters is changed.
type ProofPage struct {
	Page
	Password  bool       // the account has one
	Codes     bool       // … one-time codes
	Providers []Provider // linked ones, offered when there is neither
	Entered   Field      // "password" or "code", whichever was sent
	ByCode    bool       // … and it was the code
	Next      string
	Problem   string
	Wait      int // seconds until another try; 0: now
	Fault     bool
}

// SettingsPage is the first of the settings: who the others see, and how the
// site looks.
type SettingsPage struct {
	Page
	Name    Field
	Avatar  Field  // with no value
	Notice  string // message id: what was just done
	Problem string
	Wait    int // seconds until another try, 0 for none
	Fault   bool
	Chat    ChatSetting
}

// SecurityPage shows how its owner gets in, and leads to the forms that change
// that.
type SecurityPage struct {
	Page
	Recovery   int  // recovery codes left, with Viewer.User.Codes
	Mail       bool // letters can be sent at all
	Identities []rally.Identity
	Linkable   []Provider // not linked yet
	Providers  []Provider // all there are, for their labels
	LastWay    bool       // the one identity is the only way in
	Notice     string     // message id: what was just done
	Problem    string     // message id
	Wait       int        // seconds until another try; 0: now
}

// PasswordPage is the form for another password, or for the first one.
type PasswordPage struct {
	Page
	Password Field
	Problem  string
	Fault    bool
}

// EmailPage is the form for another address.
type EmailPage struct {
	Page
	Email   Field
	Mail    bool // letters can be sent at all
	Problem string
	Wait    int // seconds until another try; 0: now
	Fault   bool
}

// CodesPage turns one-time codes on and off.
type CodesPage struct {
	Page
	On       bool
	Secret   string   // base32 in groups of four, while they are being turned on
	QR       [][]bool // the same as a QR code: rows of dark modules, quiet zone included
	Link     string   // the same as an otpauth: address
	Code     Field
	Recovery int // codes left
	Problem  string
	Wait     int // seconds until another try; 0: now
	Fault    bool
}

// RecoveryPage shows new recovery codes, once.
type RecoveryPage struct {
	Page
	Codes []string
	First bool // one-time codes have just been turned on
}

// Device is a session as its owner sees it.
type Device struct {
	ID      rally.SessionID
	Browser string // such as "Firefox"; "" unknown
	System  string // such as "Windows"; "" unknown
	Address string
	SeenAt  time.Time
	Since   time.Time
	Own     bool // the one that is looking
	Live    bool
}

// DevicesPage lists where somebody is signed in.
type DevicesPage struct {
	Page
	Devices []Device
	Notice  string
}

// SecurityLogPage lists what has happened to the account.
type SecurityLogPage struct {
	Page
	Events []SecurityLine
	Older  string // cursor of the next page, "" on the last
}

// SecurityLine is one event.
type SecurityLine struct {
	Kind    rally.SecurityKind
	At      time.Time
	Address string
	Browser string
	System  string
	Detail  string
}

// DataPage offers everything that is held about someone, and the end of it.
type DataPage struct {
	Page
}

// DeletePage asks whether the account shall really go.
type DeletePage struct {
	Page
	Day  time.Time // when it would
	Name Field     // to be typed as a confirmation
}

// DevMailPage shows the letters that a development server has kept instead of
// sending them.
type DevMailPage struct {
	Page
	Mails []DevMail
}

// DevMail is one of them.
type DevMail struct {
	ID   int
	At   time.Time
	Mail rally.Mail
}
