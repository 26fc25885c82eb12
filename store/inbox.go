package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// inboxRow is what waits for somebody, and one of the challenges to them; its id
// is "" when there is none.
type inboxRow struct {
	Requests    int
	Notices     int
	Messages    int
	Friends     []int64
	ChallengeID string
	FromUser    int64
	FromName    string
	FromAvatar  string
	Points      int
	Rated       bool
	MadeAt      time.Time
	ExpiresAt   time.Time
}

// inboxSQL gives the inboxRows of $1, at most $5 at the time $2. It counts what is
// newer than $3 (notices) or $4 (messages), and no further than $6. Of messages it
// looks for the senders first, from one to the next, so that nothing is read of
// those who are muted or blocked, however much they have said.
const inboxSQL = `
	WITH RECURSIVE sender AS (
	    SELECT 0::bigint AS id
	    UNION ALL
	    SELECT next.from_user
	    FROM sender s
	    CROSS JOIN LATERAL (
	        SELECT from_user FROM messages
	        WHERE to_user = $1 AND from_user > s.id AND NOT read
	        ORDER BY from_user
	        LIMIT 1) next)
	SELECT (SELECT count(*) FROM (
	            SELECT FROM friendships
	            WHERE (low = $1 OR high = $1) AND asked_by <> $1 AND friends_since IS NULL AND NOT hidden
	            LIMIT $6) r) AS requests,
	       (SELECT count(*) FROM (
	            SELECT FROM notices WHERE user_id = $1 AND NOT read AND at > $3 LIMIT $6) n) AS notices,
	       (SELECT count(*) FROM (
	            SELECT
	            FROM sender s
	            CROSS JOIN LATERAL (
	                SELECT FROM messages WHERE to_user = $1 AND from_user = s.id AND NOT read AND at > $4 LIMIT $6) said
	            WHERE s.id NOT IN (SELECT muted FROM mutes WHERE user_id = $1
	                               UNION ALL
	                               SELECT blocked FROM blocks WHERE blocker = $1)
	            LIMIT $6) m) AS messages,
	       ARRAY(` + friendIDs + `) AS friends,
	       coalesce(c.id, '') AS challenge_id, coalesce(u.id, 0) AS from_user, coalesce(u.name, '') AS from_name,
	       coalesce(u.avatar, '') AS from_avatar, coalesce(c.points, 0) AS points, coalesce(c.rated, false) AS rated,
	       coalesce(c.created_at, $2) AS made_at, coalesce(c.expires_at, $2) AS expires_at
	FROM (VALUES (1)) one
	LEFT JOIN (challenges c JOIN users u ON u.id = c.from_user)
	  ON c.to_user = $1 AND NOT c.hidden AND c.state = 'open' AND c.expires_at > $2
	ORDER BY c.created_at DESC, c.id
	LIMIT $5`

// Inbox gives what waits for somebody on whatever page they are, with one
// query. Of who challenges them it knows no more than id, name and picture.
func (s *Store) Inbox(ctx context.Context, user rally.UserID) (in rally.Inbox, err error) {
	ctx, done := s.begin(ctx, "Inbox", &err)
	defer done()
	now := s.time()
	rows, _ := s.pool.Query(ctx, inboxSQL, int64(user), now, now.Add(-noticesKept), now.Add(-messagesKept), challengesListed, rally.InboxMax)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[inboxRow])
	if err != nil {
		return in, err
	}
	first := found[0] // the counts are in every row, and there is always one
	in = rally.Inbox{Requests: first.Requests, Notices: first.Notices, Messages: first.Messages}
	for _, id := range first.Friends {
		in.Friends = append(in.Friends, rally.UserID(id))
	}
	for _, row := range found {
		if row.ChallengeID != "" {
			in.Challenges = append(in.Challenges, row.challenge(user))
		}
	}
	return in, nil
}

// challenge gives the row's challenge to somebody.
func (r inboxRow) challenge(to rally.UserID) rally.Challenge {
	return rally.Challenge{
		ID: rally.ChallengeID(r.ChallengeID), To: to, Points: r.Points, Rated: r.Rated,
		From:      rally.User{ID: rally.UserID(r.FromUser), Name: r.FromName, Avatar: r.FromAvatar},
		CreatedAt: r.MadeAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), State: rally.ChallengeOpen,
	}
}
