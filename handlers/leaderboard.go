package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// Ranking knows how well people play.
type Ranking interface {
	Leaderboard(ctx context.Context, cursor string, limit int) (people []rally.Ranked, next string, err error)
	LeaderboardAround(ctx context.Context, user rally.UserID, around int) ([]rally.Ranked, error)
	Rank(ctx context.Context, user rally.UserID) (rank int, err error)
	RatingHistory(ctx context.Context, user rally.UserID) ([]rally.RatingPoint, error)
	Record(ctx context.Context, viewer, other rally.UserID) (rally.Record, error)
}

const (
	boardPage   = 50 // people on a page of the leaderboard
	boardAround = 10 // before and after the viewer's own place
)

// leaderboard is who plays best, from the top or from a cursor; to a member who
// asks for it, those around their own place.
func (s *Server) leaderboard(c echo.Context) error {
	ctx, member := c.Request().Context(), of(c).member()
	cursor := c.QueryParam("after")
	page := views.LeaderboardPage{Page: s.page(c), Top: cursor == ""}
	var err error
	if c.QueryParam("me") != "" && member != 0 {
		page.Me, page.Top = true, false
		page.People, err = s.c.Ranking.LeaderboardAround(ctx, member, boardAround)
		if rally.ErrorCode(err) == rally.ENotFound {
			err = nil // they have no rank yet, and the page says so
		}
	} else {
		page.People, page.Next, err = s.c.Ranking.Leaderboard(ctx, cursor, boardPage)
	}
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, views.Leaderboard(page), views.LeaderboardRows(page))
}
