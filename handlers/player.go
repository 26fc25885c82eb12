package handlers

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// historyPage is how many matches a profile shows at once.
const historyPage = 20

// player is a profile, with the newest matches or those before a cursor.
func (s *Server) player(c echo.Context) error {
	ctx := c.Request().Context()
	number, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil || number <= 0 {
		return notFound()
	}
	id := rally.UserID(number)
	st := of(c)
	page := views.ProfilePage{Page: s.page(c), Own: st.member() == id}
	if page.Own {
		page.User = st.viewer.User // the session's query has just read it
	} else if page.User, err = s.c.Users.FindUser(ctx, id); err != nil {
		return err
	}
	matches, older, err := s.c.Results.ListMatches(ctx, id, c.QueryParam("before"), historyPage)
	if err != nil {
		return err
	}
	page.Older = older
	for _, m := range matches {
		page.Matches = append(page.Matches, matchRow(m, id))
	}
	if st.viewer.SignedIn() {
		page.Live, _ = s.c.Registry.Playing(id)
	}
	return s.show(c, http.StatusOK, views.Profile(page), views.MatchRows(page))
}
