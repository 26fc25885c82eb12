package store

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"rally"
)

// pair is what there is between two people, who are locked, and what counts
// against one of them when that is to change.
type pair struct {
	me, other rally.UserID
	noticed   []rally.UserID // whose notices have changed
	said      []rally.Event  // what else is to be published

	AskedBy  int64 // 0 for neither
	Friends  bool
	Hidden   bool // the request, from who was asked
	Blocks   bool // me the other
	Blocked  bool // by the other
	Mine     int  // friends of me
	Theirs   int  // friends of the other
	Requests int  // by me, not answered
}

// askedBy says whether there is a request of this person, seen or hidden.
func (p *pair) askedBy(user rally.UserID) bool { return !p.Friends && rally.UserID(p.AskedBy) == user }

// both gives the two, the one who acts first.
func (p *pair) both() []rally.UserID { return []rally.UserID{p.me, p.other} }

// seenBy gives whom of the two a request's coming or going concerns.
func (p *pair) seenBy() []rally.UserID {
	if p.Hidden {
		return []rally.UserID{p.me}
	}
	return p.both()
}

// lockPair holds two accounts until the transaction ends and says what there is
// between them. Everything that changes this does so, and in the order of their
// ids, so that no two transactions wait for each other. ENOTFOUND when one of
// them is not there; EINVALID "friends.self" for somebody with themselves.
func lockPair(ctx context.Context, tx pgx.Tx, me, other rally.UserID) (p pair, err error) {
	const lock = `SELECT id FROM users WHERE id IN ($1, $2) ORDER BY id FOR NO KEY UPDATE`
	const read = `
		SELECT coalesce(f.asked_by, 0) AS asked_by, f.friends_since IS NOT NULL AS friends, coalesce(f.hidden, false) AS hidden,
		       EXISTS (SELECT FROM blocks WHERE blocker = $1 AND blocked = $2) AS blocks,
		       EXISTS (SELECT FROM blocks WHERE blocker = $2 AND blocked = $1) AS blocked,
		       (SELECT count(*) FROM friendships WHERE (low = $1 OR high = $1) AND friends_since IS NOT NULL) AS mine,
		       (SELECT count(*) FROM friendships WHERE (low = $2 OR high = $2) AND friends_since IS NOT NULL) AS theirs,
		       (SELECT count(*) FROM friendships WHERE asked_by = $1 AND friends_since IS NULL) AS requests
		FROM (VALUES (1)) AS one
		LEFT JOIN friendships f ON f.low = least($1::bigint, $2) AND f.high = greatest($1::bigint, $2)`
	if me == other {
		return p, rally.Errorf(rally.EInvalid, "friends.self", "user %d with themselves", me)
	}
	var here []int64
	var batch pgx.Batch
	batch.Queue(lock, int64(me), int64(other)).Query(func(rows pgx.Rows) (err error) {
		here, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		return err
	})
	batch.Queue(read, int64(me), int64(other)).Query(func(rows pgx.Rows) (err error) {
		p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[pair])
		return err
	})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return p, err
	}
	if len(here) != 2 {
		return p, rally.Errorf(rally.ENotFound, "error.not_found", "no user %d or %d", me, other)
	}
	p.me, p.other = me, other
	return p, nil
}

// changePair runs fn on what there is between two people, and publishes
// FriendsChanged for those whom it says that something has changed for, and
// Noticed for those whose notices have.
func (s *Store) changePair(
	ctx context.Context, me, other rally.UserID, fn func(pgx.Tx, *pair) (concerned []rally.UserID, err error),
) error {
	var p pair
	var concerned []rally.UserID
	err := s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if p, err = lockPair(ctx, tx, me, other); err != nil {
			return err
		}
		concerned, err = fn(tx, &p)
		return err
	})
	if err != nil {
		return err
	}
	if len(concerned) > 0 {
		s.publish(rally.Event{Kind: rally.FriendsChanged, Users: concerned})
	}
	s.publishPair(&p)
	return nil
}

// publishPair tells what has changed between two people besides how they stand.
func (s *Store) publishPair(p *pair) {
	for _, e := range p.said {
		s.publish(e)
	}
	for _, u := range slices.Compact(p.noticed) {
		s.publish(rally.Event{Kind: rally.Noticed, Users: []rally.UserID{u}})
	}
}

