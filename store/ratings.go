package store

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// onBoard says that user u is on the leaderboard.
const onBoard = `u.wins + u.losses > 0 AND u.delete_at IS NULL`

// rankedRow is a row of the leaderboard.
type rankedRow struct {
	publicRow
	Rank int
}

// ranked gives the row as everybody else sees it.
func (r rankedRow) ranked() rally.Ranked { return rally.Ranked{Rank: r.Rank, User: r.user()} }

// place gives the row's place in the list.
func (r rankedRow) place() bookmark {
	return bookmark{rank: int64(math.Float64bits(r.Rating)), key: strconv.FormatInt(r.ID, 10)}
}

// collectRanked gives the people of a query for rankedRows.
func collectRanked(rows pgx.Rows) ([]rankedRow, error) {
	return pgx.CollectRows(rows, pgx.RowToStructByName[rankedRow])
}

// Leaderboard gives those who have finished a rated match, the best rating
// first, provisional ones among them; whose account is to be deleted is left
// out. Pages are as ListFriends has them; somebody whose rating changes
// meanwhile may be on two of them, or on none.
func (s *Store) Leaderboard(
	ctx context.Context, cursor string, limit int,
) (people []rally.Ranked, next string, err error) {
	ctx, done := s.begin(ctx, "Leaderboard", &err)
	defer done()
	const sql = `
		SELECT ` + publicColumns + `,
		       row_number() OVER (ORDER BY u.rating DESC, u.id)
		       + (SELECT count(*) FROM users u
		          WHERE ` + onBoard + ` AND (u.rating > $1 OR u.rating = $1 AND u.id <= $2)) AS rank
		FROM users u
		WHERE ` + onBoard + ` AND u.rating <= $1 AND (u.rating < $1 OR u.id > $2)
		ORDER BY u.rating DESC, u.id
		LIMIT $3`
	after, err := parseBookmark(cursor, bookmark{rank: int64(math.Float64bits(math.Inf(1))), key: "0"})
	if err != nil {
		return nil, "", err
	}
	rating := math.Float64frombits(uint64(after.rank))
	id, err := strconv.ParseInt(after.key, 10, 64)
	if err != nil || math.IsNaN(rating) {
		return nil, "", rally.Errorf(rally.EInvalid, "error.invalid", "no place on the leaderboard: %.60q", cursor)
	}
	limit = min(max(limit, 1), peopleMax)
	// One more than asked for tells whether there are more.
	rows, _ := s.pool.Query(ctx, sql, rating, id, limit+1)
	found, err := collectRanked(rows)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].place().String()
	}
	people = make([]rally.Ranked, len(found))
	for i, row := range found {
		people[i] = row.ranked()
	}
	return people, next, nil
}

// Rank gives somebody's rank on the leaderboard; 0 when they are not on it.
func (s *Store) Rank(ctx context.Context, user rally.UserID) (rank int, err error) {
	ctx, done := s.begin(ctx, "Rank", &err)
	defer done()
	const sql = `
		SELECT (SELECT count(*) FROM users u
		        WHERE ` + onBoard + ` AND (u.rating > me.rating OR u.rating = me.rating AND u.id <= me.id))
		FROM (SELECT * FROM users u WHERE u.id = $1 AND ` + onBoard + `) me`
	err = s.pool.QueryRow(ctx, sql, int64(user)).Scan(&rank)
	if isNoRows(err) {
		return 0, nil
	}
	return rank, err
}

