package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rally"
)

// Why a session has ended, as SessionEnded says it; handlers have more.
const (
	reasonReplaced = "replaced" // the browser opened another
	reasonRenewed  = "renewed"  // it goes on under another id
)

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

// EndOwn ends one of the user's sessions; a SessionEnded with this reason
// follows. ENOTFOUND "error.not_found" when it is over, or not theirs.
func (ss *SessionStore) EndOwn(ctx context.Context, user rally.UserID, id rally.SessionID, reason string) (err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.EndOwn", &err)
	defer done()
	const sql = `DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING id, user_id`
	none := rally.Errorf(rally.ENotFound, "error.not_found", "user %d has no such session", user)
	if !storable(string(id)) {
		return none
	}
	rows, _ := ss.s.pool.Query(ctx, sql, string(id), int64(user))
	ended, err := pgx.CollectRows(rows, pgx.RowToStructByName[endedSession])
	if err == nil && len(ended) == 0 {
		err = none
	}
	ss.s.publishEnded(ended, reason)
	return err
}

// EndLive ends the user's full sessions that are live, less the one that wants
// to be in their place, and says how many that were; a SessionEnded with this
// reason follows for each.
func (ss *SessionStore) EndLive(ctx context.Context, user rally.UserID, except rally.SessionID, reason string) (n int, err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.EndLive", &err)
	defer done()
	const sql = `
		DELETE FROM sessions s
		WHERE s.user_id = $1 AND s.id <> $2 AND s.stage = 'full' AND ` + sessionLives + `
		RETURNING s.id, s.user_id`
	if !storable(string(except)) {
		except = ""
	}
	rows, _ := ss.s.pool.Query(ctx, sql, int64(user), string(except))
	ended, err := pgx.CollectRows(rows, pgx.RowToStructByName[endedSession])
	if err != nil {
		return 0, err
	}
	ss.s.publishEnded(ended, reason)
	return len(ended), nil
}
