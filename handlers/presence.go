package handlers

import (
	"context"

	"rally"
)

// presenceRoutes are those by which pages say that somebody is there.
func (s *Server) presenceRoutes() []Route { return nil }

// pushInbox has the pages of users show what waits for them.
func (s *Server) pushInbox(context.Context, rally.Event) {}

// pushRenamed has the pages of a user's friends, and of whoever plays or watches
// them, show their new name.
func (s *Server) pushRenamed(context.Context, rally.Event) {}

// notePlaying tells the hub who of a match's players plays now, if the match
// runs on this node.
func (s *Server) notePlaying(e rally.Event) {
	if _, ok := s.c.Registry.Find(e.Match); !ok {
		return
	}
	for _, user := range e.Users {
		id, _ := s.c.Registry.Playing(user)
		s.c.Hub.SetPlaying(user, id)
	}
}
