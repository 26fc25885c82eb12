package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// landing greets whoever comes.
func (s *Server) landing(c echo.Context) error {
	return s.html(c, http.StatusOK, views.Landing(views.LandingPage{
		Page: s.page(c), Playing: s.c.Registry.Stats().Live,
	}))
}

// withNext is the address of a form that leads on to next.
func withNext(form, next string) string {
	if next == "" {
		return form
	}
	return form + "?" + url.Values{"next": {next}}.Encode()
}

// afterwards gives where someone goes who has signed in: to next, which
// nextOf or formNext gave, and to the lobby if that is empty.
func afterwards(next string) string {
	if next == "" {
		return "/play"
	}
	return next
}

// nextOf gives what a page's address asks its form to remember.
func nextOf(c echo.Context) string {
	if next := c.QueryParam("next"); next != "" {
		return localPath(next)
	}
	return ""
}

// formNext is nextOf for a form that was sent.
func formNext(c echo.Context) string {
	if next := c.Request().PostForm.Get("next"); next != "" {
		return localPath(next)
	}
	return ""
}

// signUpForm shows the form for a new account.
func (s *Server) signUpForm(c echo.Context) error {
	if of(c).viewer.SignedIn() {
		return s.leave(c, afterwards(nextOf(c)))
	}
	return s.html(c, http.StatusOK, views.SignUp(views.SignUpPage{Page: s.page(c), Next: nextOf(c)}))
}

// signUp makes an account and signs it in.
func (s *Server) signUp(c echo.Context) error {
	ctx, form := c.Request().Context(), c.Request().PostForm
	next := formNext(c)
	if of(c).viewer.SignedIn() {
		return s.leave(c, afterwards(next))
	}
	page := views.SignUpPage{Page: s.page(c), Next: next}
	page.Path = withNext("/sign-up", next)
	password := form.Get("password")
	page.Name.Value, page.Name.Problem = rally.NormalizeName(form.Get("name"))
	page.Email.Value, page.Email.Problem = rally.NormalizeEmail(form.Get("email"))
	page.Password.Problem = s.c.Passwords.Check(password, page.Name.Value, page.Email.Value)
	if page.Name.Problem != "" || page.Email.Problem != "" || page.Password.Problem != "" {
		return s.signUpAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	hash, err := s.c.Passwords.Hash(ctx, password)
	if err != nil {
		return s.signUpAgain(c, page, err)
	}
	viewer := of(c).viewer
	user, err := s.c.Users.CreateUser(ctx, rally.NewUser{
		Name: page.Name.Value, Email: page.Email.Value, PasswordHash: hash,
		Locale: cookieLocale(c, viewer), Theme: viewer.Theme,
	})
	if err != nil {
		return s.signUpAgain(c, page, err)
	}
	if err := s.open(c, user); err != nil {
		return err
	}
	s.securityEvent(c, eventSignUp, slog.Int64("user", int64(user.ID)))
	return s.leave(c, afterwards(next))
}

// cookieLocale gives the language for a new account: the one its owner has
// chosen, or "" for what the browser asks for, now and later.
func cookieLocale(c echo.Context, v rally.Viewer) string {
	if cookieValue(c.Request(), localeCookie) == v.Locale {
		return v.Locale
	}
	return ""
}

// signUpAgain shows the form once more, with what is wrong and what was typed.
// An error that the form has no words for goes on.
func (s *Server) signUpAgain(c echo.Context, page views.SignUpPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	if len(words.Fields) == 0 {
		page.Problem, page.Fault = words.Message, status >= http.StatusInternalServerError
	}
	for field, id := range words.Fields {
		switch field {
		case "name":
			page.Name.Problem = id
		case "email":
			page.Email.Problem = id
		case "password":
			page.Password.Problem = id
		}
	}
	return s.show(c, status, views.SignUp(page), views.SignUpForm(page))
}

// formProblem says whether an error can be shown within a form, and how.
func formProblem(c echo.Context, err error) (status int, words *rally.Error, ok bool) {
	words, ok = errors.AsType[*rally.Error](err)
	if !ok {
		return 0, nil, false
	}
	switch words.Code {
	case rally.EInvalid, rally.EConflict, rally.EUnauthorized:
	case rally.EThrottled, rally.EUnavailable:
		setRetryAfter(c, words.RetryAfter)
	default:
		return 0, nil, false
	}
	of(c).err = err
	return statusOf(words.Code), words, true
}

// signInForm shows the form for a known account.
func (s *Server) signInForm(c echo.Context) error {
	if of(c).viewer.SignedIn() {
		return s.leave(c, afterwards(nextOf(c)))
	}
	page := views.SignInPage{Page: s.page(c), Next: nextOf(c)}
	switch c.QueryParam("reason") {
	case becauseEnded:
		page.Notice = "sign_in.ended"
	case becauseNeeded:
		page.Notice = "sign_in.needed"
	}
	return s.html(c, http.StatusOK, views.SignIn(page))
}

// signIn checks e-mail and password and opens a session. An unknown address, a
// wrong password and an account without one get the same answer for the same
// work.
func (s *Server) signIn(c echo.Context) error {
	ctx, form := c.Request().Context(), c.Request().PostForm
	next, password := formNext(c), form.Get("password")
	page := views.SignInPage{Page: s.page(c), Next: next}
	page.Path = withNext("/sign-in", next)
	page.Email.Value = form.Get("email")
	if page.Email.Value == "" {
		page.Email.Problem = "field.email_empty"
	}
	if password == "" {
		page.Password.Problem = "field.password_empty"
	}
	if page.Email.Problem != "" || page.Password.Problem != "" {
		return s.signInAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	email, _ := rally.NormalizeEmail(page.Email.Value)
	user, hash, err := s.c.Users.FindCredentials(ctx, email)
	if err != nil && rally.ErrorCode(err) != rally.ENotFound {
		return s.signInAgain(c, page, err)
	}
	ok, rehash, err := s.c.Passwords.Verify(ctx, password, hash, nil)
	if err != nil {
		return s.signInAgain(c, page, err)
	}
	if !ok {
		s.securityEvent(c, eventSignInFailed, slog.Int64("user", int64(user.ID)))
		return s.signInAgain(c, page, &rally.Error{Code: rally.EUnauthorized, Message: "sign_in.wrong"})
	}
	if rehash {
		s.rehash(ctx, c, user.ID, password)
	}
	if err := s.open(c, user); err != nil {
		return err
	}
	s.securityEvent(c, eventSignIn, slog.Int64("user", int64(user.ID)))
	return s.leave(c, afterwards(next))
}

// signInAgain is signUpAgain for the other form.
func (s *Server) signInAgain(c echo.Context, page views.SignInPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Fault = words.Message, status >= http.StatusInternalServerError
	return s.show(c, status, views.SignIn(page), views.SignInForm(page))
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

// open gives the browser a new session of its own, in place of any it had, and
// the token beside it.
func (s *Server) open(c echo.Context, user rally.User) error {
	session, err := s.c.Sessions.Open(c.Response(), c.Request(), user.ID, rally.StageFull)
	if err != nil {
		return err
	}
	of(c).viewer.User = user // for the log
	return s.setToken(c, &session)
}

// signOut ends whatever session the browser has.
func (s *Server) signOut(c echo.Context) error {
	st := of(c)
	if st.session != nil {
		if err := s.c.Sessions.End(c.Response(), c.Request(), st.session.ID, "signed_out"); err != nil {
			return err
		}
		s.securityEvent(c, eventSignOut, slog.Int64("user", int64(st.session.UserID)))
	}
	clearCookie(c, tokenCookie)
	return s.leave(c, "/")
}
