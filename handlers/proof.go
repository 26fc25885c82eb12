package handlers

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// proofNext gives where a proof leads: to the page of the settings that asked
// for it, and nowhere else.
func proofNext(next string) string {
	if next = localPath(next); isSettings(next) && !onTheWay(next) {
		return next
	}
	return "/settings/security"
}

// proofPage is the page with what this account can prove itself by.
func (s *Server) proofPage(c echo.Context, next string) (views.ProofPage, error) {
	page := views.ProofPage{Page: s.pageAt(c, withNext(proofPath, next)), Next: next}
	user := page.Viewer.User
	page.Password, page.Codes = user.HasPassword, user.Codes
	if page.Password || page.Codes {
		return page, nil
	}
	linked, err := s.c.Identities.ListIdentities(c.Request().Context(), user.ID)
	if err != nil {
		return page, err
	}
	for _, p := range s.providers() {
		if slices.ContainsFunc(linked, func(id rally.Identity) bool { return id.Provider == p.Name }) {
			page.Providers = append(page.Providers, p)
		}
	}
	return page, nil
}

// proofForm asks for the password or a code once more.
func (s *Server) proofForm(c echo.Context) error {
	next := proofNext(c.QueryParam("next"))
	if of(c).session.Proven(s.c.Now()) {
		return s.leave(c, next)
	}
	page, err := s.proofPage(c, next)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.Proof(page))
}

// prove takes the password or a code as the proof that whoever is signed in is
// still the one who sits there.
func (s *Server) prove(c echo.Context) error {
	form := c.Request().PostForm
	page, err := s.proofPage(c, proofNext(form.Get("next")))
	if err != nil {
		return err
	}
	password, code := form.Get("password"), strings.TrimSpace(form.Get("code"))
	page.ByCode = page.Codes && (code != "" || !page.Password)
	if password == "" && code == "" {
		if page.Entered.Problem = "field.password_empty"; page.ByCode {
			page.Entered.Problem = "field.code_empty"
		}
		return s.proveAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	var ok bool
	if page.ByCode {
		ok, err = s.spendCode(c, page.Viewer.User.ID, code)
	} else {
		ok, err = s.checkPassword(c, page.Viewer.User.ID, password)
	}
	if err != nil {
		return s.proveAgain(c, page, err)
	}
	if !ok {
		s.securityEvent(c, rally.SecurityProofFailed, page.Viewer.User.ID, "")
		return s.proveAgain(c, page, &rally.Error{Code: rally.EUnauthorized, Message: "proof.wrong"})
	}
	if err := s.c.Sessions.Prove(c.Request().Context(), page.Viewer.Session); err != nil {
		return err
	}
	return s.leave(c, page.Next)
}

// proveAgain shows the form once more, with what is wrong.
func (s *Server) proveAgain(c echo.Context, page views.ProofPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	return s.show(c, status, views.Proof(page), views.ProofForm(page))
}

// checkPassword says whether password is that of the account, which may be
// tried only so often from one place.
func (s *Server) checkPassword(c echo.Context, user rally.UserID, password string) (ok bool, err error) {
	ctx := c.Request().Context()
	charges := auth.ProofCharges(user, of(c).address)
	if err := s.c.Throttles.Check(ctx, charges...); err != nil {
		return false, err
	}
	hash, err := s.c.Users.FindPasswordHash(ctx, user)
	if err != nil {
		return false, err
	}
	var charged time.Time
	ok, rehash, err := s.c.Passwords.Verify(ctx, password, hash, func() error {
		err := s.c.Throttles.Charge(ctx, charges...)
		charged = s.c.Now()
		return err
	})
	if err != nil || !ok {
		return false, err
	}
	if rehash {
		s.rehash(c, user, hash, password)
	}
	return true, s.c.Throttles.Forgive(ctx, charged, charges...)
}
