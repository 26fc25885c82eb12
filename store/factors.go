package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rally"
)

// reasonCodesChanged is why other sessions end when codes are turned on or off,
// or recovery codes are drawn anew.
const reasonCodesChanged = "codes_changed"

// FindFactor gives an account's one-time codes; ENOTFOUND "error.not_found" when
// they are off.
func (s *Store) FindFactor(ctx context.Context, user rally.UserID) (f rally.Factor, err error) {
	ctx, done := s.begin(ctx, "FindFactor", &err)
	defer done()
	const sql = `
		SELECT f.sealed, f.last_step,
		       (SELECT count(*) FROM recovery_codes r WHERE r.user_id = f.user_id AND r.used_at IS NULL)
		FROM factors f
		WHERE f.user_id = $1`
	err = s.pool.QueryRow(ctx, sql, int64(user)).Scan(&f.Sealed, &f.LastStep, &f.Recovery)
	if isNoRows(err) {
		return rally.Factor{}, noFactor(user)
	}
	return f, err
}

// TurnOnFactor makes sign-in ask for codes of a secret. The code of step, which
// showed that its owner has it, is spent; recovery are the SHA-256 of the
// recovery codes. All sessions but one end. ECONFLICT "codes.already_on" when
// codes are on.
func (s *Store) TurnOnFactor(
	ctx context.Context, user rally.UserID, sealed []byte, step int64, recovery [][]byte, except rally.SessionID,
) (err error) {
	ctx, done := s.begin(ctx, "TurnOnFactor", &err)
	defer done()
	const keep = `INSERT INTO factors (user_id, sealed, created_at, last_step) VALUES ($1, $2, $3, $4)`
	const turnOn = `UPDATE users SET codes_since = $2 WHERE id = $1`
	var ended []endedSession
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if err := lockUserWithoutCodes(ctx, tx, user); err != nil {
			return err
		}
		now := s.time()
		if _, err := tx.Exec(ctx, keep, int64(user), notNil(sealed), now, step); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, turnOn, int64(user), now); err != nil {
			return err
		}
		if err := replaceRecovery(ctx, tx, user, recovery); err != nil {
			return err
		}
		ended, err = deleteOthers(ctx, tx, user, except)
		return err
	})
	if err == nil {
		s.publishEnded(ended, reasonCodesChanged)
	}
	return err
}

// TurnOffFactor makes sign-in ask for no codes any more; the secret and the
// recovery codes go, and all sessions but one end. When they are off already
// nothing happens.
func (s *Store) TurnOffFactor(ctx context.Context, user rally.UserID, except rally.SessionID) (err error) {
	ctx, done := s.begin(ctx, "TurnOffFactor", &err)
	defer done()
	var ended []endedSession
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		u, err := lockUser(ctx, tx, user)
		if err != nil {
			return err
		}
		for _, sql := range []string{
			`UPDATE users SET codes_since = NULL WHERE id = $1`,
			`DELETE FROM factors WHERE user_id = $1`,
			`DELETE FROM recovery_codes WHERE user_id = $1`,
		} {
			if _, err := tx.Exec(ctx, sql, int64(user)); err != nil {
				return err
			}
		}
		if u.codes {
			ended, err = deleteOthers(ctx, tx, user, except)
		}
		return err
	})
	if err == nil {
		s.publishEnded(ended, reasonCodesChanged)
	}
	return err
}

// SpendStep notes that the code of a time step has been used, and says whether
// it could be: no code of this step or a later one was before. Of many at once
// it can be for one.
func (s *Store) SpendStep(ctx context.Context, user rally.UserID, step int64) (first bool, err error) {
	ctx, done := s.begin(ctx, "SpendStep", &err)
	defer done()
	return spendStep(ctx, s.pool, user, step)
}

// spendStep is SpendStep, in a transaction or out of one.
func spendStep(ctx context.Context, db querier, user rally.UserID, step int64) (first bool, err error) {
	const sql = `UPDATE factors SET last_step = $2 WHERE user_id = $1 AND last_step < $2`
	tag, err := db.Exec(ctx, sql, int64(user), step)
	return err == nil && tag.RowsAffected() == 1, err
}

// SpendRecovery uses up the recovery code with this SHA-256, and says whether
// it could be used, which of many at once one can, and how many are left.
func (s *Store) SpendRecovery(ctx context.Context, user rally.UserID, hash []byte) (first bool, left int, err error) {
	ctx, done := s.begin(ctx, "SpendRecovery", &err)
	defer done()
	const spend = `UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL`
	const count = `SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL`
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, spend, int64(user), hash, s.time())
		if err != nil {
			return err
		}
		first = tag.RowsAffected() == 1
		return tx.QueryRow(ctx, count, int64(user)).Scan(&left)
	})
	if err != nil {
		return false, 0, err
	}
	return first, left, nil
}

// ReplaceRecovery makes these the SHA-256 of an account's recovery codes; those
// of before are dead, and all sessions but one end. ENOTFOUND when the account
// has no codes turned on.
func (s *Store) ReplaceRecovery(ctx context.Context, user rally.UserID, hashes [][]byte, except rally.SessionID) (err error) {
	ctx, done := s.begin(ctx, "ReplaceRecovery", &err)
	defer done()
	var ended []endedSession
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		u, err := lockUser(ctx, tx, user)
		if err != nil {
			return err
		}
		if !u.codes {
			return noFactor(user)
		}
		if err := replaceRecovery(ctx, tx, user, hashes); err != nil {
			return err
		}
		ended, err = deleteOthers(ctx, tx, user, except)
		return err
	})
	if err == nil {
		s.publishEnded(ended, reasonCodesChanged)
	}
	return err
}

// replaceRecovery deletes an account's recovery codes and writes others.
func replaceRecovery(ctx context.Context, tx pgx.Tx, user rally.UserID, hashes [][]byte) error {
	const insert = `INSERT INTO recovery_codes (user_id, hash) SELECT $1, unnest($2::bytea[])`
	if _, err := tx.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, int64(user)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insert, int64(user), hashes)
	return err
}

// HasRecovery says whether these are all the SHA-256 of recovery codes that the
// account has and has not used; of none at all it says no.
func (s *Store) HasRecovery(ctx context.Context, user rally.UserID, hashes [][]byte) (all bool, err error) {
	ctx, done := s.begin(ctx, "HasRecovery", &err)
	defer done()
	const sql = `
		SELECT count(*) > 0 AND count(*) = count(r.hash)
		FROM unnest($2::bytea[]) AS wanted (hash)
		LEFT JOIN recovery_codes r ON r.user_id = $1 AND r.hash = wanted.hash AND r.used_at IS NULL`
	err = s.pool.QueryRow(ctx, sql, int64(user), hashes).Scan(&all)
	return all, err
}

// lockUserWithoutCodes is lockUser for who must not have codes turned on.
func lockUserWithoutCodes(ctx context.Context, tx pgx.Tx, user rally.UserID) error {
	u, err := lockUser(ctx, tx, user)
	if err == nil && u.codes {
		err = rally.Errorf(rally.EConflict, "codes.already_on", "user %d has codes turned on", user)
	}
	return err
}

// noFactor is the error for codes that are not there.
func noFactor(user rally.UserID) error {
	return rally.Errorf(rally.ENotFound, "error.not_found", "user %d has no codes", user)
}
