package handlers

import (
	"context"

	"rally"
)

// People keeps how people stand to each other. What may be asked of whom, and
// what each error means, says package store.
type People interface {
	SearchPeople(ctx context.Context, viewer rally.UserID, text, cursor string, limit int) (people []rally.Person, next string, err error)
	FindPerson(ctx context.Context, viewer, other rally.UserID) (rally.Person, error)
	Relation(ctx context.Context, viewer, other rally.UserID) (rally.Relation, error)
	ListFriends(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	ListRequests(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	ListAsked(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	ListBlocked(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	Ask(ctx context.Context, from, to rally.UserID) (now rally.Relation, err error)
	Accept(ctx context.Context, user, from rally.UserID) error
	Decline(ctx context.Context, user, from rally.UserID) error
	Withdraw(ctx context.Context, user, to rally.UserID) error
	Remove(ctx context.Context, user, friend rally.UserID) error
	Block(ctx context.Context, user, other rally.UserID) error
	Unblock(ctx context.Context, user, other rally.UserID) error
	BlockedEither(ctx context.Context, a, b rally.UserID) (blocked bool, err error)
}

// friendRoutes are those of friends and of people to find.
func (s *Server) friendRoutes() []Route { return nil }

// pushFriends has the pages of two people show how they stand to each other now.
func (s *Server) pushFriends(context.Context, rally.Event) {}
