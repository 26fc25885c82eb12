package handlers

import (
	"context"

	"rally"
)

// Messages keeps what people say to each other.
type Messages interface {
	SendMessage(ctx context.Context, from, to rally.UserID, text string, opponents bool) (rally.Message, error)
	ListMessages(ctx context.Context, a, b rally.UserID, before int64, limit int) ([]rally.Message, error)
	UnreadMessages(ctx context.Context, user rally.UserID) (map[rally.UserID]int, error)
	MarkMessagesRead(ctx context.Context, user, from rally.UserID, upTo int64) error
	Chats(ctx context.Context, user rally.UserID) (bool, error)
	SetChat(ctx context.Context, user rally.UserID, chat bool) error
}

// chatRoutes are those of conversations.
func (s *Server) chatRoutes() []Route { return nil }

// pushMessage shows a message on the open pages of both.
func (s *Server) pushMessage(context.Context, rally.Event) {}
