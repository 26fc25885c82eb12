package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"rally"
)

// userRow is a row of users, less the password hash: that one is asked for by
// name, where it is needed.
type userRow struct {
	ID         int64
	Name       string
	Email      string
	Locale     string
	Theme      string
	Rating     float64
	Deviation  float64
	Volatility float64
	Wins       int
	Losses     int
	CreatedAt  time.Time
}

// user gives the row as everybody else sees it.
func (r userRow) user() rally.User {
	return rally.User{
		ID:        rally.UserID(r.ID),
		Name:      r.Name,
		Email:     r.Email,
		Locale:    r.Locale,
		Theme:     r.Theme,
		Rating:    rally.Rating{Value: r.Rating, Deviation: r.Deviation, Volatility: r.Volatility},
		Wins:      r.Wins,
		Losses:    r.Losses,
		CreatedAt: r.CreatedAt.UTC(),
	}
}

// CreateUser makes an account with the rating of a newcomer. Name and e-mail
// are normalised as rally does. EInvalid, with Fields for those of the form,
// when something is not acceptable; EConflict with Fields "name" and "email"
// when they are taken, both being named when both are.
func (s *Store) CreateUser(ctx context.Context, u rally.NewUser) (_ rally.User, err error) {
	ctx, done := s.begin(ctx, "CreateUser", &err)
	defer done()

	fields := make(map[string]string)
	var problem string
	if u.Name, problem = rally.NormalizeName(u.Name); problem != "" {
		fields["name"] = problem
	}
	if u.Email, problem = rally.NormalizeEmail(u.Email); problem != "" {
		fields["email"] = problem
	} else if !storable(u.Email) {
		fields["email"] = "field.email_invalid"
	}
	if len(fields) > 0 {
		return rally.User{}, &rally.Error{Code: rally.EInvalid, Message: "error.invalid", Fields: fields}
	}

	if err := checkPreferences(u.Locale, u.Theme); err != nil {
		return rally.User{}, err
	}

	created, err := insertUser(ctx, s.pool, u, s.time())
	if violates(err, "users_name_key", "users_email_key") {
		return rally.User{}, takenError(ctx, s.pool, u, err)
	}
	return created, err
}

// insertUser writes a new account.
func insertUser(ctx context.Context, db querier, u rally.NewUser, now time.Time) (rally.User, error) {
	const sql = `
		INSERT INTO users (name, email, password_hash, locale, theme, rating, deviation, volatility, created_at)
		VALUES ($1, $2, nullif($3, ''), $4, $5, $6, $7, $8, $9)
		RETURNING id, name, email, locale, theme, rating, deviation, volatility, wins, losses, created_at`
	r := rally.NewRating()
	rows, _ := db.Query(ctx, sql, u.Name, u.Email, u.PasswordHash, u.Locale, u.Theme,
		r.Value, r.Deviation, r.Volatility, now)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[userRow])
	return row.user(), err
}

// takenError says which of name and e-mail are taken: the violation itself
// names only the first.
func takenError(ctx context.Context, db querier, u rally.NewUser, cause error) error {
	const sql = `
		SELECT EXISTS (SELECT FROM users WHERE lower(normalize(name, NFKC)) = lower(normalize($1, NFKC))),
		       EXISTS (SELECT FROM users WHERE lower(email) = lower($2))`
	var name, email bool
	if err := db.QueryRow(ctx, sql, u.Name, u.Email).Scan(&name, &email); err != nil {
		return fmt.Errorf("what is taken: %w", err)
	}
	fields := make(map[string]string)
	if name || violates(cause, "users_name_key") {
		fields["name"] = "field.name_taken"
	}
	if email || violates(cause, "users_email_key") {
		fields["email"] = "field.email_taken"
	}
	return &rally.Error{Code: rally.EConflict, Message: "error.invalid", Fields: fields, Cause: cause}
}

// FindUser gives the account with this id, or ENOTFOUND "error.not_found".
func (s *Store) FindUser(ctx context.Context, id rally.UserID) (_ rally.User, err error) {
	ctx, done := s.begin(ctx, "FindUser", &err)
	defer done()
	const sql = `
		SELECT id, name, email, locale, theme, rating, deviation, volatility, wins, losses, created_at
		FROM users
		WHERE id = $1`
	rows, _ := s.pool.Query(ctx, sql, int64(id))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[userRow])
	if isNoRows(err) {
		return rally.User{}, noUser(id)
	}
	return row.user(), err
}

// FindCredentials gives the account with this e-mail address, in any case, and
// its password hash ("" when it has no password). An unknown address is
// ENOTFOUND; telling that to the person who typed it would tell who is here,
// so callers must not.
func (s *Store) FindCredentials(ctx context.Context, email string) (_ rally.User, hash string, err error) {
	ctx, done := s.begin(ctx, "FindCredentials", &err)
	defer done()
	const sql = `
		SELECT id, name, email, locale, theme, rating, deviation, volatility, wins, losses, created_at,
		       coalesce(password_hash, '') AS password_hash
		FROM users
		WHERE lower(email) = lower($1)`
	type credentialsRow struct {
		userRow
		PasswordHash string
	}
	missing := rally.Errorf(rally.ENotFound, "error.not_found", "no account with this e-mail address")
	if email = strings.TrimSpace(email); !storable(email) {
		return rally.User{}, "", missing
	}
	rows, _ := s.pool.Query(ctx, sql, email)
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[credentialsRow])
	if isNoRows(err) {
		return rally.User{}, "", missing
	}
	return row.user(), row.PasswordHash, err
}

// SetPasswordHash replaces the account's password hash; "" takes the password
// away. ENOTFOUND when there is no such account.
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

// SetPreferences keeps the account's language ("en", "ko", or "" for the
// browser's) and theme ("light", "dark", or "" for the system's). EInvalid for
// any other; ENOTFOUND when there is no such account.
func (s *Store) SetPreferences(ctx context.Context, id rally.UserID, locale, theme string) (err error) {
	ctx, done := s.begin(ctx, "SetPreferences", &err)
	defer done()
	const sql = `UPDATE users SET locale = $2, theme = $3 WHERE id = $1`
	if err := checkPreferences(locale, theme); err != nil {
		return err
	}
	tag, err := s.pool.Exec(ctx, sql, int64(id), locale, theme)
	if err == nil && tag.RowsAffected() == 0 {
		err = noUser(id)
	}
	return err
}

// checkPreferences refuses what users_locale_known and users_theme_known would.
func checkPreferences(locale, theme string) error {
	if !slices.Contains([]string{"", "en", "ko"}, locale) || !slices.Contains([]string{"", "light", "dark"}, theme) {
		return rally.Errorf(rally.EInvalid, "error.invalid", "language %q, theme %q", locale, theme)
	}
	return nil
}

// noUser is the error for an account that is not there.
func noUser(id rally.UserID) error {
	return rally.Errorf(rally.ENotFound, "error.not_found", "no user %d", id)
}

// storable says whether PostgreSQL can take s as text. What it cannot is never
// sent: it would come back as an error of ours.
func storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
