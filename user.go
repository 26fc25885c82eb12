package rally

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// UserID names an account. It is positive; 0 is nobody.
type UserID int64

// User is an account as the rest of Rally sees it. The password hash is not
// part of it: it stays between auth and store.
type User struct {
	ID        UserID
	Name      string // display name, unique without regard to case and to look-alikes
	Email     string // "" when none is known
	Locale    string // "en", "ko", or "" for what the browser asks for
	Theme     string // "light", "dark", or "" for what the system asks for
	Rating    Rating
	Wins      int // rated matches won
	Losses    int // rated matches lost
	CreatedAt time.Time

	EmailVerified bool      // a letter to Email has been answered; only then is Email nobody else's
	HasPassword   bool      // else the only ways in are identities
	Codes         bool      // sign-in owes a one-time code as well
	Avatar        string    // names the picture's content, "" for none
	DeleteAt      time.Time // when the account goes, as its owner asked; zero for never
}

// NewUser is an account about to be made: what sign-up hands to the store.
type NewUser struct {
	Name         string
	Email        string
	PasswordHash string // "" for an account without a password
	Locale       string // as in User
	Theme        string // as in User

	EmailVerified bool      // Email is known to be theirs, from a provider that vouches for it
	Identity      *Identity // the identity the account is made for, linked to it from the start; nil without
}

// Limits of what a person may type.
const (
	NameMin     = 2   // characters
	NameMax     = 20  // characters
	EmailMax    = 254 // bytes, RFC 5321
	PasswordMin = 8   // characters
	PasswordMax = 128 // characters
)

// maxMarks is how many marks may stand on one letter: no script that people
// write their names in needs more.
const maxMarks = 4

// NormalizeName trims s, folds inner runs of spaces to one and checks it: 2 to
// 20 letters with their marks, digits, spaces or "-", "_", ".", at least one of
// them a letter or a digit. Anything invisible or direction-changing is refused,
// and so is a mark at the beginning, which would stand on whatever is before the
// name. The second result is the message id of what is wrong, or "".
func NormalizeName(s string) (name, problem string) {
	name = strings.Join(strings.Fields(s), " ")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return name, "field.name_empty"
	case n < NameMin:
		return name, "field.name_short"
	case n > NameMax:
		return name, "field.name_long"
	}
	visible, marks := false, maxMarks // none may come first
	for _, r := range name {
		mark := unicode.In(r, unicode.Mn, unicode.Mc)
		if marks++; !mark {
			marks = 0
		}
		switch {
		// What is drawn as nothing, letters among it, and heaps of marks.
		case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector), marks > maxMarks:
			return name, "field.name_chars"
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			visible = true
		case mark, r == ' ', r == '-', r == '_', r == '.':
		default:
			return name, "field.name_chars"
		}
	}
	if !visible || !utf8.ValidString(s) {
		return name, "field.name_chars"
	}
	return name, ""
}

// NormalizeEmail trims s and checks that it is one plain address, with nothing
// invisible or direction-changing in it. The second result is the message id of
// what is wrong, or "".
func NormalizeEmail(s string) (email, problem string) {
	email = strings.TrimSpace(s)
	if email == "" {
		return email, "field.email_empty"
	}
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > EmailMax || strings.ContainsFunc(email, unprintable) {
		return email, "field.email_invalid"
	}
	at := strings.LastIndexByte(email, '@')
	return email[:at] + strings.ToLower(email[at:]), ""
}

// unprintable says whether r shows as nothing, or as a space.
func unprintable(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }

// CheckPassword gives the message id of what is wrong with a new password's
// length, or "". There are no composition rules; auth refuses the most common
// ones as well.
func CheckPassword(s string) (problem string) {
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		return "field.password_empty"
	case n < PasswordMin:
		return "field.password_short"
	case n > PasswordMax || !utf8.ValidString(s):
		return "field.password_long"
	}
	return ""
}
