package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// emailForm shows the form for another address.
func (s *Server) emailForm(c echo.Context) error {
	page := views.EmailPage{Page: s.pageAt(c, "/settings/email"), Mail: s.c.Mailer != nil}
	return s.html(c, http.StatusOK, views.EmailChange(page))
}

// changeEmail asks at another address whether it is theirs, and tells the
// present one. Nothing changes until that is answered; see confirmEmail. The
// answer is the same whosever the address is.
func (s *Server) changeEmail(c echo.Context) error {
	ctx, user := c.Request().Context(), of(c).viewer.User
	page := views.EmailPage{Page: s.pageAt(c, "/settings/email"), Mail: s.c.Mailer != nil}
	page.Email.Value, page.Email.Problem = rally.NormalizeEmail(c.Request().PostForm.Get("email"))
	if page.Email.Problem == "" && strings.EqualFold(page.Email.Value, user.Email) {
		page.Email.Problem = "field.email_same"
	}
	if page.Email.Problem != "" {
		return s.emailAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	if !page.Mail {
		return notFound() // the page offers nothing
	}
	if err := s.c.Throttles.Charge(ctx, auth.LetterCharges(user.ID)...); err != nil {
		return s.emailAgain(c, page, err)
	}
	if err := s.askAt(c, user, page.Email.Value); err != nil {
		return s.emailAgain(c, page, err)
	}
	s.securityEvent(c, rally.SecurityEmailAsked, user.ID, page.Email.Value)
	s.tell(c, rally.LetterEmailAsked, user, page.Email.Value)
	return s.leave(c, securityPath+"?done=email")
}

// emailAgain shows the form once more, with what is wrong and what was typed.
func (s *Server) emailAgain(c echo.Context, page views.EmailPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	return s.show(c, status, views.EmailChange(page), views.EmailForm(page))
}

// sendVerification sends the letter once more that asks whether the account's
// address is theirs.
func (s *Server) sendVerification(c echo.Context) error {
	ctx, user := c.Request().Context(), of(c).viewer.User
	if s.c.Mailer == nil || user.Email == "" {
		return notFound()
	}
	if user.EmailVerified {
		return s.leave(c, securityPath)
	}
	if err := s.c.Throttles.Charge(ctx, auth.LetterCharges(user.ID)...); err != nil {
		return s.securityAgain(c, err)
	}
	if err := s.askAt(c, user, user.Email); err != nil {
		return s.securityAgain(c, err)
	}
	return s.leave(c, securityPath+"?done=verification")
}

// askAt sends the letter that asks whether an address is this account's; if
// somebody else has shown that it is theirs, they are told instead. When enough
// such letters have gone there none does, and nobody need know.
func (s *Server) askAt(c echo.Context, user rally.User, email string) error {
	ctx := c.Request().Context()
	err := s.c.Throttles.Charge(ctx, auth.AskCharges(email)...)
	switch {
	case rally.ErrorCode(err) == rally.EThrottled:
		return nil
	case err != nil:
		return err
	}
	letter := rally.Letter{Kind: rally.LetterVerify, User: user.ID, To: email, Locale: of(c).viewer.Locale}
	candidates, err := s.c.Users.FindCandidates(ctx, email)
	if err != nil {
		return err
	}
	for _, other := range candidates {
		if owner := other.User; owner.EmailVerified && owner.ID != user.ID {
			letter = rally.Letter{
				Kind: rally.LetterTaken, User: owner.ID, To: owner.Email, Locale: owner.Locale, Other: user.Name,
			}
		}
	}
	return s.c.Letters.QueueLetter(ctx, letter)
}
