package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// throttleRow is what is kept of whoever a charge counts against.
type throttleRow struct {
	Kind         string
	Key          []byte
	Attempts     int
	BlockedUntil time.Time
	ForgottenAt  time.Time
}

// charged gives the row after one more attempt; see rally.Charge.
func (r throttleRow) charged(c rally.Charge, now time.Time) throttleRow {
	if !r.ForgottenAt.After(now) {
		r.Attempts = 0
	}
	r.Attempts++
	var wait time.Duration
	if over := r.Attempts - c.Free; over > 0 {
		for wait = c.Wait; over > 1 && wait < c.MaxWait; over-- {
			wait *= 2
		}
		wait = min(wait, c.MaxWait)
	}
	if wait > 0 { // else it stays in the past, also for a clock that is a little behind
		r.BlockedUntil = now.Add(wait)
	}
	r.ForgottenAt = now.Add(max(c.Window, wait))
	return r
}

// errThrottled takes back what ChargeThrottles has begun.
var errThrottled = errors.New("somebody has to wait")

// CheckThrottles says how long whoever would make these attempts has to wait
// before they may: 0 when they need not. Nothing is charged.
func (s *Store) CheckThrottles(ctx context.Context, charges []rally.Charge) (wait time.Duration, err error) {
	ctx, done := s.begin(ctx, "CheckThrottles", &err)
	defer done()
	const sql = `
		SELECT coalesce(max(t.blocked_until), $3)
		FROM unnest($1::text[], $2::bytea[]) AS c (kind, key)
		JOIN throttles t ON t.kind = c.kind AND t.key = c.key`
	if len(charges) == 0 {
		return 0, nil
	}
	_, kinds, keys := inOrder(charges)
	now := s.time()
	var until time.Time
	err = s.pool.QueryRow(ctx, sql, kinds, keys, now).Scan(&until)
	return max(until.Sub(now), 0), err
}

// ChargeThrottles charges these attempts, all of them or none: none when one
// of them has to wait, and then it says how long. Of attempts made at once, on
// any node, no more pass than would one after the other.
func (s *Store) ChargeThrottles(ctx context.Context, charges []rally.Charge) (wait time.Duration, err error) {
	ctx, done := s.begin(ctx, "ChargeThrottles", &err)
	defer done()
	// Those who are charged for the first time get a row as well: it is what
	// others then wait for. All are held in one order.
	const hold = `
		INSERT INTO throttles AS t (kind, key, attempts, last_at, blocked_until, forgotten_at)
		SELECT c.kind, c.key, 0, $3, 'epoch', 'epoch'
		FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS c (kind, key, n)
		ORDER BY c.n
		ON CONFLICT (kind, key) DO UPDATE SET attempts = t.attempts
		RETURNING t.kind, t.key, t.attempts, t.blocked_until, t.forgotten_at`
	const charge = `
		UPDATE throttles t
		SET attempts = c.attempts, last_at = $3, blocked_until = c.blocked_until, forgotten_at = c.forgotten_at
		FROM unnest($1::text[], $2::bytea[], $4::integer[], $5::timestamptz[], $6::timestamptz[])
		     AS c (kind, key, attempts, blocked_until, forgotten_at)
		WHERE t.kind = c.kind AND t.key = c.key`
	if len(charges) == 0 {
		return 0, nil
	}
	charges, kinds, keys := inOrder(charges)
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		found, _ := tx.Query(ctx, hold, kinds, keys, s.time())
		rows, err := pgx.CollectRows(found, pgx.RowToStructByName[throttleRow])
		if err != nil {
			return err
		}
		now := s.time() // only now: others were waited for
		attempts, blocked, forgotten := make([]int, len(rows)), make([]time.Time, len(rows)), make([]time.Time, len(rows))
		for _, row := range rows {
			i := slices.IndexFunc(keys, func(key []byte) bool { return bytes.Equal(key, row.Key) })
			wait = max(wait, row.BlockedUntil.Sub(now))
			row = row.charged(charges[i], now)
			attempts[i], blocked[i], forgotten[i] = row.Attempts, row.BlockedUntil, row.ForgottenAt
		}
		if wait > 0 {
			return errThrottled
		}
		_, err = tx.Exec(ctx, charge, kinds, keys, now, attempts, blocked, forgotten)
		return err
	})
	if wait > 0 {
		return wait, nil
	}
	return 0, err
}

