package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// reasonPasswordChanged is why sessions end when the password is another.
const reasonPasswordChanged = "password_changed"

// linkBytes is the length of a link's token before it is written as base64url.
const linkBytes = 32

// parseLink gives the hash of a link's token; ok is false for any that NewLink
// cannot have drawn.
func parseLink(token string) (hash [sha256.Size]byte, ok bool) {
	enc := base64.RawURLEncoding.Strict()
	if len(token) != enc.EncodedLen(linkBytes) {
		return hash, false
	}
	raw, err := enc.DecodeString(token)
	if err != nil || len(raw) != linkBytes { // a line break in it counts as nothing
		return hash, false
	}
	return sha256.Sum256(raw), true
}

// NewLink draws the token of a link for a letter to this address, 43 letters
// fit for a URL; only its hash is kept. One of the same kind that the account
// had is dead. A link to a new password may go to no address, when somebody
// hands it over; it verifies none. ENOTFOUND when there is no such account.
func (s *Store) NewLink(ctx context.Context, user rally.UserID, kind rally.LinkKind, email string) (token string, err error) {
	ctx, done := s.begin(ctx, "NewLink", &err)
	defer done()
	const sql = `
		INSERT INTO links (hash, user_id, kind, email, expires_at)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, kind) DO UPDATE
		SET hash = excluded.hash, email = excluded.email, expires_at = excluded.expires_at`
	life := rally.EmailLinkLife
	switch kind {
	case rally.LinkEmail:
	case rally.LinkReset:
		life = rally.ResetLinkLife
	default:
		return "", rally.Errorf(rally.EInvalid, "error.invalid", "a link of kind %q", kind)
	}
	handed := kind == rally.LinkReset && email == ""
	if _, problem := rally.NormalizeEmail(email); !handed && problem != "" || !storable(email) {
		return "", rally.Errorf(rally.EInvalid, "field.email_invalid", "a link to %.60q", email)
	}
	raw := make([]byte, linkBytes)
	_, _ = rand.Read(raw) // never fails: see crypto/rand.Read
	hash := sha256.Sum256(raw)
	_, err = s.pool.Exec(ctx, sql, hash[:], int64(user), string(kind), email, s.time().Add(life))
	if violates(err, "links_user_id_fkey") {
		err = noUser(user)
	}
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// linkRow is a row of links.
type linkRow struct {
	UserID    int64
	Kind      string
	Email     string
	ExpiresAt time.Time
}

// link gives the row as everybody else sees it.
func (r linkRow) link() rally.Link {
	return rally.Link{
		Kind: rally.LinkKind(r.Kind), User: rally.UserID(r.UserID), Email: r.Email, ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// FindLink gives what the link with this token is for, and leaves it as it is;
// ENOTFOUND "error.not_found" when it opens nothing: it was used or replaced,
// has expired, or never was.
func (s *Store) FindLink(ctx context.Context, token string) (_ rally.Link, err error) {
	ctx, done := s.begin(ctx, "FindLink", &err)
	defer done()
	hash, ok := parseLink(token)
	if !ok {
		return rally.Link{}, noLink()
	}
	return findLink(ctx, s.pool, hash, s.time())
}

// findLink gives the link with this hash, unless it has expired.
func findLink(ctx context.Context, db querier, hash [sha256.Size]byte, now time.Time) (rally.Link, error) {
	const sql = `SELECT user_id, kind, email, expires_at FROM links WHERE hash = $1 AND expires_at > $2`
	rows, _ := db.Query(ctx, sql, hash[:], now)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[linkRow])
	if isNoRows(err) {
		err = noLink()
	}
	return row.link(), err
}

// takeLink uses a link up, and locks its account. Of many at once one gets it,
// provided that its transaction is committed.
func takeLink(
	ctx context.Context, tx pgx.Tx, token string, kind rally.LinkKind, now time.Time,
) (link rally.Link, err error) {
	hash, ok := parseLink(token)
	if !ok {
		return link, noLink()
	}
	if link, err = findLink(ctx, tx, hash, now); err != nil {
		return link, err
	}
	if _, err = lockUser(ctx, tx, link.User); err != nil {
		return link, err
	}
	// It may have gone while the account was somebody else's.
	tag, err := tx.Exec(ctx, `DELETE FROM links WHERE hash = $1 AND kind = $2`, hash[:], string(kind))
	if err == nil && tag.RowsAffected() == 0 {
		err = noLink()
	}
	return link, err
}

// UseResetLink uses up a link of kind LinkReset to give its account another
// password. All sessions of the account end, and with them every other link it
// had sent for; and who could read the letter has the address, so it is
// verified if it is still the account's and nobody else's. ENOTFOUND when the
// link opens nothing.
func (s *Store) UseResetLink(ctx context.Context, token, hash string) (u rally.User, err error) {
	ctx, done := s.begin(ctx, "UseResetLink", &err)
	defer done()
	if hash == "" {
		return rally.User{}, errors.New("a reset to no password")
	}
	var ended []endedSession
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		link, err := takeLink(ctx, tx, token, rally.LinkReset, s.time())
		if err != nil {
			return err
		}
		if err := refusePrepared(ctx, tx, link); err != nil {
			return err
		}
		if ended, err = changePassword(ctx, tx, link.User, hash, ""); err != nil {
			return err
		}
		if err := verifyIfFree(ctx, tx, link, s.time()); err != nil {
			return err
		}
		u, err = findUser(ctx, tx, link.User)
		return err
	})
	if err != nil {
		return rally.User{}, err
	}
	s.publishEnded(ended, reasonPasswordChanged)
	return u, nil
}

