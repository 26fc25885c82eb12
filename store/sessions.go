package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	// touchEvery is how exact a session's SeenAt is: it is written at most
	// this often.
	touchEvery = time.Minute
	// purgeBatch is how many rows are purged in one statement.
	purgeBatch = 5000

	userAgentMax = 200 // characters
	addressMax   = 100 // characters
)

// sessionColumns are the columns of a sessionRow, of sessions named s and users
// named u.
const sessionColumns = userColumns + `,
	s.id AS session_id, s.secret_hash, s.stage, s.created_at AS opened_at, s.seen_at, s.user_agent, s.address,
	s.proved_at, EXISTS (
		SELECT FROM places p JOIN nodes n ON n.id = p.node
		WHERE p.user_id = s.user_id AND p.session_id <> s.id AND ` + nodeLives + `) AS elsewhere`

// sessionRow is a row of sessions with its user's.
type sessionRow struct {
	userRow
	SessionID  string
	SecretHash []byte
	Stage      string
	OpenedAt   time.Time
	SeenAt     time.Time
	UserAgent  string
	Address    string
	ProvedAt   *time.Time
	Elsewhere  bool
}

// session gives the row's session as everybody else sees it.
func (r sessionRow) session() rally.Session {
	return rally.Session{
		ID:        rally.SessionID(r.SessionID),
		UserID:    rally.UserID(r.ID),
		Stage:     rally.ParseStage(r.Stage),
		CreatedAt: r.OpenedAt.UTC(),
		SeenAt:    r.SeenAt.UTC(),
		UserAgent: r.UserAgent,
		Address:   r.Address,
		ProvedAt:  timeOf(r.ProvedAt),
		Elsewhere: r.Elsewhere,
	}
}

// findSession gives a session that has not expired, with its user. There is no
// row (see isNoRows) when there is none. Whether the secret fits is still to
// be seen.
func findSession(ctx context.Context, db querier, id rally.SessionID, now time.Time) (sessionRow, error) {
	const sql = `
		SELECT ` + sessionColumns + `
		FROM sessions s
		JOIN users u ON u.id = s.user_id
		WHERE s.id = $1 AND s.seen_at > $2 AND s.created_at > $3`
	rows, _ := db.Query(ctx, sql, string(id), now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute))
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[sessionRow])
}

// touchSession notes that a session is in use.
func touchSession(ctx context.Context, db querier, id rally.SessionID, now time.Time) error {
	const sql = `UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2`
	_, err := db.Exec(ctx, sql, string(id), now)
	return err
}

// insertSession writes a new session and gives it with its user. There is no
// row (see isNoRows) when there is no such user.
func insertSession(ctx context.Context, db querier, v rally.Session, hash secretHash) (sessionRow, error) {
	const sql = `
		WITH s AS (
			INSERT INTO sessions (id, secret_hash, user_id, stage, created_at, seen_at, user_agent, address)
			SELECT $1::text, $2::bytea, id, $4::text, $5::timestamptz, $6::timestamptz, $7::text, $8::text
			FROM users WHERE id = $3
			FOR SHARE -- after a change of how to sign in, not while it is made
			RETURNING *
		)
		SELECT ` + sessionColumns + `
		FROM s
		JOIN users u ON u.id = s.user_id`
	rows, _ := db.Query(ctx, sql, string(v.ID), hash[:], int64(v.UserID), v.Stage.String(),
		v.CreatedAt, v.SeenAt, v.UserAgent, v.Address)
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[sessionRow])
}

