package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// benchDomain ends the e-mail addresses of the bench's accounts. It is one that
// nobody can have (RFC 2606).
const benchDomain = "@bench.invalid"

// benchTokens is for how long the bench's sockets may stay open: longer than
// any bench takes. Its tokens themselves open no page for that long.
const benchTokens = time.Hour

// BenchAccount is an account that BenchCreate made, signed in.
type BenchAccount struct {
	User    rally.UserID
	Session rally.SessionID
	// Cookie is the value of SessionCookie that opens Session.
	Cookie string
}

// BenchCreate makes n accounts at once, each with a session of the full stage,
// to put a server under load: they have no password and need none. tag tells
// one bench's accounts from another's; it is 1 to 8 letters or digits. It takes
// some seconds for tens of thousands.
func (s *Store) BenchCreate(ctx context.Context, tag string, n int) (accounts []BenchAccount, err error) {
	caller := ctx
	defer func() { err = explain(caller, "BenchCreate", err) }()
	if err := checkBenchTag(tag); err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		users, err := s.benchUsers(ctx, tx, tag, n)
		if err != nil {
			return fmt.Errorf("users: %w", err)
		}
		accounts, err = s.benchSessions(ctx, tx, users)
		return err
	})
	return accounts, err
}

// BenchCreateLogins makes n accounts at once that sign in with the addresses it
// gives and the password of this hash. They are BenchDelete's to remove.
func (s *Store) BenchCreateLogins(ctx context.Context, tag string, n int, hash string) (addresses []string, err error) {
	caller := ctx
	defer func() { err = explain(caller, "BenchCreateLogins", err) }()
	const sql = `UPDATE users SET password_hash = $2 WHERE id = ANY($1) RETURNING email`
	if err := checkBenchTag(tag); err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		users, err := s.benchUsers(ctx, tx, tag, n)
		if err != nil {
			return fmt.Errorf("users: %w", err)
		}
		rows, _ := tx.Query(ctx, sql, users, hash)
		addresses, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return addresses, err
}

// benchUsers makes the users and gives their ids.
func (s *Store) benchUsers(ctx context.Context, tx pgx.Tx, tag string, n int) ([]int64, error) {
	const sql = `
		INSERT INTO users (name, name_skeleton, name_capitals, email, rating, deviation, volatility, created_at)
		SELECT name, skeleton, capitals, 'bench-' || $1::text || '-' || i || $2::text, $3, $4, $5, $6
		FROM unnest($7::text[], $8::text[], $9::text[]) WITH ORDINALITY AS b (name, skeleton, capitals, i)
		ORDER BY i
		RETURNING id`
	names, skeletons, capitals := make([]string, n), make([]string, n), make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("bench %s %d", tag, i+1)
		skeletons[i], capitals[i] = nameSkeleton(names[i]), nameCapitals(names[i])
	}
	r := rally.NewRating()
	rows, _ := tx.Query(ctx, sql, tag, benchDomain, r.Value, r.Deviation, r.Volatility, s.time(), names, skeletons, capitals)
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// benchSessions opens a session for each of these users.
func (s *Store) benchSessions(ctx context.Context, tx pgx.Tx, users []int64) ([]BenchAccount, error) {
	accounts := make([]BenchAccount, len(users))
	now := s.time()
	columns := []string{"id", "secret_hash", "user_id", "stage", "created_at", "seen_at", "token_until", "user_agent"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"sessions"}, columns,
		pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
			id, secret, hash := newSecret()
			accounts[i] = BenchAccount{User: rally.UserID(users[i]), Session: id, Cookie: string(id) + "." + secret}
			return []any{string(id), hash[:], users[i], rally.StageFull.String(), now, now, now.Add(benchTokens), "rally bench"}, nil
		}))
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return accounts, nil
}

// BenchBefriend makes friends of each of these pairs, which must be accounts of
// the bench, two different ones, and no pair twice. It announces nothing:
// whoever has a page open meanwhile is not told.
func (s *Store) BenchBefriend(ctx context.Context, pairs [][2]rally.UserID) (err error) {
	caller := ctx
	defer func() { err = explain(caller, "BenchBefriend", err) }()
	now := s.time()
	columns := []string{"low", "high", "asked_by", "asked_at", "friends_since"}
	return s.inTx(ctx, func(tx pgx.Tx) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"friendships"}, columns,
			pgx.CopyFromSlice(len(pairs), func(i int) ([]any, error) {
				low, high := min(pairs[i][0], pairs[i][1]), max(pairs[i][0], pairs[i][1])
				return []any{int64(low), int64(high), int64(pairs[i][0]), now, now}, nil
			})); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `ANALYZE friendships`)
		return err
	})
}

// BenchDelete removes the accounts that BenchCreate made with this tag, their
// sessions and friendships, and every match that one of them played. It takes nothing else
// with it, and may be called again.
func (s *Store) BenchDelete(ctx context.Context, tag string) (err error) {
	caller := ctx
	defer func() { err = explain(caller, "BenchDelete", err) }()
	const deleteMatches = `
		DELETE FROM matches
		WHERE id IN (SELECT p.match_id
		             FROM match_players p
		             JOIN users u ON u.id = p.user_id
		             WHERE u.email LIKE $1)`
	const deleteUsers = `DELETE FROM users WHERE email LIKE $1`
	if err := checkBenchTag(tag); err != nil {
		return err
	}
	pattern := "bench-" + tag + "-%" + benchDomain
	return s.inTx(ctx, func(tx pgx.Tx) error {
		if err := unhurried(ctx, tx); err != nil {
			return err
		}
		for _, sql := range []string{deleteMatches, deleteUsers} {
			if _, err := tx.Exec(ctx, sql, pattern); err != nil {
				return err
			}
		}
		return nil
	})
}

// unhurried lifts the time limits of a page's statements from a transaction.
func unhurried(ctx context.Context, tx pgx.Tx) error {
	const sql = `SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true)`
	_, err := tx.Exec(ctx, sql)
	return err
}

// checkBenchTag keeps tags short enough for names and free of what LIKE would
// read as a pattern.
func checkBenchTag(tag string) error {
	plain := strings.Trim(tag, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
	if tag == "" || len(tag) > 8 || !plain {
		return fmt.Errorf("bench tag %q: use 1 to 8 letters or digits", tag)
	}
	return nil
}
