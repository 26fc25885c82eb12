package handlers

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

const (
	codesPath = "/settings/codes"
	// setUpCookie holds the sealed secret of codes that are being turned on, so
	// that a page that is loaded again shows the same one. Nothing is kept
	// until a code of it has been entered.
	setUpCookie = "__Host-rally_codes"
	setUpLife   = 30 * time.Minute
)

// setUpAbout is what such a secret is sealed for.
func setUpAbout(v rally.Viewer) string {
	return fmt.Sprintf("factor-setup:%d:%s", v.User.ID, v.Session)
}

// setUpSecret gives the secret that the browser is setting up; ok is false when
// it has none, or not one of this session.
func (s *Server) setUpSecret(c echo.Context) (secret []byte, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(cookieValue(c.Request(), setUpCookie))
	if err != nil {
		return nil, false
	}
	secret, err = s.c.Sealer.Open(sealed, setUpAbout(of(c).viewer))
	return secret, err == nil
}

// codesPage is the page as it stands: how to turn codes off, or a secret with
// which to turn them on.
func (s *Server) codesPage(c echo.Context) (views.CodesPage, error) {
	page := views.CodesPage{Page: s.pageAt(c, codesPath)}
	user := page.Viewer.User
	if page.On = user.Codes; page.On {
		factor, err := s.c.Factors.FindFactor(c.Request().Context(), user.ID)
		page.Recovery = factor.Recovery
		return page, err
	}
	secret, ok := s.setUpSecret(c)
	if !ok {
		secret = auth.NewCodeSecret()
		sealed := s.c.Sealer.Seal(secret, setUpAbout(page.Viewer))
		setCookie(c, setUpCookie, base64.RawURLEncoding.EncodeToString(sealed), setUpLife)
	}
	page.Secret, page.Link = grouped(auth.CodeSecretText(secret)), auth.CodeLink(secret, user.Name)
	var err error
	page.QR, err = auth.QR(page.Link)
	return page, err
}

// codesForm shows how to turn one-time codes on or off.
func (s *Server) codesForm(c echo.Context) error {
	page, err := s.codesPage(c)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.Codes(page))
}

// codesAgain shows the form once more, with what is wrong.
func (s *Server) codesAgain(c echo.Context, cause error) error {
	status, words, ok := formProblem(c, cause)
	if !ok {
		return cause
	}
	page, err := s.codesPage(c)
	if err != nil {
		return err
	}
	if page.Code.Problem = words.Fields["code"]; page.Code.Problem == "" {
		page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	}
	return s.show(c, status, views.Codes(page), views.CodesForm(page))
}

// codeProblem is what is wrong with the code that was typed.
func codeProblem(id string) error {
	return &rally.Error{Code: rally.EInvalid, Message: "error.invalid", Fields: map[string]string{"code": id}}
}

// turnOnCodes turns one-time codes on, for somebody whose app has been shown to
// give the right ones, and shows the recovery codes.
func (s *Server) turnOnCodes(c echo.Context) error {
	ctx, viewer := c.Request().Context(), of(c).viewer
	if viewer.User.Codes {
		return s.leave(c, codesPath)
	}
	code := strings.TrimSpace(c.Request().PostForm.Get("code"))
	secret, ok := s.setUpSecret(c)
	switch {
	case code == "":
		return s.codesAgain(c, codeProblem("field.code_empty"))
	case !ok:
		return s.codesAgain(c, &rally.Error{Code: rally.EConflict, Message: "codes.new_secret"})
	}
	step, ok := auth.MatchCode(secret, code, s.c.Now(), 0)
	if !ok {
		return s.codesAgain(c, codeProblem("code.wrong"))
	}
	recovery, hashes := auth.NewRecoveryCodes()
	sealed := s.c.Sealer.Seal(secret, factorAbout(viewer.User.ID))
	err := s.c.Factors.TurnOnFactor(ctx, viewer.User.ID, sealed, step, hashes, viewer.Session)
	if rally.ErrorCode(err) == rally.EConflict {
		return s.leave(c, codesPath) // another page has just done it
	}
	if err != nil {
		return err
	}
	clearCookie(c, setUpCookie)
	s.securityEvent(c, rally.SecurityCodesOn, viewer.User.ID, "")
	s.tell(c, rally.LetterCodesOn, viewer.User, "")
	if err := s.renew(c); err != nil {
		return err
	}
	of(c).viewer.User.Codes = true
	return s.recovery(c, recovery, true)
}

// turnOffCodes turns one-time codes off, for somebody who can still give one.
func (s *Server) turnOffCodes(c echo.Context) error {
	ctx, viewer := c.Request().Context(), of(c).viewer
	if !viewer.User.Codes {
		return s.leave(c, codesPath)
	}
	code := strings.TrimSpace(c.Request().PostForm.Get("code"))
	if code == "" {
		return s.codesAgain(c, codeProblem("field.code_empty"))
	}
	ok, err := s.spendCode(c, viewer.User.ID, code)
	if err != nil {
		return s.codesAgain(c, err)
	}
	if !ok {
		s.securityEvent(c, rally.SecurityCodeFailed, viewer.User.ID, "")
		return s.codesAgain(c, codeProblem("code.wrong"))
	}
	if err := s.c.Factors.TurnOffFactor(ctx, viewer.User.ID, viewer.Session); err != nil {
		return err
	}
	s.securityEvent(c, rally.SecurityCodesOff, viewer.User.ID, "")
	s.tell(c, rally.LetterCodesOff, viewer.User, "")
	if err := s.renew(c); err != nil {
		return err
	}
	return s.leave(c, securityPath+"?done=codes_off")
}

// grouped writes a secret the way people copy one: four signs at a time.
func grouped(text string) string {
	groups := make([]string, 0, len(text)/4+1)
	for group := range slices.Chunk([]byte(text), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, " ")
}
