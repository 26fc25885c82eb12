package handlers

import (
	"context"

	"rally"
)

// Ranking knows how well people play.
type Ranking interface {
	Leaderboard(ctx context.Context, cursor string, limit int) (people []rally.Ranked, next string, err error)
	LeaderboardAround(ctx context.Context, user rally.UserID, around int) ([]rally.Ranked, error)
	Rank(ctx context.Context, user rally.UserID) (rank int, err error)
	RatingHistory(ctx context.Context, user rally.UserID) ([]rally.RatingPoint, error)
	Record(ctx context.Context, viewer, other rally.UserID) (rally.Record, error)
}

// rankingRoutes are those of the leaderboard.
func (s *Server) rankingRoutes() []Route { return nil }
