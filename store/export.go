package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// Export gives everything that is held about somebody, by file name: JSON that
// people can read, and their picture if they have one. What opens something is
// left out: the password's hash, the secret of the codes, the hashes of
// recovery codes, of sessions' secrets and of links; and what others keep from
// them, such as a block. All of it is as of one
// moment. ENOTFOUND when there is no such account.
func (s *Store) Export(ctx context.Context, id rally.UserID) (files map[string][]byte, err error) {
	ctx, done := s.begin(ctx, "Export", &err)
	defer done()
	held := make(map[string]any)
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error { return export(ctx, tx, id, held) })
	if isNoRows(err) {
		err = noUser(id)
	}
	if err != nil {
		return nil, err
	}
	files = make(map[string][]byte)
	for name, content := range held {
		if png, ok := content.([]byte); ok {
			files[name] = png
		} else if files[name], err = legible(content); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

// export puts what is held about a user into held, by file name: bytes as they
// are, or what is to be JSON. There is no row (see isNoRows) when there is no
// such account.
func export(ctx context.Context, tx pgx.Tx, id rally.UserID, held map[string]any) error {
	const avatar = `SELECT png FROM avatars WHERE user_id = $1`
	rows, _ := tx.Query(ctx, exportAccount, int64(id))
	account, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[exportedAccount])
	if err != nil {
		return err
	}
	if account.Links, err = exportRows[exportedLink](ctx, tx, exportLinks, id); err != nil {
		return err
	}
	held["account.json"] = account
	if held["sessions.json"], err = exportRows[exportedSession](ctx, tx, exportSessions, id); err != nil {
		return err
	}
	if held["identities.json"], err = exportRows[exportedIdentity](ctx, tx, exportIdentities, id); err != nil {
		return err
	}
	if held["security_log.json"], err = exportRows[exportedSecurity](ctx, tx, exportSecurity, id); err != nil {
		return err
	}
	if held["matches.json"], err = exportRows[exportedMatch](ctx, tx, exportMatches, id); err != nil {
		return err
	}
	if err := exportPeople(ctx, tx, id, held); err != nil {
		return err
	}
	pngs, err := exportRows[struct{ PNG []byte }](ctx, tx, avatar, id)
	for _, row := range pngs {
		held["avatar.png"] = row.PNG
	}
	return err
}

