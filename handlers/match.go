package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/match"
	"rally/views"
)

// matchPath is where a match is found.
func matchPath(id rally.MatchID) string { return "/matches/" + string(id) }

// matchID reads a match's id from the address.
func matchID(c echo.Context) (rally.MatchID, error) {
	id := rally.MatchID(c.Param("id"))
	if !id.Valid() {
		return "", notFound()
	}
	return id, nil
}

// match is a match's page: live from the registry, as long as that knows it,
// and afterwards from what is kept. Everybody may see how a match ended; one
// that is still going on is for members.
func (s *Server) match(c echo.Context) error {
	id, err := matchID(c)
	if err != nil {
		return err
	}
	user := of(c).member()
	if info, live := s.c.Registry.Find(id); live && info.Phase != match.Over {
		switch {
		case user == 0:
			return s.refuse(c, becauseNeeded)
		case of(c).viewer.Elsewhere: // the court would have no socket
			return s.divert(c, elsewherePath)
		}
	}
	page, err := s.matchPage(c.Request().Context(), s.page(c), id, user)
	if err != nil {
		return err
	}
	s.chatBeside(c, &page)
	return s.show(c, http.StatusOK, views.Match(page), views.MatchUpdate(page))
}

// matchPage builds the page of a match as user sees it.
func (s *Server) matchPage(ctx context.Context, p views.Page, id rally.MatchID, user rally.UserID) (views.MatchPage, error) {
	info, live := s.c.Registry.Find(id)
	if live && !info.Stored {
		return liveMatch(p, info, user), nil
	}
	kept, err := s.c.Results.FindMatch(ctx, id)
	switch {
	case err == nil:
		page := keptMatch(p, kept, user)
		if live {
			withRematch(&page, info)
		}
		return page, nil
	case live: // what the registry remembers is enough while the database is away
		return liveMatch(p, info, user), nil
	default:
		return views.MatchPage{}, err
	}
}

// ready says that the user is there and wants to begin.
func (s *Server) ready(c echo.Context) error {
	return s.act(c, func(id rally.MatchID, user rally.UserID) (rally.MatchID, error) {
		return "", s.c.Registry.Ready(id, user)
	})
}

// resign gives the match up.
func (s *Server) resign(c echo.Context) error {
	return s.act(c, func(id rally.MatchID, user rally.UserID) (rally.MatchID, error) {
		return "", s.c.Registry.Resign(id, user)
	})
}

// rematch says that the user would play the same opponent again; when both
// have said so there is a new match, and they go there. Whoever is blocked by the
// opponent says so to nobody, and cannot tell.
func (s *Server) rematch(c echo.Context) error {
	return s.act(c, func(id rally.MatchID, user rally.UserID) (rally.MatchID, error) {
		blocked, err := s.opponentBlocks(c.Request().Context(), id, user)
		if err != nil {
			return "", err
		}
		return s.c.Registry.Rematch(id, user, blocked)
	})
}

// opponentBlocks says whether whoever a user plays in a match has blocked them.
// ECONFLICT "friends.unblock_first" when it is the other way round.
func (s *Server) opponentBlocks(ctx context.Context, id rally.MatchID, user rally.UserID) (bool, error) {
	info, ok := s.c.Registry.Find(id)
	side := info.Of(user)
	if !ok || side == rally.NoSide {
		return false, nil
	}
	opponent := info.Players[side.Other()].User
	if opponent == 0 {
		return false, nil
	}
	p, err := s.c.People.FindPerson(ctx, user, opponent)
	switch {
	case rally.ErrorCode(err) == rally.ENotFound: // their account is gone
		return false, nil
	case err != nil:
		return false, err
	case p.Relation == rally.RelationBlocked:
		return false, rally.Errorf(rally.EConflict, "friends.unblock_first", "user %d blocks %d", user, opponent)
	}
	return s.c.People.BlockedEither(ctx, user, opponent)
}

// act does something to the match of the address in the user's name, and shows
// the match again, or goes on to the one that do gives.
func (s *Server) act(c echo.Context, do func(rally.MatchID, rally.UserID) (next rally.MatchID, err error)) error {
	id, err := matchID(c)
	if err != nil {
		return err
	}
	user := of(c).member()
	next, err := do(id, user)
	switch {
	case err != nil:
		return err
	case next != "":
		return s.leave(c, matchPath(next))
	case !isPartial(c.Request()):
		return s.leave(c, matchPath(id))
	}
	page, err := s.matchPage(c.Request().Context(), s.page(c), id, user)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.MatchPanel(page))
}
