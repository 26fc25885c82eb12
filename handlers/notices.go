package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// noticesPage is how many notices a page shows at once.
const noticesPage = 30

// Notices keeps what people are told.
type Notices interface {
	// Inbox gives what waits for somebody, with one query.
	Inbox(ctx context.Context, user rally.UserID) (rally.Inbox, error)
	ListNotices(ctx context.Context, user rally.UserID, before int64, limit int) ([]rally.Notice, error)
	MarkRead(ctx context.Context, user rally.UserID, upTo int64) error
}

// notices shows what the viewer was told, the newest or those before a cursor.
func (s *Server) notices(c echo.Context) error {
	cursor, err := before(c)
	if err != nil {
		return err
	}
	page := views.NoticesPage{Page: s.page(c), Now: s.c.Now()}
	// One more than is shown, to know whether there are older ones.
	page.Notices, err = s.c.Notices.ListNotices(c.Request().Context(), of(c).member(), cursor, noticesPage+1)
	if err != nil {
		return err
	}
	if len(page.Notices) > noticesPage {
		page.Notices = page.Notices[:noticesPage]
		page.Older = page.Notices[noticesPage-1].ID
	}
	page.Unread = slices.ContainsFunc(page.Notices, func(n rally.Notice) bool { return !n.Read })
	return s.show(c, http.StatusOK, views.Notices(page), views.NoticeRows(page))
}

// readNotices marks the viewer's notices as read, up to the newest they have
// seen.
func (s *Server) readNotices(c echo.Context) error {
	upTo, err := strconv.ParseInt(c.Request().PostForm.Get("up_to"), 10, 64)
	if err != nil || upTo <= 0 {
		return rally.Errorf(rally.EInvalid, "error.invalid", "notices read up to %q", c.Request().PostForm.Get("up_to"))
	}
	if err := s.c.Notices.MarkRead(c.Request().Context(), of(c).member(), upTo); err != nil {
		return err
	}
	if isPartial(c.Request()) {
		return c.NoContent(http.StatusNoContent)
	}
	return s.leave(c, "/notices")
}
