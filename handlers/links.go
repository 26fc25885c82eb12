package handlers

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// linkCookie holds the token of the letter's link that was followed last, so
// that it stands in the address of no page.
const linkCookie = "__Host-rally_link"

// linkCookieAge is how long somebody may take over the page that it opens.
const linkCookieAge = 30 * time.Minute

// forgotForm takes the address of somebody who has forgotten their password.
func (s *Server) forgotForm(c echo.Context) error {
	return s.html(c, http.StatusOK, views.Forgot(views.ForgotPage{Page: s.page(c), Mail: s.c.Mailer != nil}))
}

// forgot has a link to a new password sent to an address. The answer is the
// same, and takes as long, whether there is an account or not.
func (s *Server) forgot(c echo.Context) error {
	ctx, begun := c.Request().Context(), time.Now()
	page := views.ForgotPage{Page: s.page(c), Mail: s.c.Mailer != nil}
	if !page.Mail {
		return s.show(c, http.StatusOK, views.Forgot(page), views.Forgot(page))
	}
	page.Email.Value, page.Email.Problem = rally.NormalizeEmail(c.Request().PostForm.Get("email"))
	if page.Email.Problem != "" {
		return s.forgotAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	if err := s.c.Throttles.Charge(ctx, auth.ResetCharges(of(c).address)...); err != nil {
		return s.forgotAgain(c, page, err)
	}
	err := s.c.Throttles.Charge(ctx, auth.ResetLetterCharges(page.Email.Value)...)
	switch {
	case err == nil:
		err = s.resetLetter(c, page.Email.Value)
	case rally.ErrorCode(err) == rally.EThrottled:
		err = nil // enough letters have gone there; nobody else need know
	}
	if err != nil {
		return s.forgotAgain(c, page, err)
	}
	s.keepFloor(ctx, begun, 0)
	page.Sent, page.Email = true, views.Field{}
	return s.html(c, http.StatusOK, views.Forgot(page))
}

// resetLetter queues the letter with the link. One to nobody is queued as
// well, and dropped where letters are written.
func (s *Server) resetLetter(c echo.Context, email string) error {
	ctx := c.Request().Context()
	candidates, err := s.c.Users.FindCandidates(ctx, email)
	if err != nil {
		return err
	}
	letter := rally.Letter{Kind: rally.LetterReset, To: email, Locale: of(c).viewer.Locale}
	if len(candidates) > 0 {
		user := candidates[0].User
		linked, err := s.c.Identities.ListIdentities(ctx, user.ID)
		if err != nil {
			return err
		}
		if !user.EmailVerified && (user.Codes || len(linked) > 0) {
			return s.c.Letters.QueueLetter(ctx, letter) // to nobody: see Store.UseResetLink
		}
		letter.User, letter.To = user.ID, user.Email
		if user.Locale != "" {
			letter.Locale = user.Locale
		}
		s.securityEvent(c, rally.SecurityResetAsked, user.ID, "")
	}
	return s.c.Letters.QueueLetter(ctx, letter)
}

// forgotAgain shows the form once more, with what is wrong.
func (s *Server) forgotAgain(c echo.Context, page views.ForgotPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	return s.show(c, status, views.Forgot(page), views.ForgotForm(page))
}

// followLink takes the token of a letter's link out of the address, and goes
// to the page it opens. Nothing else happens before a form is sent there: mail
// programs follow links as well.
func (s *Server) followLink(c echo.Context) error {
	token := c.Param("token")
	link, err := s.c.Links.FindLink(c.Request().Context(), token)
	switch {
	case rally.ErrorCode(err) == rally.ENotFound:
		clearCookie(c, linkCookie)
		return s.leave(c, "/reset") // which says so
	case err != nil:
		return err
	}
	setCookie(c, linkCookie, token, linkCookieAge)
	if link.Kind == rally.LinkEmail {
		return s.leave(c, "/confirm-email")
	}
	return s.leave(c, "/reset")
}

// followed gives the link whose token the browser holds, if it is of this
// kind; ENotFound when it opens nothing.
func (s *Server) followed(c echo.Context, kind rally.LinkKind) (token string, link rally.Link, err error) {
	of(c).private = true
	token = cookieValue(c.Request(), linkCookie)
	link, err = s.c.Links.FindLink(c.Request().Context(), token)
	if err == nil && link.Kind != kind {
		err = rally.Errorf(rally.ENotFound, "error.not_found", "a link of kind %q", link.Kind)
	}
	return token, link, err
}