// LeaderboardAround gives somebody's place on the leaderboard with up to around
// people before it and after it, in order. ENOTFOUND "error.not_found" when they
// are not on it.
func (s *Store) LeaderboardAround(ctx context.Context, user rally.UserID, around int) (people []rally.Ranked, err error) {
	ctx, done := s.begin(ctx, "LeaderboardAround", &err)
	defer done()
	const sql = `
		WITH me AS (SELECT u.id, u.rating FROM users u WHERE u.id = $1 AND ` + onBoard + `),
		above AS (
		    SELECT ` + publicColumns + `
		    FROM users u
		    WHERE ` + onBoard + ` AND u.rating >= (SELECT rating FROM me)
		      AND (u.rating > (SELECT rating FROM me) OR u.id <= (SELECT id FROM me))
		    ORDER BY u.rating, u.id DESC
		    LIMIT $2 + 1),
		below AS (
		    SELECT ` + publicColumns + `
		    FROM users u
		    WHERE ` + onBoard + ` AND u.rating <= (SELECT rating FROM me)
		      AND (u.rating < (SELECT rating FROM me) OR u.id > (SELECT id FROM me))
		    ORDER BY u.rating DESC, u.id
		    LIMIT $2),
		mine AS (
		    SELECT count(*) AS rank
		    FROM me, users u
		    WHERE ` + onBoard + ` AND (u.rating > me.rating OR u.rating = me.rating AND u.id <= me.id))
		SELECT l.*, row_number() OVER (ORDER BY l.rating DESC, l.id) + mine.rank - (SELECT count(*) FROM above) AS rank
		FROM (SELECT * FROM above UNION ALL SELECT * FROM below) l, mine
		ORDER BY l.rating DESC, l.id`
	rows, _ := s.pool.Query(ctx, sql, int64(user), min(max(around, 0), peopleMax))
	found, err := collectRanked(rows)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, rally.Errorf(rally.ENotFound, "error.not_found", "user %d has no rank", user)
	}
	people = make([]rally.Ranked, len(found))
	for i, row := range found {
		people[i] = row.ranked()
	}
	return people, nil
}

// ratingPoints is the most points that RatingHistory gives.
const ratingPoints = 200

// ratingRow is a rating that a match left.
type ratingRow struct {
	At                            time.Time
	Rating, Deviation, Volatility float64
}

// RatingHistory gives the ratings that somebody's rated matches have left them
// with, the oldest first. Of more than 200 it gives the first and the last, the
// highest and the lowest that were not provisional, and others evenly between.
func (s *Store) RatingHistory(ctx context.Context, user rally.UserID) (_ []rally.RatingPoint, err error) {
	ctx, done := s.begin(ctx, "RatingHistory", &err)
	defer done()
	// Of n rows, in as many groups of equal size as there are points less three,
	// the last of each.
	const sql = `
		SELECT finished_at AS at, rating_after AS rating, deviation_after AS deviation, volatility_after AS volatility
		FROM (SELECT finished_at, match_id, rating_after, deviation_after, volatility_after,
		             row_number() OVER (ORDER BY finished_at, match_id) AS i, count(*) OVER () AS n,
		             row_number() OVER (ORDER BY deviation_after > $3, rating_after DESC, finished_at) AS best,
		             row_number() OVER (ORDER BY deviation_after > $3, rating_after, finished_at) AS worst
		      FROM match_players
		      WHERE user_id = $1 AND NOT practice AND rating_after IS NOT NULL) played
		WHERE n <= $2 OR 1 IN (i, best, worst) OR i * ($2 - 3) / n <> (i - 1) * ($2 - 3) / n
		ORDER BY finished_at, match_id`
	rows, _ := s.pool.Query(ctx, sql, int64(user), int64(ratingPoints), float64(rally.ProvisionalAbove))
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[ratingRow])
	if err != nil {
		return nil, err
	}
	points := make([]rally.RatingPoint, len(found))
	for i, row := range found {
		points[i] = rally.RatingPoint{
			At:     row.At.UTC(),
			Rating: rally.Rating{Value: row.Rating, Deviation: row.Deviation, Volatility: row.Volatility},
		}
	}
	return points, nil
}

// Record says how matches between a viewer and somebody else have gone, rated
// or not, from the viewer's side. Those without a winner do not count.
func (s *Store) Record(ctx context.Context, viewer, other rally.UserID) (r rally.Record, err error) {
	ctx, done := s.begin(ctx, "Record", &err)
	defer done()
	const sql = `
		SELECT count(*) FILTER (WHERE m.winner = me.side) AS wins, count(*) FILTER (WHERE m.winner = o.side) AS losses
		FROM match_players me
		JOIN match_players o ON o.match_id = me.match_id AND o.side <> me.side
		JOIN matches m ON m.id = me.match_id
		WHERE me.user_id = $1 AND NOT me.practice AND o.user_id = $2`
	rows, _ := s.pool.Query(ctx, sql, int64(viewer), int64(other))
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[rally.Record])
}