// exportRows gives what a query finds about a user; none is an empty list.
func exportRows[T any](ctx context.Context, tx pgx.Tx, sql string, id rally.UserID) ([]T, error) {
	rows, _ := tx.Query(ctx, sql, int64(id))
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

// legible gives v as JSON for people: indented, and with letters as they are.
func legible(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// moment is a time in a column, which JSON has as RFC 3339 in UTC.
type moment time.Time

// Scan reads it from the database.
func (m *moment) Scan(v any) error {
	t, ok := v.(time.Time)
	if !ok {
		return fmt.Errorf("%T is no time", v)
	}
	*m = moment(t)
	return nil
}

// MarshalJSON writes it.
func (m moment) MarshalJSON() ([]byte, error) { return time.Time(m).UTC().MarshalJSON() }

// exportAccount gives an exportedAccount.
const exportAccount = `
	SELECT u.id, u.name, u.email, u.email_verified_at, u.locale, u.theme, u.rating, u.deviation, u.volatility,
	       u.wins, u.losses, u.created_at, u.password_hash IS NOT NULL AS has_password, u.codes_since,
	       f.created_at AS codes_set_up_at,
	       (SELECT count(*) FROM recovery_codes r WHERE r.user_id = u.id AND r.used_at IS NULL) AS recovery_codes_left,
	       u.avatar, u.delete_at, u.seen_at, u.chat
	FROM users u
	LEFT JOIN factors f ON f.user_id = u.id
	WHERE u.id = $1`

// exportedAccount is the account itself.
type exportedAccount struct {
	ID                int64          `json:"id"`
	Name              string         `json:"name"`
	Email             string         `json:"email"`
	EmailVerifiedAt   *moment        `json:"email_verified_at"`
	Locale            string         `json:"locale"`
	Theme             string         `json:"theme"`
	Rating            float64        `json:"rating"`
	Deviation         float64        `json:"deviation"`
	Volatility        float64        `json:"volatility"`
	Wins              int            `json:"wins"`
	Losses            int            `json:"losses"`
	CreatedAt         moment         `json:"created_at"`
	HasPassword       bool           `json:"has_password"`
	CodesSince        *moment        `json:"codes_since"`
	CodesSetUpAt      *moment        `json:"codes_set_up_at"`
	RecoveryCodesLeft int            `json:"recovery_codes_left"`
	Avatar            string         `json:"avatar"`
	DeleteAt          *moment        `json:"delete_at"`
	SeenAt            *moment        `json:"seen_at"`
	Chat              bool           `json:"chat"`
	Links             []exportedLink `json:"links" db:"-"`
}

// exportLinks gives exportedLinks.
const exportLinks = `SELECT kind, email, expires_at FROM links WHERE user_id = $1 ORDER BY kind`

// exportedLink is a link in a letter that has not been used.
type exportedLink struct {
	Kind      string `json:"kind"`
	Email     string `json:"email"`
	ExpiresAt moment `json:"expires_at"`
}

// exportSessions gives exportedSessions.
const exportSessions = `
	SELECT id, stage, created_at, seen_at, user_agent, address, proved_at, token_until
	FROM sessions
	WHERE user_id = $1
	ORDER BY created_at DESC, id`

// exportedSession is a signed-in browser.
type exportedSession struct {
	ID         string  `json:"id"`
	Stage      string  `json:"stage"`
	CreatedAt  moment  `json:"created_at"`
	SeenAt     moment  `json:"seen_at"`
	UserAgent  string  `json:"user_agent"`
	Address    string  `json:"address"`
	ProvedAt   *moment `json:"proved_at"`
	TokenUntil *moment `json:"token_until"`
}

// exportIdentities gives exportedIdentities.
const exportIdentities = `
	SELECT provider, issuer, subject, label, linked_at, used_at
	FROM identities
	WHERE user_id = $1
	ORDER BY linked_at, issuer, subject`

// exportedIdentity is an account elsewhere.
type exportedIdentity struct {
	Provider string  `json:"provider"`
	Issuer   string  `json:"issuer"`
	Subject  string  `json:"subject"`
	Label    string  `json:"label"`
	LinkedAt moment  `json:"linked_at"`
	UsedAt   *moment `json:"used_at"`
}

// exportSecurity gives exportedSecurity.
const exportSecurity = `SELECT at, kind, address, agent, detail FROM security_events WHERE user_id = $1 ORDER BY id DESC`

// exportedSecurity is a line of the security log.
type exportedSecurity struct {
	At      moment `json:"at"`
	Kind    string `json:"kind"`
	Address string `json:"address"`
	Agent   string `json:"agent"`
	Detail  string `json:"detail"`
}

// exportMatches gives exportedMatches.
const exportMatches = `
	SELECT m.id, m.kind, m.points, m.outcome, CASE WHEN m.winner >= 0 THEN m.winner = me.side END AS won,
	       m.started_at, m.finished_at, (ARRAY['left', 'right'])[me.side + 1] AS side, me.score,
	       me.rating_before, me.deviation_before, me.volatility_before,
	       me.rating_after, me.deviation_after, me.volatility_after,
	       o.user_id AS opponent_id, ou.name AS opponent_name, nullif(o.bot, 0) AS opponent_bot_level,
	       o.score AS opponent_score
	FROM match_players me
	JOIN matches m ON m.id = me.match_id
	JOIN match_players o ON o.match_id = me.match_id AND o.side = 1 - me.side
	LEFT JOIN users ou ON ou.id = o.user_id
	WHERE me.user_id = $1
	ORDER BY m.finished_at DESC, m.id DESC`

// exportedMatch is a match as one of its players sees it.
type exportedMatch struct {
	ID               string   `json:"id"`
	Kind             string   `json:"kind"`
	Points           int      `json:"points"`
	Outcome          string   `json:"outcome"`
	Won              *bool    `json:"won"`
	StartedAt        moment   `json:"started_at"`
	FinishedAt       moment   `json:"finished_at"`
	Side             string   `json:"side"`
	Score            int      `json:"score"`
	RatingBefore     *float64 `json:"rating_before"`
	DeviationBefore  *float64 `json:"deviation_before"`
	VolatilityBefore *float64 `json:"volatility_before"`
	RatingAfter      *float64 `json:"rating_after"`
	DeviationAfter   *float64 `json:"deviation_after"`
	VolatilityAfter  *float64 `json:"volatility_after"`
	OpponentID       *int64   `json:"opponent_id"`
	OpponentName     *string  `json:"opponent_name"`
	OpponentBotLevel *int     `json:"opponent_bot_level"`
	OpponentScore    int      `json:"opponent_score"`
}
