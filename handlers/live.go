package handlers

import (
	"github.com/labstack/echo/v4"

	"rally/live"
)

// live is the socket of an open page. Fragments come from the hub by
// themselves; game frames go to and from the match that the browser joins.
func (s *Server) live(c echo.Context) error {
	v := of(c).viewer
	return s.c.Hub.Serve(c.Response(), c.Request(), v, func(conn *live.Conn) live.Receiver {
		return s.c.Registry.Open(v.User.ID, conn)
	})
}
