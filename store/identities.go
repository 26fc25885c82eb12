package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	issuerMax  = 500 // characters
	subjectMax = 255 // characters
	labelMax   = 254 // characters

	// stateKept is how long a spent state is remembered: several times as long
	// as a state opens anything, so that nodes' clocks need not agree.
	stateKept = time.Hour
)

// identityRow is a row of identities, less whose it is.
type identityRow struct {
	Issuer   string
	Subject  string
	Provider string
	Label    string
	LinkedAt time.Time
	UsedAt   *time.Time
}

// identity gives the row as everybody else sees it.
func (r identityRow) identity() rally.Identity {
	return rally.Identity{
		Issuer: r.Issuer, Subject: r.Subject, Provider: r.Provider, Label: r.Label,
		LinkedAt: r.LinkedAt.UTC(), UsedAt: timeOf(r.UsedAt),
	}
}

// timeOf gives the time in a column, zero for NULL.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// FindIdentity gives the account that somebody with this identity signs in to,
// and notes that they do; ENOTFOUND "error.not_found" when it is nobody's.
func (s *Store) FindIdentity(ctx context.Context, issuer, subject string) (_ rally.User, err error) {
	ctx, done := s.begin(ctx, "FindIdentity", &err)
	defer done()
	const sql = `UPDATE identities SET used_at = $3 WHERE issuer = $1 AND subject = $2 RETURNING user_id`
	if !storable(issuer) || !storable(subject) {
		return rally.User{}, noIdentity()
	}
	var user int64
	err = s.pool.QueryRow(ctx, sql, issuer, subject, s.time()).Scan(&user)
	if isNoRows(err) {
		return rally.User{}, noIdentity()
	}
	if err != nil {
		return rally.User{}, err
	}
	return findUser(ctx, s.pool, rally.UserID(user))
}

// ListIdentities gives what an account can be signed in to with, the longest
// linked first.
func (s *Store) ListIdentities(ctx context.Context, user rally.UserID) (_ []rally.Identity, err error) {
	ctx, done := s.begin(ctx, "ListIdentities", &err)
	defer done()
	rows, err := listIdentities(ctx, s.pool, user)
	if err != nil {
		return nil, err
	}
	identities := make([]rally.Identity, len(rows))
	for i, row := range rows {
		identities[i] = row.identity()
	}
	return identities, nil
}

// listIdentities gives the rows of an account's identities.
func listIdentities(ctx context.Context, db querier, user rally.UserID) ([]identityRow, error) {
	const sql = `
		SELECT issuer, subject, provider, label, linked_at, used_at
		FROM identities
		WHERE user_id = $1
		ORDER BY linked_at, issuer, subject`
	rows, _ := db.Query(ctx, sql, int64(user))
	return pgx.CollectRows(rows, pgx.RowToStructByName[identityRow])
}

// LinkIdentity lets an account be signed in to with id, of which LinkedAt and
// UsedAt do not count. It is no error when it can be already; what it is known
// by is then brought up to date. ECONFLICT "oauth.taken" when the identity is
// another account's; ENOTFOUND when there is no such account.
func (s *Store) LinkIdentity(ctx context.Context, user rally.UserID, id rally.Identity) (err error) {
	ctx, done := s.begin(ctx, "LinkIdentity", &err)
	defer done()
	return insertIdentity(ctx, s.pool, user, id, s.time())
}

// insertIdentity is LinkIdentity, in a transaction or out of one.
func insertIdentity(ctx context.Context, db querier, user rally.UserID, id rally.Identity, now time.Time) error {
	const sql = `
		INSERT INTO identities (issuer, subject, user_id, provider, label, linked_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (issuer, subject) DO UPDATE SET provider = excluded.provider, label = excluded.label
		WHERE identities.user_id = excluded.user_id`
	for _, part := range []struct {
		text string
		most int
	}{{id.Issuer, issuerMax}, {id.Subject, subjectMax}, {id.Provider, issuerMax}} {
		if !storable(part.text) || part.text == "" || clip(part.text, part.most) != part.text {
			return rally.Errorf(rally.EInvalid, "error.invalid", "an identity that cannot be kept: %.60q, %.60q", id.Issuer, id.Subject)
		}
	}
	tag, err := db.Exec(ctx, sql, id.Issuer, id.Subject, int64(user), id.Provider, clip(id.Label, labelMax), now)
	switch {
	case violates(err, "identities_user_id_fkey"):
		return noUser(user)
	case err == nil && tag.RowsAffected() == 0:
		return rally.Errorf(rally.EConflict, "oauth.taken", "another account has this identity")
	}
	return err
}

// UnlinkIdentity takes an identity from an account. ENOTFOUND when the account
// does not have it; ECONFLICT "security.last_way" when without it nobody could
// sign in to the account any more. Of two at once that would together leave
// nothing, one is refused.
func (s *Store) UnlinkIdentity(ctx context.Context, user rally.UserID, issuer, subject string) (err error) {
	ctx, done := s.begin(ctx, "UnlinkIdentity", &err)
	defer done()
	const unlink = `DELETE FROM identities WHERE user_id = $1 AND issuer = $2 AND subject = $3`
	const others = `SELECT EXISTS (SELECT FROM identities WHERE user_id = $1)`
	if !storable(issuer) || !storable(subject) {
		return noIdentity()
	}
	return s.inTx(ctx, func(tx pgx.Tx) error {
		ways, err := lockUser(ctx, tx, user)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, unlink, int64(user), issuer, subject)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return noIdentity()
		}
		left := ways.password
		if !left {
			if err := tx.QueryRow(ctx, others, int64(user)).Scan(&left); err != nil {
				return err
			}
		}
		if !left {
			return rally.Errorf(rally.EConflict, "security.last_way", "user %d could not sign in any more", user)
		}
		return nil
	})
}

// noIdentity is the error for an identity that is not there.
func noIdentity() error {
	return rally.Errorf(rally.ENotFound, "error.not_found", "no such identity")
}

// SpendState notes that the state with this SHA-256 has come back, and says
// whether that was the first time: of many at once it is for one.
func (s *Store) SpendState(ctx context.Context, stateHash []byte) (first bool, err error) {
	ctx, done := s.begin(ctx, "SpendState", &err)
	defer done()
	const sql = `INSERT INTO oauth_spent (state_hash, spent_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	tag, err := s.pool.Exec(ctx, sql, stateHash, s.time())
	if err != nil {
		return false, err
	}
	return tag.RowsAffected() == 1, nil
}

// PurgeStates forgets the spent states that could not be used again in any
// case, and says how many those were.
func (s *Store) PurgeStates(ctx context.Context) (total int64, err error) {
	const sql = `
		DELETE FROM oauth_spent
		WHERE state_hash IN (SELECT state_hash FROM oauth_spent WHERE spent_at <= $2 LIMIT $1)`
	return s.purge(ctx, "PurgeStates", sql, s.time().Add(-stateKept))
}
