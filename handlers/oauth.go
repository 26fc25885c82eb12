package handlers

import (
	"cmp"
	"errors"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// oauthCookie holds, sealed, what a sign-in at a provider was begun with, for
// auth.StateLife.
const oauthCookie = "__Host-rally_oauth"

// providers gives the ways to sign in with an account elsewhere, in the order
// they are offered.
func (s *Server) providers() []views.Provider {
	var out []views.Provider
	for _, p := range s.c.OAuth.Providers() {
		out = append(out, views.Provider{Name: p.Name, Label: p.Label})
	}
	return out
}

// signInWith sends the browser to a provider to sign in there.
func (s *Server) signInWith(c echo.Context) error {
	if of(c).viewer.SignedIn() {
		return s.leave(c, afterwards(nextOf(c)))
	}
	return s.sendAway(c, auth.PurposeSignIn, nextOf(c))
}

// linkWith does so to let a signed-in account be signed in to from there.
func (s *Server) linkWith(c echo.Context) error { return s.sendAway(c, auth.PurposeLink, securityPath) }

// proveWith does so to show that its owner is still the one who sits there, if
// the account has nothing that could be entered here.
func (s *Server) proveWith(c echo.Context) error {
	if user := of(c).viewer.User; user.HasPassword || user.Codes {
		return s.leave(c, withNext(proofPath, nextOf(c)))
	}
	return s.sendAway(c, auth.PurposeProve, nextOf(c))
}

// sendAway sends the browser to the provider in the address. Only the browser
// keeps what for. What comes back changes an account that is signed in here,
// so that another site's link cannot begin it.
func (s *Server) sendAway(c echo.Context, purpose auth.Purpose, next string) error {
	provider, ok := s.c.OAuth.Find(c.Param("provider"))
	if !ok {
		return notFound()
	}
	if from := c.Request().Header.Get("Sec-Fetch-Site"); purpose != auth.PurposeSignIn && (from == "cross-site" || from == "same-site") {
		s.securityEvent(c, eventCrossSite, 0, "")
		return rally.Errorf(rally.EForbidden, "error.cross_site", "%s begun from a %s page", purpose, from)
	}
	to, cookie, err := s.c.OAuth.Start(c.Request().Context(), provider.Name, auth.Request{
		Purpose: purpose, Session: of(c).viewer.Session, Next: next,
	})
	if err != nil {
		return err
	}
	setCookie(c, oauthCookie, cookie, auth.StateLife)
	return s.leave(c, to)
}

// callback is where a provider sends the browser back to.
func (s *Server) callback(c echo.Context) error {
	ctx := c.Request().Context()
	provider, ok := s.c.OAuth.Find(c.Param("provider"))
	if !ok {
		return notFound()
	}
	arrival, err := s.c.OAuth.Finish(ctx, provider.Name, cookieValue(c.Request(), oauthCookie), c.QueryParams())
	switch {
	case errors.Is(err, auth.ErrDeclined):
		clearCookie(c, oauthCookie)
		return s.declined(c, arrival)
	case err != nil:
		return err
	}
	// The provider takes a code once, and that settles it for honest ones. This
	// does so whatever the provider does.
	first, err := s.c.Identities.SpendState(ctx, arrival.StateHash)
	switch {
	case err != nil:
		return err
	case !first:
		return badState("it has come back before")
	}
	clearCookie(c, oauthCookie)
	switch arrival.Purpose {
	case auth.PurposeLink:
		return s.link(c, arrival)
	case auth.PurposeProve:
		return s.proveIdentity(c, arrival)
	default:
		return s.arrive(c, arrival)
	}
}

// declined leads somebody back who has said no at the provider.
func (s *Server) declined(c echo.Context, a auth.Arrival) error {
	switch a.Purpose {
	case auth.PurposeLink, auth.PurposeProve:
		return s.leave(c, securityPath)
	default:
		return s.leave(c, signInPath+"?reason="+becauseDeclined)
	}
}

// badState is the answer for a state that is missing, too old, another
// browser's or not the one that was given out last.
func badState(why string) error {
	return rally.Errorf(rally.EMalformed, "oauth.state", "%s", why)
}

// arrive signs somebody in whose identity is known, and asks everybody else
// for a name. Nothing but the identity says who it is: an equal address is no
// proof of anything.
func (s *Server) arrive(c echo.Context, a auth.Arrival) error {
	user, err := s.c.Identities.FindIdentity(c.Request().Context(), a.Identity.Issuer, a.Identity.Subject)
	switch {
	case rally.ErrorCode(err) == rally.ENotFound:
		return s.welcome(c, a)
	case err != nil:
		return err
	}
	return s.accept(c, rally.Credentials{User: user}, nextFrom(a.Next))
}

// begunHere says whether the signed-in session is the one that sent the browser
// to the provider, and is in nobody's way.
func begunHere(st *state, a auth.Arrival) bool {
	return st.viewer.SignedIn() && !st.viewer.Elsewhere && st.viewer.Session == a.Session
}

// link lets the account of the session be signed in to with the identity.
func (s *Server) link(c echo.Context, a auth.Arrival) error {
	st := of(c)
	switch {
	case !begunHere(st, a):
		return badState("the session is another one")
	case !st.session.Proven(s.c.Now()):
		return s.leave(c, withNext(proofPath, securityPath))
	}
	user := st.viewer.User.ID
	if err := s.c.Identities.LinkIdentity(c.Request().Context(), user, a.Identity); err != nil {
		return err
	}
	s.securityEvent(c, rally.SecurityLinked, user, a.Identity.Provider)
	return s.leave(c, securityPath+"?done=linked")
}

// proveIdentity counts as a proof if the identity is one of the account's.
func (s *Server) proveIdentity(c echo.Context, a auth.Arrival) error {
	ctx, st := c.Request().Context(), of(c)
	if !begunHere(st, a) {
		return badState("the session is another one")
	}
	viewer := st.viewer.User
	owner, err := s.c.Identities.FindIdentity(ctx, a.Identity.Issuer, a.Identity.Subject)
	if err != nil && rally.ErrorCode(err) != rally.ENotFound {
		return err
	}
	if err != nil || owner.ID != viewer.ID || viewer.HasPassword || viewer.Codes {
		s.securityEvent(c, rally.SecurityProofFailed, viewer.ID, a.Identity.Provider)
		return rally.Errorf(rally.EForbidden, "proof.wrong", "an identity that is not user %d's", viewer.ID)
	}
	if err := s.c.Sessions.Prove(ctx, st.session.ID); err != nil {
		return err
	}
	return s.leave(c, cmp.Or(nextFrom(a.Next), securityPath))
}
