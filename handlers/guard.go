package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"rally"
)

// guard lets through whom the route's gate admits, and sends everybody else to
// what is in their way.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if obstacle := s.obstacle(of(c)); obstacle != "" {
			return s.divert(c, obstacle)
		}
		s.noteActive(c)
		return next(c)
	}
}

// The pages that settle what is in somebody's way.
const (
	signInPath    = "/sign-in"
	codePath      = "/sign-in/code"
	elsewherePath = "/sign-in/elsewhere"
	proofPath     = "/settings/proof"
)

// obstacle gives the page that has to be dealt with before the request's gate
// opens, or "". It is the table beside Gate.
func (s *Server) obstacle(st *state) string {
	if st.gate == Bare || st.gate == Open {
		return ""
	}
	switch st.viewer.Stage {
	case rally.StageOTP:
		if st.gate == Code {
			return ""
		}
		return codePath
	case rally.StageFull:
	default:
		return signInPath
	}
	switch {
	case st.gate == Code:
		return onwards
	case st.gate == Full || st.gate == Socket:
		return ""
	case st.viewer.Elsewhere:
		return elsewherePath
	case st.gate == Proven && !st.session.Proven(s.c.Now()):
		return proofPath
	default:
		return ""
	}
}

// onwards is the obstacle of somebody who has it behind them.
const onwards = "onwards"

// divert sends a request that may not go on to what is in its way, from where
// it comes back.
func (s *Server) divert(c echo.Context, obstacle string) error {
	switch {
	case of(c).gate == Socket, obstacle == signInPath:
		return s.refuse(c, becauseNeeded)
	case obstacle == onwards:
		return s.leave(c, afterwards(anyNext(c)))
	default:
		return s.leave(c, withNext(obstacle, s.comeBack(c)))
	}
}

// Why someone lands on the sign-in page, in its address. Those of sessions
// that were ended are the reasons of rally.SessionEnded.
const (
	becauseNeeded         = "needed"       // the page asked for is for members
	becauseEnded          = "ended"        // the session was ended, for whatever else
	becauseDeclined       = "declined"     // the provider's page was left with "no"
	becauseReset          = "reset"        // there is a new password
	becauseConfirmed      = "confirmed"    // an address was shown to be theirs
	becauseSignedOut      = "signed_out"   // in another tab
	becauseMoved          = "moved"        // went on on another device
	becauseDeviceEnded    = "device_ended" // signed out from another device
	becausePassword       = "password_changed"
	becauseCodes          = "codes_changed"
	becauseAccountDeleted = "account_deleted"
)

// refuse answers a request that nobody is known for: it is sent to sign in,
// with the reason, and comes back afterwards; the socket is told 403.
func (s *Server) refuse(c echo.Context, reason string) error {
	if of(c).gate == Socket {
		return rally.Errorf(rally.EForbidden, "error.forbidden", "not signed in")
	}
	if of(c).viewer.Stage == rally.StageOTP && reason == becauseNeeded {
		return s.divert(c, codePath) // they are on their way
	}
	q := url.Values{"reason": {reason}}
	if next := s.comeBack(c); next != "" {
		q.Set("next", next)
	}
	return s.leave(c, signInPath+"?"+q.Encode())
}

// comeBack gives where a request that was sent elsewhere goes on afterwards:
// the page it asked for, or the one whose form it sent; "" for none and for the
// landing page. A page that is only on the way somewhere gives that place.
func (s *Server) comeBack(c echo.Context) string {
	from := pathOf(c.Request())
	if from == "" && of(c).gate == Proven {
		// The browser does not say which form it was: the one of this name.
		if _, ok := s.routes[http.MethodGet+" "+c.Path()]; ok {
			from = c.Request().URL.Path
		}
	}
	next := s.wayBack(from)
	switch {
	case next == "/":
		return ""
	case onTheWay(next):
		return anyNext(c)
	}
	return next
}
