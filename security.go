package rally

import "time"

// SecurityKind says what happened to an account. The names are the log's, too.
type SecurityKind string

// What an account's owner can read in their security log.
const (
	SecuritySignUp          SecurityKind = "sign_up"
	SecuritySignIn          SecurityKind = "sign_in"
	SecuritySignInFailed    SecurityKind = "sign_in_failed"
	SecuritySignOut         SecurityKind = "sign_out"
	SecurityCodeFailed      SecurityKind = "code_failed"
	SecurityRecoveryUsed    SecurityKind = "recovery_used" // Detail: how many are left
	SecurityCodesOn         SecurityKind = "codes_on"
	SecurityCodesOff        SecurityKind = "codes_off"
	SecurityRecoveryRenewed SecurityKind = "recovery_renewed"
	SecurityProofFailed     SecurityKind = "proof_failed"
	SecurityPasswordChanged SecurityKind = "password_changed"
	SecurityResetAsked      SecurityKind = "reset_asked"
	SecurityPasswordReset   SecurityKind = "password_reset"
	SecurityEmailAsked      SecurityKind = "email_asked"       // Detail: the new address
	SecurityEmailVerified   SecurityKind = "email_verified"    // Detail: the address
	SecurityEmailChanged    SecurityKind = "email_changed"     // Detail: the new address
	SecurityRenamed         SecurityKind = "renamed"           // Detail: the name before
	SecurityLinked          SecurityKind = "identity_linked"   // Detail: the provider
	SecurityUnlinked        SecurityKind = "identity_unlinked" // Detail: the provider
	SecurityDeviceEnded     SecurityKind = "device_ended"
	SecurityMoved           SecurityKind = "moved" // went on here, ending the session that was live
	SecurityExported        SecurityKind = "exported"
	SecurityDeletionAsked   SecurityKind = "deletion_asked"
	SecurityDeletionStopped SecurityKind = "deletion_stopped"
	SecurityForgedToken     SecurityKind = "forged_token"
	SecurityForeignToken    SecurityKind = "foreign_token"
)

// SecurityEvent is a line of an account's security log.
type SecurityEvent struct {
	ID      int64 // ascending; 0 for one that is yet to be kept
	User    UserID
	Kind    SecurityKind
	At      time.Time
	Address string // where it came from
	Agent   string // of the browser
	Detail  string // see the kinds; "" for most
}
