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
	var page *live.Conn // nil when it was turned away
	err := s.c.Hub.Serve(c.Response(), c.Request(), v, func(conn *live.Conn) live.Receiver {
		page = conn
		return s.c.Registry.Open(v.User.ID, conn)
	})
	if page != nil {
		// They may have been paired or challenged since the page was written.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), pushTime)
		defer cancel()
		page.Push(s.fragment(ctx, v.User.ID, s.call(v.User.ID)))
		page.Push(s.fragment(ctx, v.User.ID, s.invites(ctx, v.User.ID, false)))
	}
	return err
}
