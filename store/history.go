package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rally"
)

// listMax is the most matches that ListMatches gives at once.
const listMax = 100

// selectMatch begins every query for matches: a match with both its players.
// A rating that was not set is an empty array.
const selectMatch = `
	SELECT m.id, m.kind, m.points, m.outcome, m.winner, m.started_at, m.finished_at,
	       m.ticks, m.hash, m.seed, m.rules,
	       coalesce(l.user_id, 0) AS left_user, coalesce(lu.name, '') AS left_name,
	       l.bot AS left_bot, l.score AS left_score,
	       array_remove(ARRAY[l.rating_before, l.deviation_before, l.volatility_before], NULL) AS left_before,
	       array_remove(ARRAY[l.rating_after, l.deviation_after, l.volatility_after], NULL) AS left_after,
	       coalesce(r.user_id, 0) AS right_user, coalesce(ru.name, '') AS right_name,
	       r.bot AS right_bot, r.score AS right_score,
	       array_remove(ARRAY[r.rating_before, r.deviation_before, r.volatility_before], NULL) AS right_before,
	       array_remove(ARRAY[r.rating_after, r.deviation_after, r.volatility_after], NULL) AS right_after
	FROM matches m
	JOIN match_players l ON l.match_id = m.id AND l.side = 0
	JOIN match_players r ON r.match_id = m.id AND r.side = 1
	LEFT JOIN users lu ON lu.id = l.user_id
	LEFT JOIN users ru ON ru.id = r.user_id`

// listMatches gives a page of somebody's matches, those before a place in it.
const listMatches = selectMatch + `
	JOIN match_players me ON me.match_id = m.id
	WHERE me.user_id = $1 AND NOT me.practice AND (me.finished_at, me.match_id) < ($2, $3)
	ORDER BY me.finished_at DESC, me.match_id DESC
	LIMIT $4`

// matchRow is a row of selectMatch.
type matchRow struct {
	ID                      string
	Kind                    string
	Points                  int
	Outcome                 string
	Winner                  int16
	StartedAt, FinishedAt   time.Time
	Ticks, Hash, Seed       int64
	Rules                   []byte
	LeftUser, RightUser     int64
	LeftName, RightName     string
	LeftBot, RightBot       int16
	LeftScore, RightScore   int
	LeftBefore, RightBefore []float64
	LeftAfter, RightAfter   []float64
}

// match gives the row as everybody else sees it.
func (r matchRow) match() rally.Match {
	return rally.Match{
		ID: rally.MatchID(r.ID), Kind: rally.MatchKind(r.Kind), Points: r.Points,
		Players: [2]rally.Player{
			{
				User: rally.UserID(r.LeftUser), Name: r.LeftName, Bot: rally.BotLevel(r.LeftBot), Score: r.LeftScore,
				Before: ratingOf(r.LeftBefore), After: ratingOf(r.LeftAfter),
			},
			{
				User: rally.UserID(r.RightUser), Name: r.RightName, Bot: rally.BotLevel(r.RightBot), Score: r.RightScore,
				Before: ratingOf(r.RightBefore), After: ratingOf(r.RightAfter),
			},
		},
		Outcome: rally.Outcome(r.Outcome), Winner: rally.Side(r.Winner),
		StartedAt: r.StartedAt.UTC(), FinishedAt: r.FinishedAt.UTC(),
		Ticks: r.Ticks, Hash: uint64(r.Hash), Seed: uint64(r.Seed), Rules: r.Rules,
	}
}

// ratingOf gives the rating in three columns, or none.
func ratingOf(columns []float64) rally.Rating {
	if len(columns) != 3 {
		return rally.Rating{}
	}
	return rally.Rating{Value: columns[0], Deviation: columns[1], Volatility: columns[2]}
}

// FindMatch gives a finished match with its players' present names, without
// its recording; ENOTFOUND "error.match_gone" when there is none.
func (s *Store) FindMatch(ctx context.Context, id rally.MatchID) (_ rally.Match, err error) {
	ctx, done := s.begin(ctx, "FindMatch", &err)
	defer done()
	if !id.Valid() {
		return rally.Match{}, noMatch(id)
	}
	rows, _ := s.pool.Query(ctx, selectMatch+" WHERE m.id = $1", string(id))
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[matchRow])
	if isNoRows(err) {
		return rally.Match{}, noMatch(id)
	}
	return row.match(), err
}

// FindRecording gives the inputs of a finished match as they were recorded;
// ENOTFOUND "error.match_gone" when none were.
func (s *Store) FindRecording(ctx context.Context, id rally.MatchID) (recording []byte, err error) {
	ctx, done := s.begin(ctx, "FindRecording", &err)
	defer done()
	const sql = `SELECT bytes FROM recordings WHERE match_id = $1`
	if !id.Valid() {
		return nil, noMatch(id)
	}
	err = s.pool.QueryRow(ctx, sql, string(id)).Scan(&recording)
	if isNoRows(err) {
		return nil, noMatch(id)
	}
	return recording, err
}

// ListMatches gives a user's finished matches, practice left out, newest first.
// before is "" for the newest, or what an earlier call gave as older, for those
// after these; older is "" on the last page. limit is from 1 to 100. EInvalid
// for a before that no call gave.
func (s *Store) ListMatches(
	ctx context.Context, user rally.UserID, before string, limit int,
) (matches []rally.Match, older string, err error) {
	ctx, done := s.begin(ctx, "ListMatches", &err)
	defer done()
	at, id, err := parseCursor(before)
	if err != nil {
		return nil, "", err
	}
	limit = min(max(limit, 1), listMax)
	// One more than asked for tells whether there are older ones.
	rows, _ := s.pool.Query(ctx, listMatches, int64(user), at, id, limit+1)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[matchRow])
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		older = cursor(found[limit-1])
	}
	matches = make([]rally.Match, len(found))
	for i, row := range found {
		matches[i] = row.match()
	}
	return matches, older, nil
}

// cursor gives the place of a row in a list, fit for a URL.
func cursor(r matchRow) string {
	return strconv.FormatInt(r.FinishedAt.UnixMicro(), 10) + "-" + r.ID
}

// parseCursor gives the place that cursor wrote; for "", the place before all.
func parseCursor(s string) (at pgtype.Timestamptz, id string, err error) {
	if s == "" {
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}, "", nil
	}
	micros, id, _ := strings.Cut(s, "-")
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || n < 0 || n > maxCursor || !rally.MatchID(id).Valid() {
		return at, "", rally.Errorf(rally.EInvalid, "error.invalid", "no place in a list: %.60q", s)
	}
	return pgtype.Timestamptz{Time: time.UnixMicro(n), Valid: true}, id, nil
}

// maxCursor is the last moment of the year 9999, in microseconds.
const maxCursor = 253402300799999999

// noMatch is the error for a match that is not there.
func noMatch(id rally.MatchID) error {
	return rally.Errorf(rally.ENotFound, "error.match_gone", "no match %.20q", string(id))
}
