package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// reasonDeleted is why sessions end when an account is to go, or gone.
const reasonDeleted = "account_deleted"

// ScheduleDeletion says that the account goes at that time, ends all its sessions
// and takes its open challenges back; a SessionEnded with reason "account_deleted"
// follows for each session, and ChallengeChanged for each challenge. Who
// signs in again can still keep the account. ENOTFOUND when there is none.
func (s *Store) ScheduleDeletion(ctx context.Context, id rally.UserID, at time.Time) (err error) {
	ctx, done := s.begin(ctx, "ScheduleDeletion", &err)
	defer done()
	const sql = `UPDATE users SET delete_at = $2 WHERE id = $1`
	var ended []endedSession
	var said []rally.Event
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, sql, int64(id), at)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return noUser(id)
		}
		if said, err = s.withdrawAll(ctx, tx, id); err != nil {
			return err
		}
		ended, err = deleteOthers(ctx, tx, id, "")
		return err
	})
	if err == nil {
		s.publishEnded(ended, reasonDeleted)
		for _, e := range said {
			s.publish(e)
		}
	}
	return err
}

// KeepAccount takes ScheduleDeletion back. ENOTFOUND when there is no such
// account (any more).
func (s *Store) KeepAccount(ctx context.Context, id rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "KeepAccount", &err)
	defer done()
	const sql = `UPDATE users SET delete_at = NULL WHERE id = $1`
	tag, err := s.pool.Exec(ctx, sql, int64(id))
	if err == nil && tag.RowsAffected() == 0 {
		err = noUser(id)
	}
	return err
}

// DeleteDue deletes the accounts whose time has come, with all that is held
// about them, and says how many those were: each in a transaction of its own,
// so that those that are gone stay gone when it fails halfway. Their matches
// stay, with a nameless player. It publishes FriendsChanged, Noticed and
// MessagesRead for those they leave behind. Several nodes may call it at once.
func (s *Store) DeleteDue(ctx context.Context) (n int, err error) {
	for {
		deleted, err := s.deleteOneDue(ctx)
		if err != nil || !deleted {
			return n, err
		}
		n++
	}
}

// deleteOneDue deletes one account that is due; false when none is.
func (s *Store) deleteOneDue(ctx context.Context) (deleted bool, err error) {
	ctx, done := s.begin(ctx, "DeleteDue", &err)
	defer done()
	const next = `
		SELECT id FROM users
		WHERE delete_at <= $1
		ORDER BY delete_at
		LIMIT 1
		FOR UPDATE SKIP LOCKED`
	const deleteUser = `DELETE FROM users WHERE id = $1`
	var ended []endedSession
	var news []rally.Event
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		var id rally.UserID
		if err := tx.QueryRow(ctx, next, s.time()).Scan(&id); err != nil {
			return err
		}
		if news, err = leftBehind(ctx, tx, id); err != nil {
			return err
		}
		if ended, err = deleteOthers(ctx, tx, id, ""); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, deleteUser, int64(id))
		return err
	})
	if isNoRows(err) {
		return false, nil
	}
	if err == nil {
		s.publishEnded(ended, reasonDeleted)
		for _, e := range news {
			s.publish(e)
		}
	}
	return err == nil, err
}

// leftBehind gives what is to be published when an account, which is held, is
// gone: to each who is a friend, has asked or was asked, and to each who has
// something of it to read.
func leftBehind(ctx context.Context, tx pgx.Tx, id rally.UserID) (news []rally.Event, err error) {
	const sql = `
		SELECT $2::text, low + high - $1
		FROM friendships
		WHERE (low = $1 OR high = $1) AND NOT (hidden AND asked_by = $1)
		UNION
		SELECT $3, user_id FROM notices WHERE from_user = $1
		UNION
		SELECT $4, to_user FROM messages WHERE from_user = $1 AND NOT read`
	rows, _ := tx.Query(ctx, sql, int64(id), rally.FriendsChanged, rally.Noticed, rally.MessagesRead)
	var kind rally.EventKind
	var other rally.UserID
	_, err = pgx.ForEachRow(rows, []any{&kind, &other}, func() error {
		e := rally.Event{Kind: kind, Users: []rally.UserID{other}}
		if kind == rally.FriendsChanged {
			e.Users = []rally.UserID{id, other}
		}
		news = append(news, e)
		return nil
	})
	return news, err
}
