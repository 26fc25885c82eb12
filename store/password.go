package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"rally"
)

// FindPasswordHash gives the hash of an account's password, "" when it has
// none; ENOTFOUND when there is no such account.
func (s *Store) FindPasswordHash(ctx context.Context, id rally.UserID) (hash string, err error) {
	ctx, done := s.begin(ctx, "FindPasswordHash", &err)
	defer done()
	const sql = `SELECT coalesce(password_hash, '') FROM users WHERE id = $1`
	err = s.pool.QueryRow(ctx, sql, int64(id)).Scan(&hash)
	if isNoRows(err) {
		err = noUser(id)
	}
	return hash, err
}

// Rehash puts another hash of the same password in place of the one that the
// password was just checked with. When that one is no longer the account's,
// nothing happens: the password has been changed meanwhile, and stays so.
func (s *Store) Rehash(ctx context.Context, id rally.UserID, before, after string) (err error) {
	ctx, done := s.begin(ctx, "Rehash", &err)
	defer done()
	const sql = `UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2`
	if after == "" {
		return errors.New("an empty hash")
	}
	_, err = s.pool.Exec(ctx, sql, int64(id), before, after)
	return err
}

// ChangePassword gives the account a password, with this hash. Links to choose
// one or to another address die, and so do its sessions but one ("" for none);
// a SessionEnded with reason "password_changed" follows for each. ENOTFOUND when
// there is no such account.
func (s *Store) ChangePassword(ctx context.Context, id rally.UserID, hash string, except rally.SessionID) (err error) {
	ctx, done := s.begin(ctx, "ChangePassword", &err)
	defer done()
	if hash == "" {
		return errors.New("an empty hash")
	}
	var ended []endedSession
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		ended, err = changePassword(ctx, tx, id, hash, except)
		return err
	})
	if err == nil {
		s.publishEnded(ended, reasonPasswordChanged)
	}
	return err
}

// changePassword is ChangePassword within a transaction; the sessions that it
// gives are yet to be told of.
func changePassword(ctx context.Context, tx pgx.Tx, id rally.UserID, hash string, except rally.SessionID) ([]endedSession, error) {
	const setHash = `UPDATE users SET password_hash = $2 WHERE id = $1`
	tag, err := tx.Exec(ctx, setHash, int64(id), hash)
	if err != nil {
		return nil, err
	}
	if tag.RowsAffected() == 0 {
		return nil, noUser(id)
	}
	if err := revokeLinks(ctx, tx, id); err != nil {
		return nil, err
	}
	return deleteOthers(ctx, tx, id, except)
}
