package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// TakeChallenge accepts a challenge: one to the user, or a link, of whose takers
// the first gets it. Who has accepted it already gets it again, for as long as it
// has led to no match only if they still could accept it.
//
// ECONFLICT "challenge.own" for one's own, "challenge.taken" for a link that
// another was faster to take; ENOTFOUND "challenge.gone" for any other that
// cannot be accepted: it is over, to somebody else, hidden, between people of
// whom one has blocked the other, or, if it is no link, who are no friends any
// more. It publishes ChallengeChanged.
func (s *Store) TakeChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) (c rally.Challenge, err error) {
	ctx, done := s.begin(ctx, "TakeChallenge", &err)
	defer done()
	err = s.withMaker(ctx, id, user, func(tx pgx.Tx, p *pair, row challengeRow) (err error) {
		c = row.challenge()
		switch {
		case c.State == rally.ChallengeAccepted && c.To == user && c.Match != "":
			return nil
		case p.Blocks || p.Blocked || row.Hidden || !c.Link && !p.Friends:
			return noChallenge()
		case c.State == rally.ChallengeAccepted && c.To == user:
			return nil
		case c.State == rally.ChallengeAccepted && c.Link:
			return rally.Errorf(rally.EConflict, "challenge.taken", "challenge taken by %d", c.To)
		case !c.OpenAt(s.time()) || !c.Link && c.To != user:
			return noChallenge()
		}
		c, err = s.acceptChallenge(ctx, tx, p, row)
		return err
	})
	if err != nil {
		return rally.Challenge{}, err
	}
	return c, nil
}

// ReopenChallenge makes a challenge that the user has accepted in vain, for there
// is no match of it, what it was before: open until it expires, and a link one
// for whoever has it. If it could not be accepted any more, as the two are no
// friends or one has blocked the other, it goes. It is no error when the user has
// not accepted it or it has led to a match; ECONFLICT "challenge.own" for one's
// own, ENOTFOUND "challenge.gone" when there is none. It publishes
// ChallengeChanged.
func (s *Store) ReopenChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "ReopenChallenge", &err)
	defer done()
	const reopen = `
		UPDATE challenges SET state = 'open', expires_at = $2, to_user = CASE WHEN link THEN NULL ELSE to_user END
		WHERE id = $1`
	const drop = `DELETE FROM challenges WHERE id = $1`
	return s.withMaker(ctx, id, user, func(tx pgx.Tx, p *pair, row challengeRow) (err error) {
		switch c := row.challenge(); {
		case c.State != rally.ChallengeAccepted || c.To != user || c.Match != "":
			return nil
		case p.Blocks || p.Blocked || !c.Link && !p.Friends:
			_, err = tx.Exec(ctx, drop, string(id))
		default:
			_, err = tx.Exec(ctx, reopen, string(id), c.CreatedAt.Add(challengeLife(c.Link)))
		}
		p.said = append(p.said, challengeChanged(row.challenge(), false))
		return err
	})
}

// withMaker calls do with a challenge of somebody else's, which is held, and so
// are the accounts of the user and of who has made it; what is said in the pair
// is published if all went well. ECONFLICT "challenge.own" for one's own,
// ENOTFOUND "challenge.gone" when there is none.
func (s *Store) withMaker(
	ctx context.Context, id rally.ChallengeID, user rally.UserID, do func(tx pgx.Tx, p *pair, row challengeRow) error,
) error {
	const whose = `SELECT from_user FROM challenges WHERE id = $1`
	if !id.Valid() {
		return noChallenge()
	}
	var p pair
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		var from rally.UserID
		switch err := tx.QueryRow(ctx, whose, string(id)).Scan(&from); {
		case isNoRows(err):
			return noChallenge()
		case err != nil:
			return err
		case from == user:
			return rally.Errorf(rally.EConflict, "challenge.own", "user %d is the maker", user)
		}
		// Both accounts before the challenge, as everywhere.
		var err error
		if p, err = lockPair(ctx, tx, user, from); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, selectChallenge+` WHERE c.id = $1 FOR UPDATE OF c`, string(id))
		row, err := collectChallenge(rows)
		if err != nil {
			return err
		}
		return do(tx, &p, row)
	})
	if err == nil {
		s.publishPair(&p)
	}
	return err
}

// DeclineChallenge declines a challenge to the user. It is no error when it is
// over already; ENOTFOUND "challenge.gone" when there is none to them.
func (s *Store) DeclineChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "DeclineChallenge", &err)
	defer done()
	return s.endChallenge(ctx, id, rally.ChallengeDeclined, func(row challengeRow) (may, over bool) {
		return rally.UserID(row.ToUser) == user && !row.Hidden && !row.Link, row.State != string(rally.ChallengeOpen)
	})
}

