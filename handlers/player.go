package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// historyPage is how many matches a profile shows at once.
const historyPage = 20

// player is a profile, with the newest matches or those before a cursor.
func (s *Server) player(c echo.Context) error {
	ctx := c.Request().Context()
	id, err := personID(c)
	if err != nil {
		return err
	}
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
	if err := s.addLive(ctx, &page); err != nil {
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
	person, err := s.c.People.FindPerson(c.Request().Context(), st.member(), id)
	page.PersonCard = s.card(person)
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

// addLive adds the match that the player plays, to a member. Of two people one
// of whom blocks the other, neither is told; a friend's badge leads to it.
func (s *Server) addLive(ctx context.Context, page *views.ProfilePage) error {
	id := page.User.ID
	match, playing := s.c.Registry.Playing(id)
	if !playing || !page.Viewer.SignedIn() || page.Relation == rally.RelationFriends {
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
