// Package handlers is where HTTP comes in: one route table, one chain of
// middleware, one place where errors become answers, and a file for each area
// of the site. A handler parses, makes one call into the domain and gives a
// view model to be rendered. What one user's action shows on another's page
// goes through Listeners alone.
package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/live"
	"rally/match"
	"rally/static"
	"rally/views"
)

// Users keeps accounts.
type Users interface {
	CreateUser(ctx context.Context, u rally.NewUser) (rally.User, error)
	FindUser(ctx context.Context, id rally.UserID) (rally.User, error)
	// FindUsers gives those who have an account, as everybody may see them.
	FindUsers(ctx context.Context, ids []rally.UserID) (map[rally.UserID]rally.User, error)
	// FindCandidates gives the accounts that a name or an address typed at
	// sign-in may mean, at most two, the likelier first.
	FindCandidates(ctx context.Context, login string) ([]rally.Credentials, error)
	FindPasswordHash(ctx context.Context, id rally.UserID) (hash string, err error)
	// Rehash puts another hash of the same password in the place of one.
	Rehash(ctx context.Context, id rally.UserID, before, after string) error
	// ChangePassword sets the hash and ends all sessions but one.
	ChangePassword(ctx context.Context, id rally.UserID, hash string, except rally.SessionID) error
	SetPreferences(ctx context.Context, id rally.UserID, locale, theme string) error
	Rename(ctx context.Context, id rally.UserID, name string) (rally.User, error)
	SetAvatar(ctx context.Context, id rally.UserID, png []byte) (name string, err error) // png nil: none
	FindAvatar(ctx context.Context, id rally.UserID, name string) (png []byte, err error)
	// ScheduleDeletion says when the account goes, and ends all its sessions.
	ScheduleDeletion(ctx context.Context, id rally.UserID, at time.Time) error
	KeepAccount(ctx context.Context, id rally.UserID) error
	// Export gives everything that is held about somebody, by file name.
	Export(ctx context.Context, id rally.UserID) (map[string][]byte, error)
}

// Identities keeps what people sign in with elsewhere.
type Identities interface {
	FindIdentity(ctx context.Context, issuer, subject string) (rally.User, error)
	ListIdentities(ctx context.Context, user rally.UserID) ([]rally.Identity, error)
	LinkIdentity(ctx context.Context, user rally.UserID, id rally.Identity) error
	UnlinkIdentity(ctx context.Context, user rally.UserID, issuer, subject string) error
	// SpendState says whether a state has come back for the first time.
	SpendState(ctx context.Context, stateHash []byte) (first bool, err error)
}

// Factors keeps one-time codes.
type Factors interface {
	FindFactor(ctx context.Context, user rally.UserID) (rally.Factor, error)
	// TurnOnFactor makes the secret count, with step spent, and ends all
	// sessions but one.
	TurnOnFactor(ctx context.Context, user rally.UserID, sealed []byte, step int64, recovery [][]byte, except rally.SessionID) error
	TurnOffFactor(ctx context.Context, user rally.UserID, except rally.SessionID) error
	SpendStep(ctx context.Context, user rally.UserID, step int64) (first bool, err error)
	SpendRecovery(ctx context.Context, user rally.UserID, hash []byte) (first bool, left int, err error)
	// ReplaceRecovery kills the codes before, and ends all sessions but one.
	ReplaceRecovery(ctx context.Context, user rally.UserID, hashes [][]byte, except rally.SessionID) error
	HasRecovery(ctx context.Context, user rally.UserID, hashes [][]byte) (all bool, err error)
}

// Links keeps what letters' links are for.
type Links interface {
	FindLink(ctx context.Context, token string) (rally.Link, error)
	// NewLink draws the token of a link; one of the same kind dies.
	NewLink(ctx context.Context, user rally.UserID, kind rally.LinkKind, email string) (token string, err error)
	UseResetLink(ctx context.Context, token, hash string) (rally.User, error)
	UseEmailLink(ctx context.Context, token string) (before, after rally.User, err error)
}

// SecurityLog keeps what has happened to accounts.
type SecurityLog interface {
	RecordSecurity(ctx context.Context, e rally.SecurityEvent) error
	ListSecurity(ctx context.Context, user rally.UserID, before int64, limit int) ([]rally.SecurityEvent, error)
	// KnownAddress says whether the account has been signed in to from there
	// within the last 30 days.
	KnownAddress(ctx context.Context, user rally.UserID, address string) (bool, error)
}

// Letters sends e-mail, some time soon.
type Letters interface {
	QueueLetter(ctx context.Context, l rally.Letter) error
}

// Mailer sends an e-mail now.
type Mailer interface {
	Send(ctx context.Context, m rally.Mail) error
}

// Mailbox shows what a development server has kept instead of sending it.
type Mailbox interface {
	Mails() (mails []rally.Mail, at []time.Time)
}

// Results keeps finished matches.
type Results interface {
	FindMatch(ctx context.Context, id rally.MatchID) (rally.Match, error)
	ListMatches(ctx context.Context, user rally.UserID, before string, limit int) (matches []rally.Match, older string, err error)
}

