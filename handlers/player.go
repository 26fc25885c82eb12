package handlers

import (
	"context"
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
	page, err := s.profile(c, id)
	if err != nil {
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
	if isPartial(c.Request()) {
		return s.html(c, http.StatusOK, views.MatchRows(page))
	}
	if err := s.addRanking(ctx, &page); err != nil {
		return err
	}
	if err := s.addPresence(ctx, &page); err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.Profile(page))
}

// profile begins a profile with who it is about.
func (s *Server) profile(c echo.Context, id rally.UserID) (page views.ProfilePage, err error) {
	st := of(c)
	page.Page, page.Own = s.page(c), st.member() == id
	if page.Own {
		page.User = st.viewer.User // the session's query has just read it
		return page, nil
	}
	page.Person, err = s.c.People.FindPerson(c.Request().Context(), st.member(), id)
	return page, err
}

// addRanking adds how well the player plays.
func (s *Server) addRanking(ctx context.Context, page *views.ProfilePage) (err error) {
	id, r := page.User.ID, s.c.Ranking
	if page.User.Wins+page.User.Losses > 0 {
		if page.Rank, err = r.Rank(ctx, id); err != nil {
			return err
		}
		if page.History, err = r.RatingHistory(ctx, id); err != nil {
			return err
		}
	}
	if page.Viewer.SignedIn() && !page.Own {
		page.Record, err = r.Record(ctx, page.Viewer.User.ID, id)
	}
	return err
}

// addPresence adds what a member sees of the player being there. Of two people
// one of whom blocks the other, neither is told that the other plays.
func (s *Server) addPresence(ctx context.Context, page *views.ProfilePage) error {
	id := page.User.ID
	if !page.Viewer.SignedIn() {
		return nil
	}
	if page.Relation == rally.RelationFriends {
		if page.Presence = s.c.Hub.Presence(id); page.Presence.SeenAt.IsZero() {
			page.Presence.SeenAt = page.SeenAt
		}
		return nil // the badge leads to the match they play
	}
	match, playing := s.c.Registry.Playing(id)
	if !playing {
		return nil
	}
	if !page.Own {
		blocked, err := s.c.People.BlockedEither(ctx, page.Viewer.User.ID, id)
		if err != nil || blocked {
			return err
		}
	}
	page.Live = match
	return nil
}
