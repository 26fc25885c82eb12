package handlers

import (
	"context"

	"github.com/labstack/echo/v4"

	"rally/live"
)

// live is the socket of an open page. Fragments come from the hub by
// themselves; game frames go to and from the match that the browser joins.
func (s *Server) live(c echo.Context) error {
	v := of(c).viewer
	err := s.c.Hub.Serve(c.Response(), c.Request(), v, func(conn *live.Conn) live.Receiver {
		return s.c.Registry.Open(v.User.ID, conn)
	})
	if err == nil {
		// Somebody may have challenged them since the page was written.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), pushTime)
		defer cancel()
		s.pushInvites(ctx, v.User.ID, false)
	}
	return err
}
