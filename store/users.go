package store

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"rally"
)

// userColumns are the columns of a userRow, of users named u.
const userColumns = `u.id, u.name, u.email, u.locale, u.theme, u.rating, u.deviation, u.volatility,
	u.wins, u.losses, u.created_at, u.email_verified_at IS NOT NULL AS email_verified,
	u.password_hash IS NOT NULL AS has_password, u.codes_since IS NOT NULL AS codes, u.avatar, u.delete_at`

// userRow is a row of users, less the password hash: that one is asked for by
// name, where it is needed.
type userRow struct {
	ID            int64
	Name          string
	Email         string
	Locale        string
	Theme         string
	Rating        float64
	Deviation     float64
	Volatility    float64
	Wins          int
	Losses        int
	CreatedAt     time.Time
	EmailVerified bool
	HasPassword   bool
	Codes         bool
	Avatar        string
	DeleteAt      *time.Time
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

		EmailVerified: r.EmailVerified,
		HasPassword:   r.HasPassword,
		Codes:         r.Codes,
		Avatar:        r.Avatar,
		DeleteAt:      timeOf(r.DeleteAt),
	}
}

// FindUser gives the account with this id, or ENOTFOUND "error.not_found".
func (s *Store) FindUser(ctx context.Context, id rally.UserID) (_ rally.User, err error) {
	ctx, done := s.begin(ctx, "FindUser", &err)
	defer done()
	return findUser(ctx, s.pool, id)
}

// findUser gives the account with this id, or ENOTFOUND "error.not_found".
func findUser(ctx context.Context, db querier, id rally.UserID) (rally.User, error) {
	const sql = `SELECT ` + userColumns + ` FROM users u WHERE u.id = $1`
	rows, _ := db.Query(ctx, sql, int64(id))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[userRow])
	if isNoRows(err) {
		return rally.User{}, noUser(id)
	}
	return row.user(), err
}

// FindCandidates gives the accounts that a login typed at sign-in may mean, at
// most two, the likelier first. One with an "@" is an address: it means the
// account that has shown that it is theirs, and the newest of those that only
// claim it. Any other is a display name, in any case and spacing. An unknown
// one, or one that nobody can have, gives none.
func (s *Store) FindCandidates(ctx context.Context, login string) (_ []rally.Credentials, err error) {
	ctx, done := s.begin(ctx, "FindCandidates", &err)
	defer done()
	const byEmail = `
		(SELECT ` + credentialsColumns + `
		 FROM users u
		 WHERE lower(u.email) = lower($1) AND u.email_verified_at IS NOT NULL)
		UNION ALL
		(SELECT ` + credentialsColumns + `
		 FROM users u
		 WHERE lower(u.email) = lower($1) AND u.email <> '' AND u.email_verified_at IS NULL
		 ORDER BY u.created_at DESC, u.id DESC
		 LIMIT 1)`
	const byName = `
		SELECT ` + credentialsColumns + `
		FROM users u
		WHERE lower(normalize(u.name, NFKC)) = lower(normalize($1, NFKC))`
	sql := byName
	login = strings.Join(strings.Fields(login), " ")
	if strings.Contains(login, "@") {
		sql = byEmail
	}
	if login == "" || len(login) > loginMax || !storable(login) {
		return nil, nil
	}
	rows, _ := s.pool.Query(ctx, sql, login)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[credentialsRow])
	candidates := make([]rally.Credentials, len(found))
	for i, row := range found {
		candidates[i] = rally.Credentials{User: row.user(), Hash: row.PasswordHash}
	}
	return candidates, err
}

// loginMax is more than any name or address has, in bytes.
const loginMax = 1000

// credentialsColumns are the columns of a credentialsRow.
const credentialsColumns = userColumns + `, coalesce(u.password_hash, '') AS password_hash`

// credentialsRow is a row of users with the password hash, "" for none.
type credentialsRow struct {
	userRow
	PasswordHash string
}

// Rename gives the account another display name, normalised as rally does; it
// may be the present one in another case. EInvalid or EConflict with Fields
// "name" when it is not acceptable, or it or one that looks like it is taken;
// ENOTFOUND when there is no such account. A success publishes Renamed.
func (s *Store) Rename(ctx context.Context, id rally.UserID, name string) (_ rally.User, err error) {
	ctx, done := s.begin(ctx, "Rename", &err)
	defer done()
	const sql = `UPDATE users u SET name = $2, name_skeleton = $3, name_capitals = $4 WHERE u.id = $1 RETURNING ` + userColumns
	name, problem := rally.NormalizeName(name)
	if problem != "" {
		return rally.User{}, &rally.Error{
			Code: rally.EInvalid, Message: "error.invalid", Fields: map[string]string{"name": problem},
		}
	}
	rows, _ := s.pool.Query(ctx, sql, int64(id), name, nameSkeleton(name), nameCapitals(name))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[userRow])
	switch {
	case isNoRows(err):
		return rally.User{}, noUser(id)
	case err != nil:
		return rally.User{}, nameTaken(err)
	}
	s.publish(rally.Event{Kind: rally.Renamed, Users: []rally.UserID{id}})
	return row.user(), nil
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
