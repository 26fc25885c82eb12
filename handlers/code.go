package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// codeForm asks for the one-time code that signing in still owes.
func (s *Server) codeForm(c echo.Context) error {
	return s.html(c, http.StatusOK, views.Code(views.CodePage{Page: s.page(c), Next: nextOf(c)}))
}

// code takes it, or a recovery code in its place. Then the session is another
// one and a full one.
func (s *Server) code(c echo.Context) error {
	user, next := of(c).viewer.User, formNext(c)
	page := views.CodePage{Page: s.page(c), Next: next}
	page.Path = withNext(codePath, next)
	entered := strings.TrimSpace(c.Request().PostForm.Get("code"))
	page.Code.Value = clip(entered, 40)
	if entered == "" {
		page.Code.Problem = "field.code_empty"
		return s.codeAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	ok, err := s.spendCode(c, user.ID, entered)
	if err != nil {
		return s.codeAgain(c, page, err)
	}
	if !ok {
		s.securityEvent(c, rally.SecurityCodeFailed, user.ID, "")
		return s.codeAgain(c, page, &rally.Error{Code: rally.EUnauthorized, Message: "code.wrong"})
	}
	session, err := s.c.Sessions.Renew(c.Response(), c.Request(), rally.StageFull)
	if err != nil {
		return err
	}
	return s.complete(c, session, next)
}

// codeAgain shows the form once more, with what is wrong.
func (s *Server) codeAgain(c echo.Context, page views.CodePage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	return s.show(c, status, views.Code(page), views.CodeForm(page))
}
