package handlers

import (
	"context"

	"rally"
)

// Challenges keeps offers to play.
type Challenges interface {
	CreateChallenge(ctx context.Context, from, to rally.UserID, points int, rated bool) (c rally.Challenge, crossed bool, err error)
	TakeChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) (rally.Challenge, error)
	DeclineChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) error
	WithdrawChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) error
	SetChallengeMatch(ctx context.Context, id rally.ChallengeID, match rally.MatchID) error
	FindChallenge(ctx context.Context, id rally.ChallengeID, viewer rally.UserID) (rally.Challenge, error)
	ListChallenges(ctx context.Context, user rally.UserID) ([]rally.Challenge, error)
}

// challengeRoutes are those of challenges.
func (s *Server) challengeRoutes() []Route { return nil }

// pushChallenge shows both what has become of a challenge.
func (s *Server) pushChallenge(context.Context, rally.Event) {}
