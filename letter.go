package rally

// LetterKind says what a letter is about.
type LetterKind string

// The kinds.
const (
	// LetterVerify asks, at a new account's address or a changed one, to show
	// that it is theirs. It carries a link.
	LetterVerify LetterKind = "verify"
	// LetterTaken tells somebody that the address of their account was given for
	// another one, new or not.
	LetterTaken LetterKind = "taken"
	// LetterReset carries the link to a new password.
	LetterReset LetterKind = "reset"
	// LetterEmailAsked tells the present address that another shall replace it.
	LetterEmailAsked LetterKind = "email_asked"
	// LetterEmailChanged tells both addresses, each known to be theirs, that one
	// has replaced the other.
	LetterEmailChanged LetterKind = "email_changed"
	// LetterPasswordChanged tells that the password is another.
	LetterPasswordChanged LetterKind = "password_changed"
	// LetterCodesOn and LetterCodesOff tell that one-time codes are wanted, or
	// not any more.
	LetterCodesOn  LetterKind = "codes_on"
	LetterCodesOff LetterKind = "codes_off"
	// LetterDeletion tells when the account will be deleted, and how to keep it.
	LetterDeletion LetterKind = "deletion"
)

// Letter is an e-mail to be written and sent, kept until it has been. It holds
// no secret: a link is drawn when the letter is written.
type Letter struct {
	Kind   LetterKind `json:"kind"`
	User   UserID     `json:"user"`
	To     string     `json:"to"`
	Locale string     `json:"locale"`
	Other  string     `json:"other,omitempty"` // LetterEmail…: the other address; LetterTaken: the other account's name
}

// Mail is an e-mail as it goes out: plain text.
type Mail struct {
	To      string
	Subject string
	Text    string
}
