package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// challengesListed is the most challenges that ListChallenges gives.
const challengesListed = 100

// selectChallenge begins every query for challenges, named c.
const selectChallenge = `
	SELECT ` + publicColumns + `, c.id AS challenge_id, coalesce(c.to_user, 0) AS to_user, c.link, c.points, c.rated,
	       c.created_at AS made_at, c.expires_at, c.state, c.match_id, c.hidden
	FROM challenges c
	JOIN users u ON u.id = c.from_user`

// challengeRow is a challenge, with what everybody may see of who made it.
type challengeRow struct {
	publicRow
	ChallengeID string
	ToUser      int64
	Link        bool
	Points      int
	Rated       bool
	MadeAt      time.Time
	ExpiresAt   time.Time
	State       string
	MatchID     string
	Hidden      bool
}

// challenge gives the row as everybody else sees it.
func (r challengeRow) challenge() rally.Challenge {
	return rally.Challenge{
		ID: rally.ChallengeID(r.ChallengeID), From: r.user(), To: rally.UserID(r.ToUser), Link: r.Link,
		Points: r.Points, Rated: r.Rated, CreatedAt: r.MadeAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		State: rally.ChallengeState(r.State), Match: rally.MatchID(r.MatchID),
	}
}

// collectChallenge gives the one challenge of a query; no row is ENOTFOUND.
func collectChallenge(rows pgx.Rows) (challengeRow, error) {
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[challengeRow])
	if isNoRows(err) {
		err = noChallenge()
	}
	return row, err
}

// noChallenge is the error for a challenge that is not there, is over, or is
// none of somebody's business.
func noChallenge() error {
	return rally.Errorf(rally.ENotFound, "challenge.gone", "no such challenge")
}

// challengeChanged is the event that says so to those of the two who know of it.
func challengeChanged(c rally.Challenge, hidden bool) rally.Event {
	users := []rally.UserID{c.From.ID}
	if c.To != 0 && !hidden {
		users = append(users, c.To)
	}
	return rally.Event{Kind: rally.ChallengeChanged, Users: users, Challenge: c.ID}
}

// CreateChallenge challenges somebody, or with to 0 whoever has the link, to a
// match of so many points. Who has challenged the other already with the same
// rules gets that challenge again, with others it takes its place. When the
// other has challenged them, that challenge is accepted, which crossed says. When
// one of two friends has just accepted one of the other's, and its match is about
// to begin, that is the one; crossed says that it was them.
//
// Only friends see it. To anybody else, one who has blocked the challenger say,
// it looks as to a friend who is away: it expires. ECONFLICT
// "friends.unblock_first" when the challenger has blocked the other,
// "challenge.too_many" with ChallengesMax open ones; EINVALID for impossible
// points, or "friends.self" for oneself; ENOTFOUND when there is no such
// account. It publishes ChallengeChanged, and Noticed for who is challenged.
func (s *Store) CreateChallenge(
	ctx context.Context, from, to rally.UserID, points int, rated bool,
) (c rally.Challenge, crossed bool, err error) {
	ctx, done := s.begin(ctx, "CreateChallenge", &err)
	defer done()
	if points < 1 || points > 255 {
		return c, false, rally.Errorf(rally.EInvalid, "error.invalid", "a match of %d points", points)
	}
	var p pair
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		if to == 0 {
			if _, err := lockUser(ctx, tx, from); err != nil {
				return err
			}
			c, err = s.insertChallenge(ctx, tx, from, 0, points, rated, false)
			p.said = append(p.said, challengeChanged(c, false))
			return err
		}
		if p, err = lockPair(ctx, tx, from, to); err != nil {
			return err
		}
		c, crossed, err = s.challengePair(ctx, tx, &p, points, rated)
		return err
	})
	if err != nil {
		return rally.Challenge{}, false, err
	}
	s.publishPair(&p)
	return c, crossed, nil
}

// challengePair is CreateChallenge between two people.
func (s *Store) challengePair(
	ctx context.Context, tx pgx.Tx, p *pair, points int, rated bool,
) (c rally.Challenge, crossed bool, err error) {
	const open = selectChallenge + `
		WHERE c.from_user = $1 AND c.to_user = $2 AND c.state = 'open' AND c.expires_at > $3
		FOR UPDATE OF c`
	const begun = selectChallenge + `
		WHERE (c.from_user, c.to_user) IN (($1, $2), ($2, $1))
		  AND c.state = 'accepted' AND c.match_id = '' AND c.expires_at > $3
		ORDER BY c.created_at DESC
		LIMIT 1`
	const sweep = `DELETE FROM challenges WHERE from_user = $1 AND to_user = $2 AND state = 'open' AND expires_at <= $3`
	if p.Blocks {
		return c, false, rally.Errorf(rally.EConflict, "friends.unblock_first", "user %d blocks %d", p.me, p.other)
	}
	if p.Friends {
		rows, _ := tx.Query(ctx, begun, int64(p.me), int64(p.other), s.time())
		switch row, err := collectChallenge(rows); {
		case err == nil:
			return row.challenge(), rally.UserID(row.ToUser) == p.me, nil
		case rally.ErrorCode(err) != rally.ENotFound:
			return c, false, err
		}
	}
	rows, _ := tx.Query(ctx, open, int64(p.other), int64(p.me), s.time())
	theirs, err := collectChallenge(rows)
	if err == nil && !theirs.Hidden {
		c, err = s.acceptChallenge(ctx, tx, p, theirs)
		return c, true, err
	}
	if err != nil && rally.ErrorCode(err) != rally.ENotFound {
		return c, false, err
	}

	hidden := !p.Friends
	rows, _ = tx.Query(ctx, open, int64(p.me), int64(p.other), s.time())
	switch mine, err := collectChallenge(rows); {
	case err == nil && mine.Points == points && mine.Rated == rated && mine.Hidden == hidden:
		return mine.challenge(), false, nil
	case err == nil:
		if err := deleteChallenges(ctx, tx, p, p.me, p.other); err != nil {
			return c, false, err
		}
	case rally.ErrorCode(err) != rally.ENotFound:
		return c, false, err
	}
	if _, err := tx.Exec(ctx, sweep, int64(p.me), int64(p.other), s.time()); err != nil {
		return c, false, err
	}
	if c, err = s.insertChallenge(ctx, tx, p.me, p.other, points, rated, hidden); err != nil {
		return c, false, err
	}
	p.said = append(p.said, challengeChanged(c, hidden))
	if hidden {
		return c, false, nil
	}
	return c, false, s.notice(ctx, tx, p, p.other, rally.Notice{Kind: rally.NoticeChallenged, Challenge: c.ID})
}