// Ask asks somebody to be friends, and says how the two stand then. When the
// other has asked already, they are friends; who has asked or is a friend
// already stays so. To somebody who has been blocked by the other it looks as if
// it had worked: the other never sees it.
//
// ECONFLICT "friends.unblock_first" when who asks has blocked the other,
// "friends.too_many" with AskedMax requests that have not been answered,
// "friends.full" or "friends.full_other" with FriendsMax friends. ENOTFOUND when
// there is no such account; EINVALID "friends.self" for oneself.
func (s *Store) Ask(ctx context.Context, from, to rally.UserID) (now rally.Relation, err error) {
	ctx, done := s.begin(ctx, "Ask", &err)
	defer done()
	const insert = `
		INSERT INTO friendships (low, high, asked_by, asked_at, hidden)
		VALUES (least($1::bigint, $2), greatest($1::bigint, $2), $1, $3, $4)`
	const show = `
		UPDATE friendships SET hidden = false, asked_at = $3
		WHERE low = least($1::bigint, $2) AND high = greatest($1::bigint, $2)`
	err = s.changePair(ctx, from, to, func(tx pgx.Tx, p *pair) ([]rally.UserID, error) {
		now = rally.RelationAsked
		switch {
		case p.Blocks:
			return nil, rally.Errorf(rally.EConflict, "friends.unblock_first", "user %d blocks %d", from, to)
		case p.Friends:
			now = rally.RelationFriends
			return nil, nil
		case p.askedBy(to):
			now = rally.RelationFriends
			return s.befriend(ctx, tx, p)
		case p.askedBy(from) && (!p.Hidden || p.Blocked):
			return nil, nil
		case p.askedBy(from): // the other has unblocked them since
			if _, err := tx.Exec(ctx, show, int64(from), int64(to), s.time()); err != nil {
				return nil, err
			}
			return p.both(), s.notice(ctx, tx, p, to, rally.Notice{Kind: rally.NoticeFriendAsked})
		case p.Requests >= rally.AskedMax:
			return nil, rally.Errorf(rally.EConflict, "friends.too_many", "user %d has %d requests", from, p.Requests)
		}
		p.Hidden = p.Blocked
		if _, err := tx.Exec(ctx, insert, int64(from), int64(to), s.time(), p.Hidden); err != nil || p.Hidden {
			return p.seenBy(), err
		}
		return p.seenBy(), s.notice(ctx, tx, p, to, rally.Notice{Kind: rally.NoticeFriendAsked})
	})
	if err != nil {
		return rally.RelationNone, err
	}
	return now, nil
}

// befriend makes friends of two people of whom one has asked the other.
func (s *Store) befriend(ctx context.Context, tx pgx.Tx, p *pair) ([]rally.UserID, error) {
	const sql = `
		UPDATE friendships SET friends_since = $3, hidden = false
		WHERE low = least($1::bigint, $2) AND high = greatest($1::bigint, $2)`
	if p.Mine >= rally.FriendsMax {
		return nil, rally.Errorf(rally.EConflict, "friends.full", "user %d has %d friends", p.me, p.Mine)
	}
	if p.Theirs >= rally.FriendsMax {
		return nil, rally.Errorf(rally.EConflict, "friends.full_other", "user %d has %d friends", p.other, p.Theirs)
	}
	if _, err := tx.Exec(ctx, sql, int64(p.me), int64(p.other), s.time()); err != nil {
		return nil, err
	}
	if err := dropNotices(ctx, tx, p, p.me, rally.NoticeFriendAsked); err != nil {
		return nil, err
	}
	return p.both(), s.notice(ctx, tx, p, p.other, rally.Notice{Kind: rally.NoticeFriendAccepted})
}

// Accept makes friends of a user and somebody who has asked them; it is no error
// when they are already. ENOTFOUND "friends.no_request" when there is no such
// request (any more); ECONFLICT "friends.full" or "friends.full_other" as Ask.
func (s *Store) Accept(ctx context.Context, user, from rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "Accept", &err)
	defer done()
	return s.changePair(ctx, user, from, func(tx pgx.Tx, p *pair) ([]rally.UserID, error) {
		switch {
		case p.Friends:
			return nil, nil
		case !p.askedBy(from) || p.Hidden:
			return nil, rally.Errorf(rally.ENotFound, "friends.no_request", "user %d has not asked %d", from, user)
		}
		return s.befriend(ctx, tx, p)
	})
}

// Decline takes away somebody's request to a user. It is no error when there is
// none.
func (s *Store) Decline(ctx context.Context, user, from rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "Decline", &err)
	defer done()
	return s.changePair(ctx, user, from, func(tx pgx.Tx, p *pair) ([]rally.UserID, error) {
		if !p.askedBy(from) || p.Hidden {
			return nil, nil
		}
		if err := dropNotices(ctx, tx, p, user, rally.NoticeFriendAsked); err != nil {
			return nil, err
		}
		return p.both(), deletePair(ctx, tx, p)
	})
}

// Withdraw takes a user's own request back. It is no error when there is none.
func (s *Store) Withdraw(ctx context.Context, user, to rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "Withdraw", &err)
	defer done()
	return s.changePair(ctx, user, to, func(tx pgx.Tx, p *pair) ([]rally.UserID, error) {
		if !p.askedBy(user) {
			return nil, nil
		}
		if err := dropNotices(ctx, tx, p, to, rally.NoticeFriendAsked); err != nil {
			return nil, err
		}
		return p.seenBy(), deletePair(ctx, tx, p)
	})
}

// Remove ends a friendship, and takes away what challenges there are between
// the two. It is no error when there is none.
func (s *Store) Remove(ctx context.Context, user, friend rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "Remove", &err)
	defer done()
	return s.changePair(ctx, user, friend, func(tx pgx.Tx, p *pair) ([]rally.UserID, error) {
		if !p.Friends {
			return nil, nil
		}
		if err := deleteChallenges(ctx, tx, p, user, friend); err != nil {
			return nil, err
		}
		if err := deleteChallenges(ctx, tx, p, friend, user); err != nil {
			return nil, err
		}
		return p.both(), deletePair(ctx, tx, p)
	})
}

// deletePair takes away the friendship of two people, or the request.
func deletePair(ctx context.Context, tx pgx.Tx, p *pair) error {
	const sql = `DELETE FROM friendships WHERE low = least($1::bigint, $2) AND high = greatest($1::bigint, $2)`
	_, err := tx.Exec(ctx, sql, int64(p.me), int64(p.other))
	return err
}