// rotateSession gives a session that has not expired another id, secret and
// stage, and gives it as it is then. Its place does not go with it: sockets
// that were opened by the old id are closed. There is no row when it is over.
func rotateSession(
	ctx context.Context, tx pgx.Tx, old, id rally.SessionID, hash secretHash, stage rally.Stage, now time.Time,
) (sessionRow, error) {
	const rotate = `
		UPDATE sessions
		SET id = $2, secret_hash = $3, stage = $4, seen_at = $5, token_until = NULL
		WHERE id = $1 AND seen_at > $6 AND created_at > $7`
	// After the session, which whoever claims its place holds first: a claim
	// by the old id either came before, or finds nothing.
	const leavePlaces = `DELETE FROM places WHERE session_id = $1`
	tag, err := tx.Exec(ctx, rotate, string(old), string(id), hash[:], stage.String(), now,
		now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute))
	if err != nil {
		return sessionRow{}, err
	}
	if tag.RowsAffected() == 0 {
		return sessionRow{}, pgx.ErrNoRows
	}
	if _, err := tx.Exec(ctx, leavePlaces, string(id)); err != nil {
		return sessionRow{}, err
	}
	return findSession(ctx, tx, id, now)
}

// Standing says whether a session is still open, and whether the newest token
// that was issued beside it is still good. It does not count as a use of it.
func (ss *SessionStore) Standing(ctx context.Context, id rally.SessionID) (alive, token bool, err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.Standing", &err)
	defer done()
	const sql = `
		SELECT coalesce(token_until > $4, false)
		FROM sessions
		WHERE id = $1 AND seen_at > $2 AND created_at > $3`
	if !storable(string(id)) {
		return false, false, nil
	}
	now := ss.s.time()
	err = ss.s.pool.QueryRow(ctx, sql, string(id),
		now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute), now).Scan(&token)
	if isNoRows(err) {
		return false, false, nil
	}
	return err == nil, token, err
}

// TokenIssued notes that a token beside the session is good until then. That
// the session is over is no error: the token opens nothing without it.
func (ss *SessionStore) TokenIssued(ctx context.Context, id rally.SessionID, until time.Time) (err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.TokenIssued", &err)
	defer done()
	const sql = `UPDATE sessions SET token_until = greatest(token_until, $2) WHERE id = $1`
	if !storable(string(id)) {
		return nil
	}
	_, err = ss.s.pool.Exec(ctx, sql, string(id), until)
	return err
}

// Prove notes that the session's owner has just proved once more to be who they
// are; see rally.ProofLife. EUnauthorized when there is no such full session.
func (ss *SessionStore) Prove(ctx context.Context, id rally.SessionID) (err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.Prove", &err)
	defer done()
	const sql = `
		UPDATE sessions
		SET proved_at = $2
		WHERE id = $1 AND stage = 'full' AND seen_at > $3 AND created_at > $4`
	if !storable(string(id)) {
		return noSession()
	}
	now := ss.s.time()
	tag, err := ss.s.pool.Exec(ctx, sql, string(id), now, now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute))
	if err == nil && tag.RowsAffected() == 0 {
		err = noSession()
	}
	return err
}

// List gives a user's full sessions, the one seen last first, with Live.
func (ss *SessionStore) List(ctx context.Context, user rally.UserID) (_ []rally.Session, err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.List", &err)
	defer done()
	const sql = `
		SELECT ` + sessionColumns + `, ` + sessionLives + ` AS live
		FROM sessions s
		JOIN users u ON u.id = s.user_id
		WHERE s.user_id = $1 AND s.stage = 'full' AND s.seen_at > $2 AND s.created_at > $3
		ORDER BY s.seen_at DESC, s.created_at DESC, s.id`
	type listRow struct {
		sessionRow
		Live bool
	}
	now := ss.s.time()
	rows, _ := ss.s.pool.Query(ctx, sql, int64(user), now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute))
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[listRow])
	list := make([]rally.Session, len(found))
	for i, row := range found {
		list[i] = row.session()
		list[i].Live = row.Live
	}
	return list, err
}

// PurgeSessions deletes the sessions that have expired and says how many those
// were. They open nothing in any case, so now and then is enough.
func (ss *SessionStore) PurgeSessions(ctx context.Context) (int64, error) {
	const sql = `
		DELETE FROM sessions
		WHERE id IN (SELECT id FROM sessions WHERE seen_at <= $2 OR created_at <= $3 LIMIT $1)`
	now := ss.s.time()
	return ss.s.purge(ctx, "SessionStore.PurgeSessions", sql, now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute))
}