// insertChallenge writes a new challenge of somebody whose account is held.
func (s *Store) insertChallenge(
	ctx context.Context, tx pgx.Tx, from, to rally.UserID, points int, rated, hidden bool,
) (c rally.Challenge, err error) {
	const count = `SELECT count(*) FROM challenges WHERE from_user = $1 AND state = 'open' AND expires_at > $2`
	const insert = `
		INSERT INTO challenges (id, from_user, to_user, link, points, rated, created_at, expires_at, hidden)
		VALUES ($1, $2, nullif($3::bigint, 0), $3 = 0, $4, $5, $6, $7, $8)`
	now := s.time()
	var n int
	if err := tx.QueryRow(ctx, count, int64(from), now).Scan(&n); err != nil {
		return c, err
	}
	if n >= rally.ChallengesMax {
		return c, rally.Errorf(rally.EConflict, "challenge.too_many", "user %d has %d", from, n)
	}
	id := rally.NewChallengeID()
	if _, err := tx.Exec(ctx, insert, string(id), int64(from), int64(to), points, rated, now, now.Add(challengeLife(to == 0)), hidden); err != nil {
		return c, err
	}
	rows, _ := tx.Query(ctx, selectChallenge+` WHERE c.id = $1`, string(id))
	row, err := collectChallenge(rows)
	return row.challenge(), err
}

// challengeLife is how long a challenge can be accepted at first.
func challengeLife(link bool) time.Duration {
	if link {
		return rally.ChallengeLinkLife
	}
	return rally.ChallengeLife
}

// acceptChallenge makes a challenge to p.me, or a link, an accepted one of theirs.
func (s *Store) acceptChallenge(ctx context.Context, tx pgx.Tx, p *pair, row challengeRow) (c rally.Challenge, err error) {
	const sql = `UPDATE challenges SET state = 'accepted', to_user = $2, expires_at = $3 WHERE id = $1`
	row.State, row.ToUser, row.ExpiresAt = string(rally.ChallengeAccepted), int64(p.me), s.time().Add(rally.ChallengeTryLife)
	if _, err := tx.Exec(ctx, sql, row.ChallengeID, row.ToUser, row.ExpiresAt); err != nil {
		return c, err
	}
	c = row.challenge()
	p.said = append(p.said, challengeChanged(c, false))
	return c, dropNotices(ctx, tx, p, p.me, rally.NoticeChallenged)
}

// deleteChallenges takes away the open challenge of one of a pair to the other.
func deleteChallenges(ctx context.Context, tx pgx.Tx, p *pair, from, to rally.UserID) error {
	const sql = `DELETE FROM challenges WHERE from_user = $1 AND to_user = $2 AND state = 'open' RETURNING id, hidden`
	rows, _ := tx.Query(ctx, sql, int64(from), int64(to))
	c := rally.Challenge{From: rally.User{ID: from}, To: to}
	var hidden bool
	_, err := pgx.ForEachRow(rows, []any{&c.ID, &hidden}, func() error {
		p.said = append(p.said, challengeChanged(c, hidden))
		return nil
	})
	if err != nil {
		return err
	}
	return dropNotices(ctx, tx, p, to, rally.NoticeChallenged)
}

// withdrawAll takes back all challenges that somebody has open, and gives the
// events that say so. Their account must be held.
func (s *Store) withdrawAll(ctx context.Context, tx pgx.Tx, user rally.UserID) (said []rally.Event, err error) {
	const withdraw = `
		UPDATE challenges SET state = 'withdrawn'
		WHERE from_user = $1 AND state = 'open' AND expires_at > $2
		RETURNING id, coalesce(to_user, 0), hidden`
	// In order of their ids, as MarkRead takes them.
	const drop = `
		DELETE FROM notices
		WHERE id IN (SELECT id FROM notices
		             WHERE from_user = $1 AND kind = 'challenged' AND challenge_id = ANY($2)
		             ORDER BY id
		             FOR UPDATE)
		RETURNING user_id`
	c := rally.Challenge{From: rally.User{ID: user}}
	var hidden bool
	var ids []string
	rows, _ := tx.Query(ctx, withdraw, int64(user), s.time())
	if _, err := pgx.ForEachRow(rows, []any{&c.ID, &c.To, &hidden}, func() error {
		ids, said = append(ids, string(c.ID)), append(said, challengeChanged(c, hidden))
		return nil
	}); err != nil {
		return nil, err
	}
	var told rally.UserID
	rows, _ = tx.Query(ctx, drop, int64(user), ids)
	_, err = pgx.ForEachRow(rows, []any{&told}, func() error {
		said = append(said, rally.Event{Kind: rally.Noticed, Users: []rally.UserID{told}})
		return nil
	})
	return said, err
}
