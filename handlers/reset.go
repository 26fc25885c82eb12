package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// resetForm is the form for a new password, opened by a letter's link.
func (s *Server) resetForm(c echo.Context) error {
	page := views.ResetPage{Page: s.page(c)}
	_, _, err := s.followed(c, rally.LinkReset)
	if err != nil {
		return s.resetAgain(c, page, err)
	}
	return s.html(c, http.StatusOK, views.Reset(page))
}

// reset gives the account of the link another password. Nobody is signed in by
// it: whoever can read a letter still owes the one-time code.
func (s *Server) reset(c echo.Context) error {
	ctx := c.Request().Context()
	page := views.ResetPage{Page: s.page(c)}
	token, link, err := s.followed(c, rally.LinkReset)
	if err != nil {
		return s.resetAgain(c, page, err)
	}
	user, err := s.c.Users.FindUser(ctx, link.User)
	if err != nil {
		return s.resetAgain(c, page, err)
	}
	password := c.Request().PostForm.Get("password")
	page.Password.Problem = s.c.Passwords.Check(password, user.Name, user.Email)
	if page.Password.Problem != "" {
		return s.resetAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	hash, err := s.c.Passwords.Hash(ctx, password)
	if err != nil {
		return s.resetAgain(c, page, err)
	}
	if user, err = s.c.Links.UseResetLink(ctx, token, hash); err != nil {
		return s.resetAgain(c, page, err)
	}
	clearCookie(c, linkCookie)
	s.securityEvent(c, rally.SecurityPasswordReset, user.ID, "")
	s.tell(c, rally.LetterPasswordChanged, user, "")
	return s.leave(c, signInPath+"?reason="+becauseReset)
}

// resetAgain shows the form once more, with what is wrong, or that the link
// opens nothing any more.
func (s *Server) resetAgain(c echo.Context, page views.ResetPage, err error) error {
	if rally.ErrorCode(err) == rally.ENotFound {
		clearCookie(c, linkCookie)
		page.Dead = true
		return s.show(c, http.StatusGone, views.Reset(page), views.Reset(page))
	}
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Fault = words.Message, status >= http.StatusInternalServerError
	return s.show(c, status, views.Reset(page), views.ResetForm(page))
}

// confirmEmailForm asks for the one press that shows a letter has arrived.
func (s *Server) confirmEmailForm(c echo.Context) error {
	page := views.ConfirmEmailPage{Page: s.page(c)}
	_, link, err := s.followed(c, rally.LinkEmail)
	if err != nil {
		return s.confirmAgain(c, page, err)
	}
	if page.Account, err = s.accountName(c, link.User); err != nil {
		return s.confirmAgain(c, page, err)
	}
	page.Email = link.Email
	return s.html(c, http.StatusOK, views.ConfirmEmail(page))
}

// accountName gives the name of the account that a link is for. Whoever reads
// the letter may not be the one who made it.
func (s *Server) accountName(c echo.Context, id rally.UserID) (string, error) {
	user, err := s.c.Users.FindUser(c.Request().Context(), id)
	return user.Name, err
}

// confirmEmail makes the address of the link the account's own. When it takes the
// place of another that was, both are told.
func (s *Server) confirmEmail(c echo.Context) error {
	ctx := c.Request().Context()
	page := views.ConfirmEmailPage{Page: s.page(c)}
	token, link, err := s.followed(c, rally.LinkEmail)
	if err != nil {
		return s.confirmAgain(c, page, err)
	}
	page.Email = link.Email
	before, user, err := s.c.Links.UseEmailLink(ctx, token)
	if err != nil {
		return s.confirmAgain(c, page, err)
	}
	clearCookie(c, linkCookie)
	if before.Email == user.Email {
		s.securityEvent(c, rally.SecurityEmailVerified, user.ID, user.Email)
	} else {
		s.securityEvent(c, rally.SecurityEmailChanged, user.ID, user.Email)
		if before.EmailVerified { // else it may be a stranger's, or there was none
			s.tell(c, rally.LetterEmailChanged, before, user.Email)
			s.tell(c, rally.LetterEmailChanged, user, before.Email)
		}
	}
	if of(c).member() == user.ID {
		return s.leave(c, securityPath)
	}
	return s.leave(c, signInPath+"?reason="+becauseConfirmed)
}

// confirmAgain shows what is wrong, or that the link opens nothing any more.
func (s *Server) confirmAgain(c echo.Context, page views.ConfirmEmailPage, err error) error {
	if rally.ErrorCode(err) == rally.ENotFound {
		clearCookie(c, linkCookie)
		page.Dead = true
		return s.html(c, http.StatusGone, views.ConfirmEmail(page))
	}
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Fault = words.Message, status >= http.StatusInternalServerError
	return s.html(c, status, views.ConfirmEmail(page))
}
