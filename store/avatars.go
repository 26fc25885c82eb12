package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	avatarNameLen = 32 // hexadecimal digits
	avatarMax     = 1 << 20
)

// avatarName gives the name of a picture, which its content decides: under one
// name there is never another picture.
func avatarName(png []byte) string {
	sum := sha256.Sum256(png)
	return hex.EncodeToString(sum[:])[:avatarNameLen]
}

// SetAvatar makes png an account's picture and gives its name, 32 hexadecimal
// digits; without bytes the picture goes and the name is "". EINVALID
// "field.avatar_large" above a mebibyte; ENOTFOUND when there is no such
// account.
func (s *Store) SetAvatar(ctx context.Context, id rally.UserID, png []byte) (name string, err error) {
	ctx, done := s.begin(ctx, "SetAvatar", &err)
	defer done()
	const setName = `UPDATE users SET avatar = $2 WHERE id = $1`
	const remove = `DELETE FROM avatars WHERE user_id = $1`
	const keep = `
		INSERT INTO avatars (user_id, png)
		VALUES ($1, $2)
		ON CONFLICT (user_id) DO UPDATE SET png = excluded.png`
	if len(png) > avatarMax {
		return "", rally.Errorf(rally.EInvalid, "field.avatar_large", "a picture of %d bytes", len(png))
	}
	if len(png) > 0 {
		name = avatarName(png)
	}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, setName, int64(id), name)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return noUser(id)
		case name == "":
			_, err = tx.Exec(ctx, remove, int64(id))
		default:
			_, err = tx.Exec(ctx, keep, int64(id), png)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// FindAvatar gives an account's picture; ENOTFOUND "error.not_found" unless
// that is the one with this name.
func (s *Store) FindAvatar(ctx context.Context, id rally.UserID, name string) (png []byte, err error) {
	ctx, done := s.begin(ctx, "FindAvatar", &err)
	defer done()
	const sql = `
		SELECT a.png
		FROM users u
		JOIN avatars a ON a.user_id = u.id
		WHERE u.id = $1 AND u.avatar = $2`
	missing := rally.Errorf(rally.ENotFound, "error.not_found", "user %d has no picture %.40q", id, name)
	if len(name) != avatarNameLen || !storable(name) {
		return nil, missing
	}
	err = s.pool.QueryRow(ctx, sql, int64(id), name).Scan(&png)
	if isNoRows(err) {
		return nil, missing
	}
	return png, err
}
