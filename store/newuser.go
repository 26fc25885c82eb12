package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.mau.fi/util/confusable"
	"golang.org/x/text/unicode/norm"

	"rally"
)

// CreateUser makes an account with the rating of a newcomer and, with
// u.Identity, links that to it. Name and e-mail are normalised as rally does.
//
// EInvalid, with Fields for those of the form, when something is not
// acceptable; only an account with an identity may be without an address.
// EConflict with Fields "name" when the name, or one that looks like it, is
// taken; EConflict "oauth.taken" when the identity is.
//
// An address may be claimed by many and is nobody's until it is verified, so
// that it is taken is never told. With u.EmailVerified, when somebody else has
// shown by then that it is theirs, the account is made without one.
func (s *Store) CreateUser(ctx context.Context, u rally.NewUser) (_ rally.User, err error) {
	ctx, done := s.begin(ctx, "CreateUser", &err)
	defer done()
	if u, err = checkNewUser(u); err != nil {
		return rally.User{}, err
	}
	created, err := s.createUser(ctx, u)
	if u.EmailVerified && violates(err, "users_email_key") {
		u.Email, u.EmailVerified = "", false
		created, err = s.createUser(ctx, u)
	}
	return created, err
}

// checkNewUser gives u with its fields normalised.
func checkNewUser(u rally.NewUser) (rally.NewUser, error) {
	fields := make(map[string]string)
	var problem string
	if u.Name, problem = rally.NormalizeName(u.Name); problem != "" {
		fields["name"] = problem
	}
	if u.Email != "" || u.Identity == nil {
		if u.Email, problem = rally.NormalizeEmail(u.Email); problem != "" {
			fields["email"] = problem
		} else if !storable(u.Email) {
			fields["email"] = "field.email_invalid"
		}
	}
	if len(fields) > 0 {
		return u, &rally.Error{Code: rally.EInvalid, Message: "error.invalid", Fields: fields}
	}
	u.EmailVerified = u.EmailVerified && u.Email != ""
	return u, checkPreferences(u.Locale, u.Theme)
}

// createUser writes a new account with its identity.
func (s *Store) createUser(ctx context.Context, u rally.NewUser) (created rally.User, err error) {
	now := s.time()
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if created, err = insertUser(ctx, tx, u, now); err != nil || u.Identity == nil {
			return err
		}
		if err := insertIdentity(ctx, tx, created.ID, *u.Identity, now); err != nil {
			return err
		}
		const used = `UPDATE identities SET used_at = $2 WHERE user_id = $1`
		_, err := tx.Exec(ctx, used, int64(created.ID), now)
		return err
	})
	return created, err
}

// insertUser writes a new account.
func insertUser(ctx context.Context, db querier, u rally.NewUser, now time.Time) (rally.User, error) {
	const sql = `
		INSERT INTO users AS u (name, name_skeleton, email, email_verified_at, password_hash, locale, theme,
		                        rating, deviation, volatility, created_at, name_capitals)
		VALUES ($1, $2, $3, CASE WHEN $4 THEN $11::timestamptz END, nullif($5, ''), $6, $7, $8, $9, $10, $11, $12)
		RETURNING ` + userColumns
	r := rally.NewRating()
	rows, _ := db.Query(ctx, sql, u.Name, nameSkeleton(u.Name), u.Email, u.EmailVerified, u.PasswordHash,
		u.Locale, u.Theme, r.Value, r.Deviation, r.Volatility, now, nameCapitals(u.Name))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[userRow])
	return row.user(), nameTaken(err)
}

// nameTaken puts the violation that a name, or one that looks like it, is taken
// into words; any other error it leaves alone.
func nameTaken(err error) error {
	if !violates(err, "users_name_key", "users_skeleton_key", "users_capitals_key") {
		return err
	}
	return &rally.Error{
		Code: rally.EConflict, Message: "error.invalid", Fields: map[string]string{"name": "field.name_taken"}, Cause: err,
	}
}

// nameSkeleton is what a name looks like, by Unicode's table of look-alikes
// (UTS #39): names that a reader could take for one another have the same, or
// the same nameCapitals.
func nameSkeleton(name string) string {
	return strings.ToLower(confusable.Skeleton(norm.NFKC.String(name)))
}

// nameCapitals is what a name looks like in capitals, as its owner may write it:
// of some letters only those look alike.
func nameCapitals(name string) string {
	return confusable.Skeleton(strings.ToUpper(norm.NFKC.String(name)))
}
