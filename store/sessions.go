package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	// touchEvery is how exact a session's SeenAt is: it is written at most
	// this often.
	touchEvery = time.Minute
	// purgeBatch is how many ended sessions are deleted in one statement.
	purgeBatch = 5000

	userAgentMax = 200 // characters
	addressMax   = 100 // characters
)

// Why a session has ended, as SessionEnded says it; handlers have more.
const (
	reasonReplaced = "replaced" // the browser opened another
	reasonRenewed  = "renewed"  // it goes on under another id
)

// sessionColumns are the columns of a sessionRow, of sessions named s and users
// named u.
const sessionColumns = userColumns + `,
	s.id AS session_id, s.secret_hash, s.stage, s.created_at AS opened_at, s.seen_at, s.user_agent, s.address`

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
			RETURNING id, secret_hash, user_id, stage, created_at, seen_at, user_agent, address
		)
		SELECT ` + sessionColumns + `
		FROM s
		JOIN users u ON u.id = s.user_id`
	rows, _ := db.Query(ctx, sql, string(v.ID), hash[:], int64(v.UserID), v.Stage.String(),
		v.CreatedAt, v.SeenAt, v.UserAgent, v.Address)
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[sessionRow])
}

// rotateSession gives a session that has not expired another id, secret and
// stage, and gives it as it is then. There is no row when it is over.
func rotateSession(
	ctx context.Context, db querier, old, id rally.SessionID, hash secretHash, stage rally.Stage, now time.Time,
) (sessionRow, error) {
	const sql = `
		UPDATE sessions s
		SET id = $2, secret_hash = $3, stage = $4, seen_at = $5
		FROM users u
		WHERE s.id = $1 AND u.id = s.user_id AND s.seen_at > $6 AND s.created_at > $7
		RETURNING ` + sessionColumns
	rows, _ := db.Query(ctx, sql, string(old), string(id), hash[:], stage.String(), now,
		now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute))
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[sessionRow])
}

// endedSession is a session that was just deleted.
type endedSession struct {
	ID     string
	UserID int64
}

// deleteSession ends a session, if it is there.
func deleteSession(ctx context.Context, db querier, id rally.SessionID) ([]endedSession, error) {
	const sql = `DELETE FROM sessions WHERE id = $1 RETURNING id, user_id`
	rows, _ := db.Query(ctx, sql, string(id))
	return pgx.CollectRows(rows, pgx.RowToStructByName[endedSession])
}

// deleteOthers ends every session of a user but one ("" for none).
func deleteOthers(ctx context.Context, db querier, user rally.UserID, except rally.SessionID) ([]endedSession, error) {
	const sql = `DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id, user_id`
	rows, _ := db.Query(ctx, sql, int64(user), string(except))
	return pgx.CollectRows(rows, pgx.RowToStructByName[endedSession])
}

// publishEnded tells of sessions that have ended.
func (s *Store) publishEnded(ended []endedSession, reason string) {
	for _, e := range ended {
		s.publish(rally.Event{
			Kind:    rally.SessionEnded,
			Users:   []rally.UserID{rally.UserID(e.UserID)},
			Session: rally.SessionID(e.ID),
			Reason:  reason,
		})
	}
}

// EndID ends a session, whoever asks; a SessionEnded with this reason follows.
// It is no error when the session is over already.
func (ss *SessionStore) EndID(ctx context.Context, id rally.SessionID, reason string) (err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.EndID", &err)
	defer done()
	if !storable(string(id)) {
		return nil
	}
	ended, err := deleteSession(ctx, ss.s.pool, id)
	if err == nil {
		ss.s.publishEnded(ended, reason)
	}
	return err
}

// EndAll ends every session of a user but one ("" for none) and says how many
// that were; a SessionEnded with this reason follows for each.
func (ss *SessionStore) EndAll(ctx context.Context, user rally.UserID, except rally.SessionID, reason string) (n int, err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.EndAll", &err)
	defer done()
	ended, err := deleteOthers(ctx, ss.s.pool, user, except)
	if err != nil {
		return 0, err
	}
	ss.s.publishEnded(ended, reason)
	return len(ended), nil
}

// Alive says whether a session is still open. It does not count as a use of it.
func (ss *SessionStore) Alive(ctx context.Context, id rally.SessionID) (alive bool, err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.Alive", &err)
	defer done()
	const sql = `SELECT EXISTS (SELECT FROM sessions WHERE id = $1 AND seen_at > $2 AND created_at > $3)`
	if !storable(string(id)) {
		return false, nil
	}
	now := ss.s.time()
	err = ss.s.pool.QueryRow(ctx, sql, string(id),
		now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute)).Scan(&alive)
	return alive, err
}

// PurgeSessions deletes the sessions that have expired and says how many those
// were. They open nothing in any case, so now and then is enough.
func (ss *SessionStore) PurgeSessions(ctx context.Context) (total int64, err error) {
	const sql = `
		DELETE FROM sessions
		WHERE id IN (SELECT id FROM sessions WHERE seen_at <= $1 OR created_at <= $2 LIMIT $3)`
	now := ss.s.time()
	for {
		n, err := ss.purge(ctx, sql, now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute), purgeBatch)
		if total += n; err != nil || n < purgeBatch {
			return total, err
		}
	}
}

// purge deletes one batch.
func (ss *SessionStore) purge(ctx context.Context, sql string, args ...any) (n int64, err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.PurgeSessions", &err)
	defer done()
	tag, err := ss.s.pool.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("delete: %w", err)
	}
	return tag.RowsAffected(), nil
}
