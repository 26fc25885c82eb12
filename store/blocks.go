package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rally"
)

// Block keeps somebody away from a user: what there was between them is over,
// but for what the user never saw, and nothing comes from them until Unblock. It
// is no error when they are blocked already. ECONFLICT "blocks.too_many" with
// BlockedMax of them; ENOTFOUND when there is no such account; EINVALID
// "friends.self" for oneself.
func (s *Store) Block(ctx context.Context, user, other rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "Block", &err)
	defer done()
	const count = `SELECT count(*) FROM blocks WHERE blocker = $1`
	const insert = `INSERT INTO blocks (blocker, blocked, since) VALUES ($1, $2, $3)`
	return s.changePair(ctx, user, other, func(tx pgx.Tx, p *pair) ([]rally.UserID, error) {
		if p.Blocks {
			return nil, nil
		}
		var n int
		if err := tx.QueryRow(ctx, count, int64(user)).Scan(&n); err != nil {
			return nil, err
		}
		if n >= rally.BlockedMax {
			return nil, rally.Errorf(rally.EConflict, "blocks.too_many", "user %d blocks %d", user, n)
		}
		if _, err := tx.Exec(ctx, insert, int64(user), int64(other), s.time()); err != nil {
			return nil, err
		}
		// Challenges before notices, as everywhere.
		if err := deleteChallenges(ctx, tx, p, user, other); err != nil {
			return nil, err
		}
		// Of no friend it is hidden, and that somebody ends it would tell them.
		if p.Friends {
			if err := deleteChallenges(ctx, tx, p, other, user); err != nil {
				return nil, err
			}
		}
		// What they have said goes, and what the user had asked of them.
		if err := dropNotices(ctx, tx, p, user, allNotices...); err != nil {
			return nil, err
		}
		if err := dropNotices(ctx, tx, p, other, rally.NoticeFriendAsked); err != nil {
			return nil, err
		}
		switch {
		case p.Hidden && p.askedBy(other): // nor does their request go that nobody saw
			return p.seenBy(), nil
		case p.AskedBy == 0:
			return p.both()[:1], nil // the other has nothing to notice
		}
		return p.seenBy(), deletePair(ctx, tx, p)
	})
}

// Unblock takes Block back; it does not bring back what there was. It is no
// error when they are not blocked.
func (s *Store) Unblock(ctx context.Context, user, other rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "Unblock", &err)
	defer done()
	const sql = `DELETE FROM blocks WHERE blocker = $1 AND blocked = $2`
	return s.changePair(ctx, user, other, func(tx pgx.Tx, p *pair) ([]rally.UserID, error) {
		if !p.Blocks {
			return nil, nil
		}
		_, err := tx.Exec(ctx, sql, int64(user), int64(other))
		return []rally.UserID{user}, err
	})
}

// BlockedEither says whether one of the two has blocked the other.
func (s *Store) BlockedEither(ctx context.Context, a, b rally.UserID) (blocked bool, err error) {
	ctx, done := s.begin(ctx, "BlockedEither", &err)
	defer done()
	const sql = `SELECT EXISTS (SELECT FROM blocks WHERE (blocker, blocked) IN (($1, $2), ($2, $1)))`
	err = s.pool.QueryRow(ctx, sql, int64(a), int64(b)).Scan(&blocked)
	return blocked, err
}

// BlocksAmong gives the pairs among users of whom one has blocked the other, each
// once, in no order.
func (s *Store) BlocksAmong(ctx context.Context, users []rally.UserID) (_ [][2]rally.UserID, err error) {
	ctx, done := s.begin(ctx, "BlocksAmong", &err)
	defer done()
	const sql = `
		SELECT DISTINCT least(blocker, blocked), greatest(blocker, blocked)
		FROM blocks
		WHERE blocker = ANY ($1::bigint[]) AND blocked = ANY ($1)`
	ids := make([]int64, len(users))
	for i, user := range users {
		ids[i] = int64(user)
	}
	rows, _ := s.pool.Query(ctx, sql, ids)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (pair [2]rally.UserID, err error) {
		return pair, row.Scan(&pair[0], &pair[1])
	})
}

// ListBlocked gives those whom a user has blocked, by name; pages as
// ListFriends has them.
func (s *Store) ListBlocked(
	ctx context.Context, user rally.UserID, cursor string, limit int,
) (people []rally.Person, next string, err error) {
	ctx, done := s.begin(ctx, "ListBlocked", &err)
	defer done()
	const sql = `
		SELECT ` + personColumns + `, 0::bigint AS rank
		FROM users u` + relationJoins + `
		WHERE b.blocker IS NOT NULL`
	return s.listPeople(ctx, sql, user, cursor, limit)
}
