package store

import (
	"context"

	"rally"
)

// SetPasswordHash replaces the account's password hash; "" takes the password
// away. ENOTFOUND when there is no such account. It is for a new hash of the
// same password; see ChangePassword for a new one.
func (s *Store) SetPasswordHash(ctx context.Context, id rally.UserID, hash string) (err error) {
	ctx, done := s.begin(ctx, "SetPasswordHash", &err)
	defer done()
	const sql = `UPDATE users SET password_hash = nullif($2, '') WHERE id = $1`
	tag, err := s.pool.Exec(ctx, sql, int64(id), hash)
	if err == nil && tag.RowsAffected() == 0 {
		err = noUser(id)
	}
	return err
}
