package handlers

import (
	"context"

	"rally"
)

// Notices keeps what people are told.
type Notices interface {
	// Inbox gives what waits for somebody, with one query.
	Inbox(ctx context.Context, user rally.UserID) (rally.Inbox, error)
	ListNotices(ctx context.Context, user rally.UserID, before int64, limit int) ([]rally.Notice, error)
	MarkRead(ctx context.Context, user rally.UserID, upTo int64) error
}

// noticeRoutes are those of notices.
func (s *Server) noticeRoutes() []Route { return nil }
