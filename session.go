package rally

import "time"

// Stage is how far a person has come in signing in. The zero value is
// anonymous, so a forgotten stage opens nothing.
type Stage uint8

// The stages, in order; see the table in docs/architecture.md.
const (
	StageAnonymous Stage = iota // nobody
	StageOTP                    // password or OAuth accepted, one-time code still owed
	StageFull                   // signed in
)

// String gives the stage's name as the database and the logs write it.
func (s Stage) String() string {
	switch s {
	case StageOTP:
		return "otp"
	case StageFull:
		return "full"
	default:
		return "anonymous"
	}
}

// ParseStage is the inverse of String; anything unknown is anonymous.
func ParseStage(s string) Stage {
	switch s {
	case "otp":
		return StageOTP
	case "full":
		return StageFull
	default:
		return StageAnonymous
	}
}

// SessionID is the public half of the session cookie "id.secret"; it may be
// logged, and tokens name it in their sid claim.
type SessionID string

// How long a session lives.
const (
	SessionIdle     = 14 * 24 * time.Hour // without a request
	SessionAbsolute = 90 * 24 * time.Hour // since it was opened, however busy
)

// ProofLife is how long a proof lasts: a password or a code entered once more
// before something that matters is changed. Signing in does not count as one.
const ProofLife = 10 * time.Minute

// Proven says whether the session's owner has proved within ProofLife before
// now to be who they are.
func (s Session) Proven(now time.Time) bool { return now.Sub(s.ProvedAt) < ProofLife }

// Session is one signed-in browser.
type Session struct {
	ID        SessionID
	UserID    UserID
	Stage     Stage
	CreatedAt time.Time
	SeenAt    time.Time // exact to a minute
	UserAgent string
	Address   string
	ProvedAt  time.Time // when its owner last proved again to be who they are; zero for never
	Elsewhere bool      // another session of the same user is live, so this one has to wait
	Live      bool      // it has an open socket; known in lists of devices only
}

// Viewer is who is looking at a page: put into the request's context by the
// session middleware, and all that handlers and views know of identity.
type Viewer struct {
	Stage   Stage
	User    User      // zero unless Stage is at least StageOTP
	Session SessionID // "" for anonymous
	Locale  string    // "en" or "ko", never ""
	Theme   string    // "light", "dark" or "" for the system's

	Elsewhere bool // signed in, and live by another session: only that can be settled
}

// SignedIn says whether everything a member may do is open.
func (v Viewer) SignedIn() bool { return v.Stage == StageFull }
