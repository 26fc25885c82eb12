package rally

import "time"

// Identity is an account at a provider, with which a person signs in to theirs
// here. Issuer and Subject together name it; nothing else does.
type Identity struct {
	Issuer   string // URL of who vouches, such as "https://accounts.google.com"
	Subject  string // the account's name there that never changes
	Provider string // the provider's name in addresses: "42", "github", "google" or "oidc"
	Label    string // what its owner knows it by there: a login or an address; may be ""
	LinkedAt time.Time
	UsedAt   time.Time // last sign-in; zero for never
}

// Credentials is an account that a login name could mean.
type Credentials struct {
	User User
	Hash string // of the password; "" without one
}

// Factor is an account's one-time codes, which are on.
type Factor struct {
	Sealed   []byte // the secret, which only auth can open
	LastStep int64  // the newest time step whose code was accepted
	Recovery int    // recovery codes left
}

// LinkKind says what a link in a letter is for.
type LinkKind string

// The kinds, with how long a link of each opens anything.
const (
	LinkReset LinkKind = "reset" // choose a new password
	LinkEmail LinkKind = "email" // show that the address is theirs

	ResetLinkLife = 30 * time.Minute
	EmailLinkLife = 24 * time.Hour
)

// Link is what a letter's link is for. It is used once.
type Link struct {
	Kind      LinkKind
	User      UserID
	Email     string // where the letter went
	ExpiresAt time.Time
}

// DeletionDelay is how long the owner of an account that is to be deleted may
// change their mind.
const DeletionDelay = 7 * 24 * time.Hour

// Charge is one attempt at something that may not be tried without end. It
// counts against everybody who shares its Kind and Key. Free attempts within
// Window cost nothing; after each further one nobody may try for Wait, which
// doubles each time up to MaxWait. A Window without an attempt wipes the slate.
type Charge struct {
	Kind          string
	Key           string
	Free          int
	Wait, MaxWait time.Duration
	Window        time.Duration
}
