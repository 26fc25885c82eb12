package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rally"
)

// KeepMatch stores a finished match: result, recording and, when it was rated
// and has a winner, both players' ratings and records. It is all one
// transaction, and a match that is stored already is left as it is, so a
// failed KeepMatch may be repeated until it succeeds. EInvalid for what can
// never be stored. Each success publishes MatchStored.
//
// Ratings change from what they are in the database at that moment, which is
// then what the match keeps as the rating before it. Users whose account is
// gone stay nameless, and change nobody's rating.
func (s *Store) KeepMatch(ctx context.Context, m rally.Match) (err error) {
	ctx, done := s.begin(ctx, "KeepMatch", &err)
	defer done()
	if err := checkMatch(m); err != nil {
		return err
	}
	m.FinishedAt = m.FinishedAt.UTC().Truncate(time.Microsecond)
	if m.StartedAt.IsZero() || m.StartedAt.After(m.FinishedAt) {
		// It never began; or the wall clock was set back.
		m.StartedAt = m.FinishedAt
	}
	if err := s.inTx(ctx, func(tx pgx.Tx) error { return keepMatch(ctx, tx, m) }); err != nil {
		return err
	}
	event := rally.Event{Kind: rally.MatchStored, Match: m.ID}
	for _, p := range m.Players {
		if p.User != 0 {
			event.Users = append(event.Users, p.User)
		}
	}
	s.publish(event)
	return nil
}

// checkMatch refuses what the tables would.
func checkMatch(m rally.Match) error {
	decided := m.Outcome == rally.Won || m.Outcome == rally.Forfeited
	var wrong string
	switch {
	case !m.ID.Valid():
		wrong = "id"
	case m.Kind != rally.Rated && m.Kind != rally.Casual && m.Kind != rally.Practice:
		wrong = "kind"
	case m.Points < 1 || m.Points > 255:
		wrong = "points"
	case !decided && m.Outcome != rally.NoShow && m.Outcome != rally.Abandoned && m.Outcome != rally.Interrupted:
		wrong = "outcome"
	case decided != (m.Winner == rally.Left || m.Winner == rally.Right), !decided && m.Winner != rally.NoSide:
		wrong = "winner"
	case m.FinishedAt.IsZero():
		wrong = "time"
	case m.Ticks < 0:
		wrong = "ticks"
	case m.Players[rally.Left].User != 0 && m.Players[rally.Left].User == m.Players[rally.Right].User:
		wrong = "players"
	}
	for _, p := range m.Players {
		if p.Score < 0 || p.Score > 255 || p.Bot < rally.NoBot || p.Bot > rally.BotHard || (p.Bot != rally.NoBot && p.User != 0) {
			wrong = "player"
		}
	}
	if wrong != "" {
		return rally.Errorf(rally.EInvalid, "error.invalid", "match %q: impossible %s", m.ID, wrong)
	}
	return nil
}

// ratedUser is what of a user a match may change.
type ratedUser struct {
	ID         int64
	Rating     float64
	Deviation  float64
	Volatility float64
}

