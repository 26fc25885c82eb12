package handlers

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// signInForm shows the form for a known account.
func (s *Server) signInForm(c echo.Context) error {
	if of(c).viewer.SignedIn() {
		return s.leave(c, afterwards(nextOf(c)))
	}
	page := views.SignInPage{Page: s.page(c), Next: nextOf(c), Providers: s.providers()}
	switch reason := c.QueryParam("reason"); reason {
	case becauseNeeded, becauseEnded, becauseDeclined, becauseReset, becauseConfirmed, becauseSignedOut,
		becauseMoved, becauseDeviceEnded, becausePassword, becauseCodes, becauseAccountDeleted:
		page.Notice = "sign_in.reason_" + reason
	}
	return s.html(c, http.StatusOK, views.SignIn(page))
}

// signIn checks who somebody says they are and opens a session.
func (s *Server) signIn(c echo.Context) error {
	form := c.Request().PostForm
	next, password := formNext(c), form.Get("password")
	page := views.SignInPage{Page: s.page(c), Next: next, Providers: s.providers()}
	page.Path = withNext(signInPath, next)
	page.Email.Value = strings.TrimSpace(form.Get("email"))
	if page.Email.Value == "" {
		page.Email.Problem = "field.login_empty"
	}
	if password == "" {
		page.Password.Problem = "field.password_empty"
	}
	if page.Email.Problem != "" || page.Password.Problem != "" {
		return s.signInAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	user, err := s.vouch(c, page.Email.Value, password)
	if err != nil {
		return s.signInAgain(c, page, err)
	}
	return s.accept(c, user, next)
}

// signInAgain is signUpAgain for the other form.
func (s *Server) signInAgain(c echo.Context, page views.SignInPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	return s.show(c, status, views.SignIn(page), views.SignInForm(page))
}

// vouch gives the account that a name or an address means and a password opens.
// That there is none, that the password is another and that the account has
// none get the same answer, for the same work, after the same time: a name may
// mean two accounts, so all wait for what two hashes take. EThrottled after
// too many attempts; what is refused for that costs the server no hash.
func (s *Server) vouch(c echo.Context, login, password string) (rally.User, error) {
	ctx, address := c.Request().Context(), of(c).address
	candidates, err := s.c.Users.FindCandidates(ctx, login)
	if err != nil {
		return rally.User{}, err
	}
	if len(candidates) == 0 {
		candidates = []rally.Credentials{{}} // nobody
	}
	known, err := s.knownHere(ctx, candidates, address)
	if err != nil {
		return rally.User{}, err
	}
	begun, found, err := s.tryPassword(ctx, candidates, password, auth.SignInCharges(login, address, known))
	if err != nil {
		return rally.User{}, err
	}
	if found == nil {
		s.securityEvent(c, rally.SecuritySignInFailed, candidates[0].User.ID, "")
		err = &rally.Error{Code: rally.EUnauthorized, Message: "sign_in.wrong"}
	} else if found.rehash {
		s.rehash(ctx, c, found.user.ID, password)
	}
	s.keepFloor(ctx, begun)
	if err != nil {
		return rally.User{}, err
	}
	return found.user, nil
}

// opened is the account that a password has opened.
type opened struct {
	user   rally.User
	rehash bool // its hash was made with less than today's parameters
}

// tryPassword tries a password on candidates, which counts as one attempt, and
// forgets the attempts before if it opens one; found is nil if not. Somebody
// who is right many times at once is never taken for somebody who tries: those
// who share the first of the charges go one after the other. begun is when the
// hashing began.
func (s *Server) tryPassword(
	ctx context.Context, candidates []rally.Credentials, password string, charges []rally.Charge,
) (begun time.Time, found *opened, err error) {
	done, err := s.signIns.take(ctx, charges[0].Key)
	if err != nil {
		return begun, nil, err
	}
	defer done()
	if err := s.c.Throttles.Check(ctx, charges...); err != nil {
		return begun, nil, err
	}
	admit := func() error {
		if !begun.IsZero() {
			return nil // one attempt, whomever it may mean
		}
		begun = time.Now()
		return s.c.Throttles.Charge(ctx, charges...)
	}
	for _, candidate := range candidates {
		ok, rehash, err := s.c.Passwords.Verify(ctx, password, candidate.Hash, admit)
		if err != nil {
			return begun, nil, err
		}
		if ok {
			return begun, &opened{candidate.User, rehash}, s.c.Throttles.Forgive(ctx, charges...)
		}
	}
	return begun, nil, nil
}

// knownHere says whether one of the accounts has been signed in to from this
// address lately: its owner is not shut out by what others try elsewhere.
func (s *Server) knownHere(ctx context.Context, candidates []rally.Credentials, address string) (bool, error) {
	for _, candidate := range candidates {
		known, err := s.c.SecurityLog.KnownAddress(ctx, candidate.User.ID, address)
		if known || err != nil {
			return known, err
		}
	}
	return false, nil
}

// keepFloor waits until the time that every answer takes that could otherwise
// tell something by how long it took.
func (s *Server) keepFloor(ctx context.Context, begun time.Time) {
	timer := time.NewTimer(time.Until(begun.Add(s.c.Passwords.Floor())))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// rehash keeps the password with today's parameters. That it fails is no
// reason to refuse someone whose password was right.
func (s *Server) rehash(ctx context.Context, c echo.Context, user rally.UserID, password string) {
	hash, err := s.c.Passwords.Hash(ctx, password)
	if err == nil {
		err = s.c.Users.SetPasswordHash(ctx, user, hash)
	}
	if err != nil {
		s.c.Log.WarnContext(ctx, "rehash", "id", of(c).id, "user", int64(user), "error", err.Error())
	}
}

// accept goes on with somebody whom a password or a provider has vouched for:
// to the one-time code if the account wants one, else they are signed in. The
// browser gets a new session in place of any it had.
func (s *Server) accept(c echo.Context, user rally.User, next string) error {
	of(c).viewer.User = user // for the log
	if user.Codes {
		if _, err := s.c.Sessions.Open(c.Response(), c.Request(), user.ID, rally.StageOTP); err != nil {
			return err
		}
		clearCookie(c, tokenCookie) // until the code there is none
		return s.leave(c, withNext(codePath, next))
	}
	session, err := s.c.Sessions.Open(c.Response(), c.Request(), user.ID, rally.StageFull)
	if err != nil {
		return err
	}
	return s.complete(c, session, next)
}

// complete puts a token beside a session that has just become a full one, and
// goes on to next. Only now does it matter whether the user is live on another
// device: nobody else is to learn that.
func (s *Server) complete(c echo.Context, session rally.Session, next string) error {
	if err := s.setToken(c, &session); err != nil {
		return err
	}
	s.securityEvent(c, rally.SecuritySignIn, session.UserID, "")
	if session.Elsewhere {
		return s.leave(c, withNext(elsewherePath, next))
	}
	return s.leave(c, afterwards(next))
}