// WithdrawChallenge takes the user's own challenge back, also one that was
// accepted and has led to no match. It is no error when it is over already, or
// has led to one; ENOTFOUND "challenge.gone" when it is not theirs.
func (s *Store) WithdrawChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) (err error) {
	ctx, done := s.begin(ctx, "WithdrawChallenge", &err)
	defer done()
	return s.endChallenge(ctx, id, rally.ChallengeWithdrawn, func(row challengeRow) (may, over bool) {
		pending := row.State == string(rally.ChallengeOpen) || row.State == string(rally.ChallengeAccepted) && row.MatchID == ""
		return rally.UserID(row.ID) == user, !pending
	})
}

// endChallenge gives a challenge its last state if somebody may do so, which ask
// says, unless it is over.
func (s *Store) endChallenge(
	ctx context.Context, id rally.ChallengeID, state rally.ChallengeState, ask func(challengeRow) (may, over bool),
) error {
	const end = `UPDATE challenges SET state = $2 WHERE id = $1`
	if !id.Valid() {
		return noChallenge()
	}
	var p pair
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, selectChallenge+` WHERE c.id = $1 FOR UPDATE OF c`, string(id))
		row, err := collectChallenge(rows)
		if err != nil {
			return err
		}
		switch may, over := ask(row); {
		case !may:
			return noChallenge()
		case over:
			return nil
		}
		if _, err := tx.Exec(ctx, end, string(id), string(state)); err != nil {
			return err
		}
		c := row.challenge()
		p.me, p.other = c.From.ID, c.To
		p.said = append(p.said, challengeChanged(c, row.Hidden))
		return dropNotices(ctx, tx, &p, c.To, rally.NoticeChallenged)
	})
	if err == nil {
		s.publishPair(&p)
	}
	return err
}

// SetChallengeMatch says which match an accepted challenge has led to; saying
// the same again is no error. ECONFLICT "challenge.gone" when it has led to
// another; ENOTFOUND "challenge.gone" when it was not accepted. It publishes
// ChallengeChanged.
func (s *Store) SetChallengeMatch(ctx context.Context, id rally.ChallengeID, match rally.MatchID) (err error) {
	ctx, done := s.begin(ctx, "SetChallengeMatch", &err)
	defer done()
	const set = `UPDATE challenges SET match_id = $2 WHERE id = $1 AND state = 'accepted' AND match_id IN ('', $2)`
	if !id.Valid() || !match.Valid() {
		return noChallenge()
	}
	tag, err := s.pool.Exec(ctx, set, string(id), string(match))
	if err != nil {
		return err
	}
	rows, _ := s.pool.Query(ctx, selectChallenge+` WHERE c.id = $1 AND c.state = 'accepted'`, string(id))
	row, err := collectChallenge(rows)
	if err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return rally.Errorf(rally.EConflict, "challenge.gone", "challenge has led to %s", row.MatchID)
	}
	s.publish(challengeChanged(row.challenge(), false))
	return nil
}

// FindChallenge gives a challenge of the viewer's or to them, or a link of
// anybody's; ENOTFOUND "challenge.gone" for any other, and for a link between
// people of whom one has blocked the other.
func (s *Store) FindChallenge(ctx context.Context, id rally.ChallengeID, viewer rally.UserID) (_ rally.Challenge, err error) {
	ctx, done := s.begin(ctx, "FindChallenge", &err)
	defer done()
	const sql = selectChallenge + `
		WHERE c.id = $1
		  AND (c.from_user = $2
		       OR (c.to_user = $2 AND NOT c.hidden OR c.link)
		          AND NOT EXISTS (SELECT FROM blocks WHERE (blocker, blocked) IN ((c.from_user, $2), ($2, c.from_user))))`
	if !id.Valid() {
		return rally.Challenge{}, noChallenge()
	}
	rows, _ := s.pool.Query(ctx, sql, string(id), int64(viewer))
	row, err := collectChallenge(rows)
	return row.challenge(), err
}

// ListChallenges gives the challenges that can be accepted, of a user's and to
// them, newest first.
func (s *Store) ListChallenges(ctx context.Context, user rally.UserID) (_ []rally.Challenge, err error) {
	ctx, done := s.begin(ctx, "ListChallenges", &err)
	defer done()
	const sql = selectChallenge + `
		WHERE (c.from_user = $1 OR c.to_user = $1 AND NOT c.hidden) AND c.state = 'open' AND c.expires_at > $2
		ORDER BY c.created_at DESC, c.id
		LIMIT $3`
	rows, _ := s.pool.Query(ctx, sql, int64(user), s.time(), challengesListed)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[challengeRow])
	if err != nil {
		return nil, err
	}
	challenges := make([]rally.Challenge, len(found))
	for i, row := range found {
		challenges[i] = row.challenge()
	}
	return challenges, nil
}

// challengesKept is how long a challenge is kept after it could have been
// accepted.
const challengesKept = 24 * time.Hour

// PurgeChallenges deletes the challenges that have expired a day ago and says
// how many those were.
func (s *Store) PurgeChallenges(ctx context.Context) (total int64, err error) {
	const sql = `
		DELETE FROM challenges
		WHERE id IN (SELECT id FROM challenges WHERE expires_at <= $2 LIMIT $1 FOR UPDATE SKIP LOCKED)`
	return s.purge(ctx, "PurgeChallenges", sql, s.time().Add(-challengesKept))
}