// keepMatch writes m, unless it is there.
//
// Its users are locked first, in the order of their ids: two matches of the
// same people then wait for each other instead of each for the other's half.
// The lock is not one that the foreign keys' own locks would have to wait for.
func keepMatch(ctx context.Context, tx pgx.Tx, m rally.Match) error {
	const lockUsers = `
		SELECT id, rating, deviation, volatility
		FROM users
		WHERE id IN ($1, $2)
		ORDER BY id
		FOR NO KEY UPDATE`
	const insertMatch = `
		INSERT INTO matches (id, kind, points, outcome, winner, started_at, finished_at, ticks, hash, seed, rules)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO NOTHING`

	users := make(map[rally.UserID]rally.Rating, 2)
	isNew := false
	var first pgx.Batch
	first.Queue(lockUsers, int64(m.Players[rally.Left].User), int64(m.Players[rally.Right].User)).Query(func(rows pgx.Rows) error {
		locked, err := pgx.CollectRows(rows, pgx.RowToStructByName[ratedUser])
		for _, u := range locked {
			users[rally.UserID(u.ID)] = rally.Rating{Value: u.Rating, Deviation: u.Deviation, Volatility: u.Volatility}
		}
		return err
	})
	first.Queue(insertMatch, string(m.ID), string(m.Kind), m.Points, string(m.Outcome), int16(m.Winner),
		m.StartedAt, m.FinishedAt, m.Ticks, int64(m.Hash), int64(m.Seed), notNil(m.Rules)).Exec(func(tag pgconn.CommandTag) error {
		isNew = tag.RowsAffected() == 1
		return nil
	})
	if err := tx.SendBatch(ctx, &first).Close(); err != nil {
		return fmt.Errorf("match: %w", err)
	}
	if !isNew {
		return nil
	}

	rate(&m, users)
	var rest pgx.Batch
	for side, p := range m.Players {
		queuePlayer(&rest, m, rally.Side(side), users)
		if !p.After.Zero() {
			queueRating(&rest, p, m.Winner == rally.Side(side))
		}
	}
	if len(m.Recording) > 0 {
		rest.Queue(`INSERT INTO recordings (match_id, bytes) VALUES ($1, $2)`, string(m.ID), m.Recording)
	}
	if err := tx.SendBatch(ctx, &rest).Close(); err != nil {
		return fmt.Errorf("players: %w", err)
	}
	return nil
}

// rate sets the players' ratings before and after a match that changes them,
// from what they are now.
func rate(m *rally.Match, now map[rally.UserID]rally.Rating) {
	for side := range m.Players {
		m.Players[side].After = rally.Rating{}
	}
	l, r := &m.Players[rally.Left], &m.Players[rally.Right]
	left, leftHere := now[l.User]
	right, rightHere := now[r.User]
	if m.Kind != rally.Rated || m.Winner == rally.NoSide || !leftHere || !rightHere {
		return
	}
	score := 0.0 // of the left side
	if m.Winner == rally.Left {
		score = 1
	}
	l.Before, l.After = left, left.After(right, score)
	r.Before, r.After = right, right.After(left, 1-score)
}

// queuePlayer queues the row of one end of the court.
func queuePlayer(b *pgx.Batch, m rally.Match, side rally.Side, users map[rally.UserID]rally.Rating) {
	const sql = `
		INSERT INTO match_players (match_id, side, practice, finished_at, user_id, bot, score,
		                           rating_before, deviation_before, volatility_before,
		                           rating_after, deviation_after, volatility_after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	p := m.Players[side]
	var user *int64
	if _, here := users[p.User]; here {
		user = new(int64(p.User))
	}
	before, after := ratingColumns(p.Before), ratingColumns(p.After)
	b.Queue(sql, string(m.ID), int16(side), m.Kind == rally.Practice, m.FinishedAt, user, int16(p.Bot), p.Score,
		before[0], before[1], before[2], after[0], after[1], after[2])
}

// queueRating queues what a match changes of a player's account.
func queueRating(b *pgx.Batch, p rally.Player, won bool) {
	const sql = `
		UPDATE users
		SET rating = $2, deviation = $3, volatility = $4, wins = wins + $5, losses = losses + $6
		WHERE id = $1`
	wins, losses := 0, 1
	if won {
		wins, losses = 1, 0
	}
	b.Queue(sql, int64(p.User), p.After.Value, p.After.Deviation, p.After.Volatility, wins, losses)
}

// ratingColumns gives a rating as its three columns; NULLs when it was not set.
func ratingColumns(r rally.Rating) (columns [3]*float64) {
	if !r.Zero() {
		columns = [3]*float64{&r.Value, &r.Deviation, &r.Volatility}
	}
	return columns
}

// notNil gives b, or no bytes for nil, which would be NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
