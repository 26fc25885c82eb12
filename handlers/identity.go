package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
)

// The cookies handlers set; the session's own is the session store's. The
// prefix makes browsers insist on Secure, on the whole site and on this host.
const (
	tokenCookie  = "__Host-rally_token" //nolint:gosec // a name, and no secret
	localeCookie = "__Host-rally_locale"
	themeCookie  = "__Host-rally_theme"
)

// preferenceAge is how long a browser remembers language and theme.
const preferenceAge = 365 * 24 * time.Hour

// Sessions keeps signed-in browsers. Its methods read and set the session's
// cookie themselves.
type Sessions interface {
	// Load gives the session that the request's cookie opens and its user;
	// nil when it opens none.
	Load(w http.ResponseWriter, r *http.Request) (*rally.Session, rally.User, error)
	// Open gives the browser a new session in place of any it had.
	Open(w http.ResponseWriter, r *http.Request, user rally.UserID, stage rally.Stage) (rally.Session, error)
	// Renew puts the request's session at a stage, perhaps the one it has, under a new id.
	Renew(w http.ResponseWriter, r *http.Request, stage rally.Stage) (rally.Session, error)
	// End ends a session and takes the cookie away.
	End(w http.ResponseWriter, r *http.Request, id rally.SessionID, reason string) error
	// EndOwn ends one of the user's sessions; ENotFound when it is not theirs.
	EndOwn(ctx context.Context, user rally.UserID, id rally.SessionID, reason string) error
	EndAll(ctx context.Context, user rally.UserID, except rally.SessionID, reason string) (n int, err error)
	// EndLive ends the sessions that are live in place of this one.
	EndLive(ctx context.Context, user rally.UserID, except rally.SessionID, reason string) (n int, err error)
	// List gives a user's full sessions, the newest seen first.
	List(ctx context.Context, user rally.UserID) ([]rally.Session, error)
	// Prove notes that the session's owner has just proved to be who they are.
	Prove(ctx context.Context, id rally.SessionID) error
	// TokenIssued notes until when the session's newest token opens anything.
	TokenIssued(ctx context.Context, id rally.SessionID, until time.Time) error
}

// anonymous gives the Viewer of a request nobody is known for: what the
// browser itself says about language and theme.
func (s *Server) anonymous(r *http.Request) rally.Viewer {
	v := rally.Viewer{Theme: theme(cookieValue(r, themeCookie))}
	if locale := cookieValue(r, localeCookie); slices.Contains(s.c.Views.Locales(), locale) {
		v.Locale = locale
	} else {
		v.Locale = s.c.Views.Match(clip(r.Header.Get("Accept-Language"), 200))
	}
	return v
}

// identify finds out who is looking: the session that the cookie opens and the
// token beside it, judged by auth.Tokens.Decide. A session that must end ends
// here, and the request with it.
func (s *Server) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		st := of(c)
		if st.gate == Bare {
			return next(c)
		}
		session, user, err := s.c.Sessions.Load(c.Response(), c.Request())
		if err != nil {
			return err
		}
		verdict := s.c.Tokens.Decide(session, cookieValue(c.Request(), tokenCookie))
		if verdict.Alarm != "" {
			s.alarm(c, verdict.Alarm, session)
		}
		if verdict.End {
			if err := s.c.Sessions.End(c.Response(), c.Request(), session.ID, becauseEnded); err != nil {
				return err
			}
			return s.refuse(c, becauseEnded)
		}
		if verdict.Mint {
			if err := s.setToken(c, session); err != nil {
				return err
			}
		}
		st.session = session
		if st.viewer.Stage = verdict.Stage; verdict.Stage >= rally.StageOTP {
			st.viewer.User = user
			st.viewer.Session = session.ID
		}
		if verdict.Stage == rally.StageFull {
			st.viewer.Elsewhere = session.Elsewhere
			s.prefer(&st.viewer, user)
		}
		return next(c)
	}
}

// member gives the signed-in user, 0 for anybody else: someone who still owes
// a one-time code is nobody yet.
func (st *state) member() rally.UserID {
	if !st.viewer.SignedIn() {
		return 0
	}
	return st.viewer.User.ID
}

// prefer lets what the account has chosen go before what the browser says.
func (s *Server) prefer(v *rally.Viewer, u rally.User) {
	if slices.Contains(s.c.Views.Locales(), u.Locale) {
		v.Locale = u.Locale
	}
	if u.Theme != "" {
		v.Theme = u.Theme
	}
}

// alarm logs a token that cannot have come about honestly, and takes it away.
func (s *Server) alarm(c echo.Context, alarm rally.SecurityKind, session *rally.Session) {
	var user rally.UserID
	var more []slog.Attr
	if session != nil {
		user = session.UserID
		more = append(more, slog.String("session", string(session.ID)))
	}
	s.securityEvent(c, alarm, user, "", more...)
	clearCookie(c, tokenCookie)
}

// setToken puts a fresh token beside the session. It outlives its own content,
// so that a later visit can show that it had one. Sockets are told apart by
// until when the newest one opens anything.
func (s *Server) setToken(c echo.Context, session *rally.Session) error {
	token, err := s.c.Tokens.Issue(session.UserID, session.ID)
	if err != nil {
		return err
	}
	until := s.c.Now().Add(auth.TokenLife)
	if err := s.c.Sessions.TokenIssued(c.Request().Context(), session.ID, until); err != nil {
		return err
	}
	setCookie(c, tokenCookie, token, rally.SessionAbsolute)
	return nil
}

// cookieValue gives a cookie's value, or "".
func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func setCookie(c echo.Context, name, value string, age time.Duration) {
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func clearCookie(c echo.Context, name string) { setCookie(c, name, "", -time.Second) }
