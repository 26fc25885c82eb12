package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// elsewhere tells somebody that they are live on another device.
func (s *Server) elsewhere(c echo.Context) error {
	st, next := of(c), nextOf(c)
	sessions, err := s.c.Sessions.List(c.Request().Context(), st.viewer.User.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(sessions, func(v rally.Session) bool { return v.Live && v.ID != st.viewer.Session })
	if i < 0 {
		return s.leave(c, afterwards(next)) // it has gone meanwhile, or never was
	}
	page := views.ElsewherePage{Page: s.page(c), Device: deviceOf(sessions[i], st.viewer.Session), Next: next}
	_, page.Playing = s.c.Registry.Playing(st.viewer.User.ID)
	return s.html(c, http.StatusOK, views.Elsewhere(page))
}

// continueHere signs the other device out. What its page shows goes on here.
func (s *Server) continueHere(c echo.Context) error {
	st := of(c)
	ended, err := s.c.Sessions.EndLive(c.Request().Context(), st.viewer.User.ID, st.viewer.Session, becauseMoved)
	if err != nil {
		return err
	}
	if ended > 0 {
		s.securityEvent(c, rally.SecurityMoved, st.viewer.User.ID, "")
	}
	return s.leave(c, afterwards(formNext(c)))
}

// renewToken puts a fresh token beside the session, for a page that stays open
// for longer than one lasts.
func (s *Server) renewToken(c echo.Context) error {
	if err := s.setToken(c, of(c).session); err != nil {
		return err
	}
	noStore(c)
	return c.NoContent(http.StatusNoContent)
}