// refusePrepared refuses a letter's reset of an account whose address nobody has
// verified, and which has other ways in or codes: whoever made it with somebody
// else's address would keep it, and the owner of the address would have
// verified it for them.
func refusePrepared(ctx context.Context, tx pgx.Tx, link rally.Link) error {
	const sql = `
		SELECT u.email_verified_at IS NULL AND
		       (u.codes_since IS NOT NULL OR EXISTS (SELECT FROM identities i WHERE i.user_id = u.id))
		FROM users u
		WHERE u.id = $1`
	if link.Email == "" { // the operator knows whose account it is
		return nil
	}
	var prepared bool
	if err := tx.QueryRow(ctx, sql, int64(link.User)).Scan(&prepared); err != nil {
		return err
	}
	if prepared {
		return noLink()
	}
	return nil
}

// verifyIfFree marks the address of a link's account as verified, if it is
// where the letter went and nobody else has it verified.
func verifyIfFree(ctx context.Context, tx pgx.Tx, link rally.Link, now time.Time) error {
	const sql = `
		UPDATE users
		SET email_verified_at = $3
		WHERE id = $1 AND lower(email) = lower($2) AND email <> '' AND email_verified_at IS NULL`
	err := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error { // a savepoint
		_, err := inner.Exec(ctx, sql, int64(link.User), link.Email, now)
		return err
	})
	if violates(err, "users_email_key") {
		return nil
	}
	return err
}

// revokeLinks kills the links with which somebody could get hold of an account
// whose password or address has just been changed: those to a new password,
// and those to another address than the account's present one.
func revokeLinks(ctx context.Context, db querier, user rally.UserID) error {
	const sql = `
		DELETE FROM links l
		USING users u
		WHERE u.id = $1 AND l.user_id = u.id AND (l.kind = 'reset' OR lower(l.email) <> lower(u.email))`
	_, err := db.Exec(ctx, sql, int64(user))
	return err
}

// UseEmailLink uses up a link of kind LinkEmail: where the letter went is from
// now on its account's address, verified. It gives the account as it was and as
// it is; when only its address was verified, that is the same in both. Links to
// a new password that went to the one before are dead. ENOTFOUND when the link
// opens nothing; ECONFLICT "confirm_email.taken" when somebody else has verified
// the address meanwhile.
func (s *Store) UseEmailLink(ctx context.Context, token string) (before, after rally.User, err error) {
	ctx, done := s.begin(ctx, "UseEmailLink", &err)
	defer done()
	const set = `UPDATE users SET email = $2, email_verified_at = $3 WHERE id = $1`
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		link, err := takeLink(ctx, tx, token, rally.LinkEmail, s.time())
		if err != nil {
			return err
		}
		if before, err = findUser(ctx, tx, link.User); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, set, int64(link.User), link.Email, s.time()); err != nil {
			return err
		}
		if err := revokeLinks(ctx, tx, link.User); err != nil {
			return err
		}
		after, err = findUser(ctx, tx, link.User)
		return err
	})
	if violates(err, "users_email_key") {
		err = &rally.Error{Code: rally.EConflict, Message: "confirm_email.taken", Cause: err}
	}
	if err != nil {
		return rally.User{}, rally.User{}, err
	}
	return before, after, nil
}

// PurgeLinks deletes the links that have expired and says how many those were.
func (s *Store) PurgeLinks(ctx context.Context) (total int64, err error) {
	const sql = `DELETE FROM links WHERE hash IN (SELECT hash FROM links WHERE expires_at <= $2 LIMIT $1)`
	return s.purge(ctx, "PurgeLinks", sql, s.time())
}

// noLink is the error for a link that opens nothing.
func noLink() error {
	return rally.Errorf(rally.ENotFound, "error.not_found", "no such link")
}
