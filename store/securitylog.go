package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	// securityKept is how long an account's owner can read what happened to it.
	securityKept = 180 * 24 * time.Hour
	// knownFor is how long an address counts as its owner's after a sign-in.
	knownFor = 30 * 24 * time.Hour
	// securityListMax is the most lines that ListSecurity gives at once.
	securityListMax = 100

	securityKindMax   = 50  // characters
	securityDetailMax = 300 // characters
)

// securityRow is a row of security_events.
type securityRow struct {
	ID      int64
	UserID  int64
	Kind    string
	At      time.Time
	Address string
	Agent   string
	Detail  string
}

// event gives the row as everybody else sees it.
func (r securityRow) event() rally.SecurityEvent {
	return rally.SecurityEvent{
		ID: r.ID, User: rally.UserID(r.UserID), Kind: rally.SecurityKind(r.Kind), At: r.At.UTC(),
		Address: r.Address, Agent: r.Agent, Detail: r.Detail,
	}
}

// RecordSecurity adds a line to an account's security log; its ID does not
// count, and At is now when it is zero. What is too long is cut. ENOTFOUND when
// there is no such account.
func (s *Store) RecordSecurity(ctx context.Context, e rally.SecurityEvent) (err error) {
	ctx, done := s.begin(ctx, "RecordSecurity", &err)
	defer done()
	const sql = `
		INSERT INTO security_events (user_id, kind, at, address, agent, detail)
		VALUES ($1, $2, $3, $4, $5, $6)`
	if e.At.IsZero() {
		e.At = s.time()
	}
	_, err = s.pool.Exec(ctx, sql, int64(e.User), clip(string(e.Kind), securityKindMax), e.At,
		clip(e.Address, addressMax), clip(e.Agent, userAgentMax), clip(e.Detail, securityDetailMax))
	if violates(err, "security_events_user_id_fkey") {
		return noUser(e.User)
	}
	return err
}

// ListSecurity gives an account's security log, newest first, the lines before
// the one whose ID is before; 0 is for the newest. limit is from 1 to 100.
func (s *Store) ListSecurity(
	ctx context.Context, user rally.UserID, before int64, limit int,
) (_ []rally.SecurityEvent, err error) {
	ctx, done := s.begin(ctx, "ListSecurity", &err)
	defer done()
	const sql = `
		SELECT id, user_id, kind, at, address, agent, detail
		FROM security_events
		WHERE user_id = $1 AND ($2::bigint = 0 OR id < $2)
		ORDER BY id DESC
		LIMIT $3`
	rows, _ := s.pool.Query(ctx, sql, int64(user), before, min(max(limit, 1), securityListMax))
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[securityRow])
	if err != nil {
		return nil, err
	}
	events := make([]rally.SecurityEvent, len(found))
	for i, row := range found {
		events[i] = row.event()
	}
	return events, nil
}

// KnownAddress says whether the account has been signed in to from this
// address within the last 30 days.
func (s *Store) KnownAddress(ctx context.Context, user rally.UserID, address string) (known bool, err error) {
	ctx, done := s.begin(ctx, "KnownAddress", &err)
	defer done()
	const sql = `
		SELECT EXISTS (SELECT
		               FROM security_events
		               WHERE user_id = $1 AND address = $2 AND kind IN ('sign_in', 'sign_up') AND at > $3)`
	if address == "" {
		return false, nil
	}
	err = s.pool.QueryRow(ctx, sql, int64(user), clip(address, addressMax), s.time().Add(-knownFor)).Scan(&known)
	return known, err
}

// PurgeSecurity deletes the lines older than 180 days and says how many those
// were.
func (s *Store) PurgeSecurity(ctx context.Context) (total int64, err error) {
	const sql = `
		DELETE FROM security_events
		WHERE id IN (SELECT id FROM security_events WHERE at <= $2 LIMIT $1)`
	return s.purge(ctx, "PurgeSecurity", sql, s.time().Add(-securityKept))
}