// holdThrottles begins a statement on the rows of charges, held in the order in
// which everybody holds them.
const holdThrottles = `
	WITH held AS (
		SELECT t.kind, t.key
		FROM unnest($1::text[], $2::bytea[]) AS c (kind, key)
		JOIN throttles t ON t.kind = c.kind AND t.key = c.key
		ORDER BY t.kind COLLATE "C", t.key
		FOR UPDATE OF t
	)`

// ForgiveThrottles wipes the slates that these charges are on: what was
// attempted has succeeded.
func (s *Store) ForgiveThrottles(ctx context.Context, charges []rally.Charge) (err error) {
	ctx, done := s.begin(ctx, "ForgiveThrottles", &err)
	defer done()
	const sql = holdThrottles + `
		DELETE FROM throttles t USING held WHERE t.kind = held.kind AND t.key = held.key`
	if len(charges) == 0 {
		return nil
	}
	_, kinds, keys := inOrder(charges)
	_, err = s.pool.Exec(ctx, sql, kinds, keys)
	return err
}

// RefundThrottles takes one attempt, charged no later than at, off the slates
// that these charges are on, and the wait that it has led to: it has succeeded,
// and the others on the slate were not its own. A wait from before would have
// kept it from being charged, and one that a later attempt has led to stays.
func (s *Store) RefundThrottles(ctx context.Context, charges []rally.Charge, at time.Time) (err error) {
	ctx, done := s.begin(ctx, "RefundThrottles", &err)
	defer done()
	const sql = holdThrottles + `
		UPDATE throttles t
		SET attempts = greatest(t.attempts - 1, 0),
		    blocked_until = CASE WHEN t.last_at <= $3 THEN 'epoch' ELSE t.blocked_until END
		FROM held
		WHERE t.kind = held.kind AND t.key = held.key`
	if len(charges) == 0 {
		return nil
	}
	_, kinds, keys := inOrder(charges)
	_, err = s.pool.Exec(ctx, sql, kinds, keys, at)
	return err
}

// PurgeThrottles deletes the slates that have been wiped by time and says how
// many those were.
func (s *Store) PurgeThrottles(ctx context.Context) (int64, error) {
	// What is being charged at this moment is left alone.
	const sql = `
		DELETE FROM throttles
		WHERE (kind, key) IN (SELECT kind, key FROM throttles WHERE forgotten_at <= $2 LIMIT $1 FOR UPDATE SKIP LOCKED)`
	return s.purge(ctx, "PurgeThrottles", sql, s.time())
}

// inOrder gives charges, each once, in the order in which their rows are held,
// with their columns. Of a key only a hash is kept.
func inOrder(charges []rally.Charge) (sorted []rally.Charge, kinds []string, keys [][]byte) {
	type keyed struct {
		rally.Charge
		hash string
	}
	all := make([]keyed, len(charges))
	for i, c := range charges {
		hash := sha256.Sum256([]byte(c.Kind + "\x00" + c.Key))
		all[i] = keyed{c, string(hash[:])}
	}
	slices.SortFunc(all, func(a, b keyed) int {
		if d := strings.Compare(a.Kind, b.Kind); d != 0 {
			return d
		}
		return strings.Compare(a.hash, b.hash)
	})
	all = slices.CompactFunc(all, func(a, b keyed) bool { return a.Kind == b.Kind && a.hash == b.hash })
	for _, c := range all {
		sorted, kinds, keys = append(sorted, c.Charge), append(kinds, c.Kind), append(keys, []byte(c.hash))
	}
	return sorted, kinds, keys
}
