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
	who, err := s.vouch(c, page.Email.Value, password)
	if err != nil {
		return s.signInAgain(c, page, err)
	}
	return s.accept(c, who, next)
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
func (s *Server) vouch(c echo.Context, login, password string) (who rally.Credentials, err error) {
	ctx, address := c.Request().Context(), of(c).address
	candidates, err := s.c.Users.FindCandidates(ctx, login)
	if err != nil {
		return who, err
	}
	if len(candidates) == 0 {
		candidates = []rally.Credentials{{}} // nobody
	}
	known, err := s.knownHere(ctx, candidates, address)
	if err != nil {
		return who, err
	}
	try, err := s.tryPassword(ctx, candidates, password, auth.SignInCharges(login, address, known))
	if err != nil {
		return who, err
	}
	if !try.ok {
		s.securityEvent(c, rally.SecuritySignInFailed, candidates[0].User.ID, "")
		err = &rally.Error{Code: rally.EUnauthorized, Message: "sign_in.wrong"}
	} else if try.rehash {
		try.who.Hash = s.rehash(c, try.who.User.ID, try.who.Hash, password)
	}
	s.keepFloor(ctx, try.begun, try.took)
	return try.who, err
}

// signInsPerAddress is how many passwords from one address are hashed or wait
// for that at once.
const signInsPerAddress = 12

// passwordTry is what became of a password.
type passwordTry struct {
	begun  time.Time     // when its first hash was begun
	took   time.Duration // what that hash took
	ok     bool
	who    rally.Credentials // whose it is, if ok
	rehash bool              // its hash was made with less than today's parameters
}

// tryPassword tries a password on candidates, which counts as one attempt, and
// forgets the attempts before if it is right. Somebody who is right many times
// at once is not taken for somebody who tries: of those with the same login at
// the same address no more go at once than it has free attempts.
func (s *Server) tryPassword(
	ctx context.Context, candidates []rally.Credentials, password string, charges []rally.Charge,
) (try passwordTry, err error) {
	// One address does not fill the queue of all others.
	login, address := charges[0], charges[1]
	leave, err := s.signIns.take(ctx, address.Kind+address.Key, signInsPerAddress)
	if err != nil {
		return try, err
	}
	defer leave()
	done, err := s.signIns.take(ctx, login.Kind+login.Key, login.Free)
	if err != nil {
		return try, err
	}
	defer done()
	if err := s.c.Throttles.Check(ctx, charges...); err != nil {
		return try, err
	}
	var charged time.Time
	admit := func() error {
		if !try.begun.IsZero() {
			return nil // one attempt, whomever it may mean
		}
		try.begun = time.Now()
		err := s.c.Throttles.Charge(ctx, charges...)
		charged = s.c.Now()
		return err
	}
	for _, candidate := range candidates {
		try.ok, try.rehash, err = s.c.Passwords.Verify(ctx, password, candidate.Hash, admit)
		if err != nil {
			return try, err
		}
		if try.took == 0 {
			try.took = time.Since(try.begun)
		}
		if try.ok {
			try.who = candidate
			return try, s.c.Throttles.Forgive(ctx, charged, charges...)
		}
	}
	return try, nil
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
// tell something by how long it took: that of two hashes, on a machine that is
// busy the time of two as slow as the one that was made.
func (s *Server) keepFloor(ctx context.Context, begun time.Time, hash time.Duration) {
	timer := time.NewTimer(time.Until(begun.Add(s.c.Passwords.Floor(hash))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// rehash keeps the password with today's parameters, in place of the hash it
// was checked with, and gives the one that counts now. That it fails is no
// reason to refuse someone whose password was right.
func (s *Server) rehash(c echo.Context, user rally.UserID, before, password string) (hash string) {
	ctx := c.Request().Context()
	after, err := s.c.Passwords.Hash(ctx, password)
	if err == nil {
		err = s.c.Users.Rehash(ctx, user, before, after)
	}
	if err != nil {
		s.c.Log.WarnContext(ctx, "rehash", "id", of(c).id, "user", int64(user), "error", err.Error())
		return before
	}
	return after
}

// accept goes on with somebody whom a password or a provider has vouched for:
// to the one-time code if the account wants one, else they are signed in. The
// browser gets a new session in place of any it had. who has the hash of the
// password that was right, "" if it was none.
func (s *Server) accept(c echo.Context, who rally.Credentials, next string) error {
	of(c).viewer.User = who.User // for the log
	stage := rally.StageFull
	if who.User.Codes {
		stage = rally.StageOTP
	}
	session, err := s.c.Sessions.Open(c.Response(), c.Request(), who.User.ID, stage)
	if err != nil {
		return err
	}
	stands, err := s.stillStands(c.Request().Context(), who)
	if err != nil {
		return err
	}
	if !stands {
		if err := s.c.Sessions.End(c.Response(), c.Request(), session.ID, becauseEnded); err != nil {
			return err
		}
		return s.leave(c, signInPath+"?reason="+becauseEnded)
	}
	if stage == rally.StageOTP {
		clearCookie(c, tokenCookie) // until the code there is none
		return s.leave(c, withNext(codePath, next))
	}
	return s.complete(c, session, next)
}

// stillStands says whether an account can still be signed in to as it was when
// who was read. A change of that ends the sessions there are; this is for the
// one that was opened while it happened.
func (s *Server) stillStands(ctx context.Context, who rally.Credentials) (bool, error) {
	found, err := s.c.Users.FindCandidates(ctx, who.User.Name)
	if err != nil || len(found) == 0 {
		return false, err
	}
	now := found[0]
	return now.User.ID == who.User.ID && now.User.Codes == who.User.Codes && (who.Hash == "" || now.Hash == who.Hash), nil
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
