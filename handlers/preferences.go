package handlers

import (
	"slices"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// setPreferences keeps the language or the theme, in the browser and in the
// account of whoever is signed in, and goes back to the page.
func (s *Server) setPreferences(c echo.Context) error {
	form, viewer := c.Request().PostForm, of(c).viewer
	locale, chosenTheme := viewer.User.Locale, viewer.User.Theme
	if form.Has("locale") {
		if locale = form.Get("locale"); !slices.Contains(s.c.Views.Locales(), locale) {
			return rally.Errorf(rally.EInvalid, "error.invalid", "language %q", locale)
		}
	}
	if form.Has("theme") {
		value := form.Get("theme")
		if chosenTheme = theme(value); chosenTheme == "" && value != views.ThemeSystem {
			return rally.Errorf(rally.EInvalid, "error.invalid", "theme %q", value)
		}
	}
	if viewer.SignedIn() {
		if err := s.c.Users.SetPreferences(c.Request().Context(), viewer.User.ID, locale, chosenTheme); err != nil {
			return err
		}
	}
	if form.Has("locale") {
		setCookie(c, localeCookie, locale, preferenceAge)
	}
	switch {
	case !form.Has("theme"):
	case chosenTheme == "":
		clearCookie(c, themeCookie)
	default:
		setCookie(c, themeCookie, chosenTheme, preferenceAge)
	}
	return s.leave(c, localPath(form.Get("next")))
}

// theme gives value if it is a theme, and "", the system's, if not.
func theme(value string) string {
	if value == "light" || value == "dark" {
		return value
	}
	return ""
}
