package store

import (
	"context"

	"rally"
)

// Inbox gives what waits for somebody on whatever page they are.
func (s *Store) Inbox(ctx context.Context, user rally.UserID) (in rally.Inbox, err error) {
	if in.Requests, err = s.CountRequests(ctx, user); err != nil {
		return in, err
	}
	in.Notices, err = s.UnreadNotices(ctx, user)
	return in, err
}
