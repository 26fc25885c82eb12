package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rally"
)

// lockedUser is how an account that lockUser holds can be signed in to.
type lockedUser struct {
	password bool
	codes    bool
}

// lockUser holds an account until the transaction ends: whatever else changes
// how it is signed in to waits. It comes before any other lock on what belongs
// to the account, so that no two transactions wait for each other. ENOTFOUND
// when there is no such account.
func lockUser(ctx context.Context, tx pgx.Tx, user rally.UserID) (u lockedUser, err error) {
	const sql = `
		SELECT password_hash IS NOT NULL, codes_since IS NOT NULL
		FROM users
		WHERE id = $1
		FOR NO KEY UPDATE`
	err = tx.QueryRow(ctx, sql, int64(user)).Scan(&u.password, &u.codes)
	if isNoRows(err) {
		err = noUser(user)
	}
	return u, err
}