// Registry runs live matches, on this node and perhaps on others.
type Registry interface {
	// Runs says whether a match is this node's.
	Runs(id rally.MatchID) bool
	Find(id rally.MatchID) (match.Info, bool)
	Playing(user rally.UserID) (rally.MatchID, bool)
	Practice(e match.Entrant, level rally.BotLevel, points int) (rally.MatchID, error)
	// Pair makes the match of that id, unless there is one, and has both called
	// to it.
	Pair(id rally.MatchID, kind rally.MatchKind, points int, players [2]match.Entrant) error
	Ready(id rally.MatchID, user rally.UserID) error
	Resign(id rally.MatchID, user rally.UserID) error
	Rematch(id rally.MatchID, user rally.UserID, silent bool) (rally.MatchID, error)
	Open(user rally.UserID, a match.Audience) *match.Link
	// Rename has the matches that a user is in show another name.
	Rename(user rally.UserID, name string)
	Stats() match.Stats
}

// Matchmaker pairs those who wait.
type Matchmaker interface {
	Enter(e match.Entrant) error
	Leave(user rally.UserID)
	Waiting(user rally.UserID) (waited time.Duration, ok bool)
	Seen(user rally.UserID)
	Rename(user rally.UserID, name string)
	Len() int
}

// Hub holds the sockets of open pages.
type Hub interface {
	Serve(w http.ResponseWriter, r *http.Request, v rally.Viewer, open func(*live.Conn) live.Receiver) error
	Push(user rally.UserID, render func(locale string) ([]byte, error))
	CloseSession(id rally.SessionID, code int, reason string)
	// CloseElsewhere closes the sockets of a user's other sessions.
	CloseElsewhere(user rally.UserID, except rally.SessionID)

	// Presence gives what a user's friends see of them. Whether who asks is one
	// is for the caller to know.
	Presence(user rally.UserID) rally.Presence
	// Among is Presence of those among users who are not offline, by name.
	Among(users []rally.UserID) []rally.FriendState
	Active(user rally.UserID)
	// PlayingChanged says that users may be in another match than before.
	PlayingChanged(users ...rally.UserID)
	FriendsChanged(users ...rally.UserID)
	Renamed(user rally.UserID, name string)
	// Watchers gives the friends of a user who have pages open on this node.
	Watchers(user rally.UserID) []rally.UserID
	// PushAll is Push to several, rendered once for each language.
	PushAll(users []rally.UserID, render func(locale string) ([]byte, error))
}

// Config is all that a Server needs. Everything without a default must be set.
type Config struct {
	BaseURL        *url.URL       // of the site as browsers know it; https turns HSTS on
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Request-Id are believed; usually none
	Points         int            // of a practice match; 0: 11
	Dev            bool

	Views  *views.Views
	Static *static.Files

	Users      Users
	Sessions   Sessions
	Results    Results
	People     People
	Ranking    Ranking
	Challenges Challenges
	Notices    Notices
	Messages   Messages
	Passwords  *auth.Passwords
	Tokens     *auth.Tokens
	Registry   Registry
	Matchmaker Matchmaker
	Hub        Hub

	// Ready says whether the parts that pages need are there: the database,
	// the bus. It must answer within two seconds.
	Ready func(ctx context.Context) error

	OAuth       *auth.OAuth
	Sealer      *auth.Sealer
	Throttles   *auth.Throttles
	Identities  Identities
	Factors     Factors
	Links       Links
	SecurityLog SecurityLog
	Letters     Letters
	Mailer      Mailer  // nil: letters cannot be sent, and nothing offers to
	Mailbox     Mailbox // shown at /dev/mail with Dev; nil: there is none

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil discards
}

// Server answers every request of the site. It is safe for concurrent use.
type Server struct {
	c        Config
	echo     *echo.Echo
	routes   map[string]Route // by method and path
	foreign  *http.CrossOriginProtection
	squeezer *sync.Pool
	signIns  turns
	stopping atomic.Bool
}

// New makes a Server.
func New(c Config) (*Server, error) {
	if c.BaseURL == nil || c.Views == nil || c.Static == nil || c.Users == nil || c.Sessions == nil ||
		c.Results == nil || c.People == nil || c.Ranking == nil || c.Challenges == nil || c.Notices == nil ||
		c.Messages == nil || c.Passwords == nil || c.Tokens == nil || c.Registry == nil ||
		c.Matchmaker == nil || c.Hub == nil || c.Ready == nil || c.OAuth == nil || c.Sealer == nil ||
		c.Throttles == nil || c.Identities == nil || c.Factors == nil || c.Links == nil ||
		c.SecurityLog == nil || c.Letters == nil {
		return nil, errors.New("handlers: a part is missing from Config")
	}
	if c.Points == 0 {
		c.Points = 11
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		c:        c,
		routes:   map[string]Route{},
		foreign:  http.NewCrossOriginProtection(),
		squeezer: newSqueezer(),
	}
	s.echo = s.router()
	return s, nil
}

// Handler gives the site.
func (s *Server) Handler() http.Handler { return s.echo }

// Drain makes /readyz say that this server is about to stop, so that whoever
// balances load sends nothing more. Requests are still answered.
func (s *Server) Drain() { s.stopping.Store(true) }
