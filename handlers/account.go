package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// landing greets whoever comes.
func (s *Server) landing(c echo.Context) error {
	return s.html(c, http.StatusOK, views.Landing(views.LandingPage{
		Page: s.page(c), Playing: s.c.Registry.Stats().Live,
	}))
}

// signUpForm shows the form for a new account.
func (s *Server) signUpForm(c echo.Context) error {
	if of(c).viewer.SignedIn() {
		return s.leave(c, afterwards(nextOf(c)))
	}
	return s.html(c, http.StatusOK, views.SignUp(views.SignUpPage{
		Page: s.page(c), Next: nextOf(c), Providers: s.providers(),
	}))
}

// signUp makes an account and signs it in. Whether the address belongs to
// somebody already is told in a letter to that address and nowhere else.
func (s *Server) signUp(c echo.Context) error {
	ctx, form := c.Request().Context(), c.Request().PostForm
	next := formNext(c)
	if of(c).viewer.SignedIn() {
		return s.leave(c, afterwards(next))
	}
	page := views.SignUpPage{Page: s.page(c), Next: next, Providers: s.providers()}
	page.Path = withNext("/sign-up", next)
	password := form.Get("password")
	page.Name.Value, page.Name.Problem = rally.NormalizeName(form.Get("name"))
	page.Email.Value, page.Email.Problem = rally.NormalizeEmail(form.Get("email"))
	page.Password.Problem = s.c.Passwords.Check(password, page.Name.Value, page.Email.Value)
	if page.Name.Problem != "" || page.Email.Problem != "" || page.Password.Problem != "" {
		return s.signUpAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	if err := s.c.Throttles.Charge(ctx, auth.SignUpCharges(of(c).address)...); err != nil {
		return s.signUpAgain(c, page, err)
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
	s.securityEvent(c, rally.SecuritySignUp, user.ID, "")
	s.greet(c, user)
	return s.accept(c, rally.Credentials{User: user}, next)
}

// greet has a letter written to a new account's address. That it could not be
// noted is no reason to undo the account: it can be asked for again.
func (s *Server) greet(c echo.Context, user rally.User) {
	if s.c.Mailer == nil {
		return
	}
	if err := s.askAt(c, user, user.Email); err != nil {
		s.notQueued(c, rally.LetterVerify, user.ID, err)
	}
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
		page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
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

// signOut ends whatever session the browser has.
func (s *Server) signOut(c echo.Context) error {
	st := of(c)
	if st.session != nil {
		if err := s.c.Sessions.End(c.Response(), c.Request(), st.session.ID, becauseSignedOut); err != nil {
			return err
		}
		s.securityEvent(c, rally.SecuritySignOut, st.session.UserID, "")
	}
	clearCookie(c, tokenCookie)
	return s.leave(c, "/")
}
