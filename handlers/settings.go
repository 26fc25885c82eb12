package handlers

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// doneOf gives the notice for what a form has just done that led back to this
// page. The address holds only a word for it, so that it can say nothing else.
func doneOf(c echo.Context, notices map[string]string) string { return notices[c.QueryParam("done")] }

// pageAt gives what every page is given, for one that lives there: coming
// back to it shows no notice again.
func (s *Server) pageAt(c echo.Context, at string) views.Page {
	p := s.page(c)
	p.Path = at
	return p
}

// settingsPage is the page as it stands.
func (s *Server) settingsPage(c echo.Context) views.SettingsPage {
	page := views.SettingsPage{Page: s.pageAt(c, "/settings"), Chat: s.chatSetting(c)}
	page.Name.Value = page.Viewer.User.Name
	return page
}

// settings shows who the others see, and how the site looks.
func (s *Server) settings(c echo.Context) error {
	page := s.settingsPage(c)
	page.Notice = doneOf(c, map[string]string{
		"name":           "settings.renamed",
		"avatar":         "settings.avatar_set",
		"avatar_removed": "settings.avatar_removed",
		"kept":           "settings.kept",
		"chat_on":        "chat.turned_on",
		"chat_off":       "chat.turned_off",
	})
	return s.html(c, http.StatusOK, views.Settings(page))
}

// rename gives the account another display name.
func (s *Server) rename(c echo.Context) error {
	before := of(c).viewer.User
	page := s.settingsPage(c)
	page.Name.Value, page.Name.Problem = rally.NormalizeName(c.Request().PostForm.Get("name"))
	if page.Name.Problem != "" {
		return s.renameAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	if page.Name.Value == before.Name {
		return s.leave(c, "/settings")
	}
	if err := s.c.Throttles.Charge(c.Request().Context(), auth.RenameCharges(before.ID)...); err != nil {
		return s.renameAgain(c, page, err)
	}
	if _, err := s.c.Users.Rename(c.Request().Context(), before.ID, page.Name.Value); err != nil {
		return s.renameAgain(c, page, err)
	}
	s.securityEvent(c, rally.SecurityRenamed, before.ID, before.Name)
	return s.leave(c, "/settings?done=name")
}

// renameAgain shows the form once more, with what is wrong and what was typed.
func (s *Server) renameAgain(c echo.Context, page views.SettingsPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	if id := words.Fields["name"]; id != "" {
		page.Name.Problem = id
	} else if page.Name.Problem == "" {
		page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	}
	return s.show(c, status, views.Settings(page), views.NameForm(page))
}

// isSettings says whether a local path is that of a page of the settings.
func isSettings(local string) bool {
	u, err := url.Parse(local)
	return err == nil && path.Clean(u.Path) == u.Path && (u.Path == "/settings" || strings.HasPrefix(u.Path, "/settings/"))
}
