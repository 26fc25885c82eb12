package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// securityPath is where everything about getting in is seen.
const securityPath = "/settings/security"

// securityPage is the page as it stands.
func (s *Server) securityPage(c echo.Context) (views.SecurityPage, error) {
	ctx := c.Request().Context()
	page := views.SecurityPage{Page: s.pageAt(c, securityPath), Mail: s.c.Mailer != nil}
	user := page.Viewer.User
	var err error
	if page.Identities, err = s.c.Identities.ListIdentities(ctx, user.ID); err != nil {
		return page, err
	}
	page.Providers = s.providers()
	for _, p := range page.Providers {
		if !slices.ContainsFunc(page.Identities, func(id rally.Identity) bool { return id.Provider == p.Name }) {
			page.Linkable = append(page.Linkable, p)
		}
	}
	page.LastWay = !user.HasPassword && len(page.Identities) == 1
	if user.Codes {
		factor, err := s.c.Factors.FindFactor(ctx, user.ID)
		if err != nil {
			return page, err
		}
		page.Recovery = factor.Recovery
	}
	return page, nil
}

// security shows how the account's owner gets in.
func (s *Server) security(c echo.Context) error {
	page, err := s.securityPage(c)
	if err != nil {
		return err
	}
	page.Notice = doneOf(c, map[string]string{
		"password":     "security.password_changed",
		"email":        "security.email_asked",
		"verification": "security.verification_sent",
		"codes_off":    "security.codes_off",
		"linked":       "security.linked",
		"unlinked":     "security.unlinked",
	})
	return s.html(c, http.StatusOK, views.Security(page))
}

// securityAgain shows the page with what is wrong.
func (s *Server) securityAgain(c echo.Context, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page, err := s.securityPage(c)
	if err != nil {
		return err
	}
	page.Problem, page.Wait = words.Message, wait(words)
	return s.html(c, status, views.Security(page))
}

// renew puts the browser's session under a new id, with a token of its own:
// what could have been overheard before is worth nothing any more.
func (s *Server) renew(c echo.Context) error {
	session, err := s.c.Sessions.Renew(c.Response(), c.Request(), rally.StageFull)
	if err != nil {
		return err
	}
	st := of(c)
	st.session, st.viewer.Session = &session, session.ID
	return s.setToken(c, &session)
}

// passwordForm shows the form for another password, or for the first one.
func (s *Server) passwordForm(c echo.Context) error {
	return s.html(c, http.StatusOK, views.Password(views.PasswordPage{Page: s.pageAt(c, "/settings/password")}))
}

// changePassword sets the account's password and signs every other device out.
func (s *Server) changePassword(c echo.Context) error {
	ctx, user := c.Request().Context(), of(c).viewer.User
	page := views.PasswordPage{Page: s.pageAt(c, "/settings/password")}
	password := c.Request().PostForm.Get("password")
	if page.Password.Problem = s.c.Passwords.Check(password, user.Name, user.Email); page.Password.Problem != "" {
		return s.passwordAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	hash, err := s.c.Passwords.Hash(ctx, password)
	if err != nil {
		return s.passwordAgain(c, page, err)
	}
	if err := s.c.Users.ChangePassword(ctx, user.ID, hash, of(c).session.ID); err != nil {
		return s.passwordAgain(c, page, err)
	}
	s.securityEvent(c, rally.SecurityPasswordChanged, user.ID, "")
	s.tell(c, rally.LetterPasswordChanged, user, "")
	if err := s.renew(c); err != nil {
		return err
	}
	return s.leave(c, securityPath+"?done=password")
}

// passwordAgain shows the form once more, with what is wrong.
func (s *Server) passwordAgain(c echo.Context, page views.PasswordPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Fault = words.Message, status >= http.StatusInternalServerError
	return s.show(c, status, views.Password(page), views.PasswordForm(page))
}

// unlink takes an identity away from the account, unless nobody could sign in
// to it any more.
func (s *Server) unlink(c echo.Context) error {
	ctx, form, user := c.Request().Context(), c.Request().PostForm, of(c).viewer.User
	issuer, subject := form.Get("issuer"), form.Get("subject")
	linked, err := s.c.Identities.ListIdentities(ctx, user.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(linked, func(id rally.Identity) bool { return id.Issuer == issuer && id.Subject == subject })
	if i < 0 {
		return notFound()
	}
	if err := s.c.Identities.UnlinkIdentity(ctx, user.ID, issuer, subject); err != nil {
		return s.securityAgain(c, err)
	}
	s.securityEvent(c, rally.SecurityUnlinked, user.ID, linked[i].Provider)
	// Somebody may have come by that way.
	if _, err := s.c.Sessions.EndAll(ctx, user.ID, of(c).viewer.Session, becauseDeviceEnded); err != nil {
		return err
	}
	return s.leave(c, securityPath+"?done=unlinked")
}
