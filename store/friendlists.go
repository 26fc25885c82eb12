package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rally"
)

// FindPerson gives somebody as a viewer, 0 for nobody, may see them; ENOTFOUND
// "error.not_found" when there is no such account.
func (s *Store) FindPerson(ctx context.Context, viewer, other rally.UserID) (_ rally.Person, err error) {
	ctx, done := s.begin(ctx, "FindPerson", &err)
	defer done()
	const sql = `SELECT ` + personColumns + `, 0::bigint AS rank FROM users u` + relationJoins + ` WHERE u.id = $2`
	rows, _ := s.pool.Query(ctx, sql, int64(viewer), int64(other))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[personRow])
	if isNoRows(err) {
		return rally.Person{}, noUser(other)
	}
	return row.person(), err
}

// friendIDs gives the ids of the friends of $1.
const friendIDs = `
	SELECT high AS id FROM friendships WHERE low = $1 AND friends_since IS NOT NULL
	UNION ALL
	SELECT low FROM friendships WHERE high = $1 AND friends_since IS NOT NULL`

// FriendIDs gives a user's friends, in no order.
func (s *Store) FriendIDs(ctx context.Context, user rally.UserID) (_ []rally.UserID, err error) {
	ctx, done := s.begin(ctx, "FriendIDs", &err)
	defer done()
	rows, _ := s.pool.Query(ctx, friendIDs, int64(user))
	return pgx.CollectRows(rows, pgx.RowTo[rally.UserID])
}

// ListFriends gives a user's friends, by name. cursor is "" for the first of
// them, or what an earlier call gave as next, for those after these; next is ""
// on the last page. limit is from 1 to 100. EInvalid for a cursor that no call
// gave.
func (s *Store) ListFriends(
	ctx context.Context, user rally.UserID, cursor string, limit int,
) (people []rally.Person, next string, err error) {
	ctx, done := s.begin(ctx, "ListFriends", &err)
	defer done()
	const sql = `
		SELECT ` + personColumns + `, 0::bigint AS rank
		FROM (` + friendIDs + `) friend
		JOIN users u ON u.id = friend.id` + relationJoins
	return s.listPeople(ctx, sql, user, cursor, limit)
}

// newestFirst is the rank that puts the newest request first.
const newestFirst = `-(extract(epoch FROM f.asked_at) * 1000000)::bigint AS rank`

// ListRequests gives those who have asked a user to be friends and wait for an
// answer, the newest first; pages as ListFriends has them.
func (s *Store) ListRequests(
	ctx context.Context, user rally.UserID, cursor string, limit int,
) (people []rally.Person, next string, err error) {
	ctx, done := s.begin(ctx, "ListRequests", &err)
	defer done()
	const sql = `
		SELECT ` + personColumns + `, ` + newestFirst + `
		FROM (SELECT high AS id FROM friendships WHERE low = $1 AND asked_by = high AND friends_since IS NULL AND NOT hidden
		      UNION ALL
		      SELECT low FROM friendships WHERE high = $1 AND asked_by = low AND friends_since IS NULL AND NOT hidden) asking
		JOIN users u ON u.id = asking.id` + relationJoins
	return s.listPeople(ctx, sql, user, cursor, limit)
}

// ListAsked gives those whom a user has asked to be friends and who have not
// answered, the newest first; pages as ListFriends has them.
func (s *Store) ListAsked(
	ctx context.Context, user rally.UserID, cursor string, limit int,
) (people []rally.Person, next string, err error) {
	ctx, done := s.begin(ctx, "ListAsked", &err)
	defer done()
	const sql = `
		SELECT ` + personColumns + `, ` + newestFirst + `
		FROM (SELECT low + high - asked_by AS id FROM friendships WHERE asked_by = $1 AND friends_since IS NULL) asked
		JOIN users u ON u.id = asked.id` + relationJoins
	return s.listPeople(ctx, sql, user, cursor, limit)
}
