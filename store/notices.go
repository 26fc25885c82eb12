package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	// noticesKept is how long a notice is kept.
	noticesKept = 90 * 24 * time.Hour
	// noticesMax is the most notices that ListNotices gives at once.
	noticesMax = 100
)

// allNotices are all kinds of notices.
var allNotices = []rally.NoticeKind{
	rally.NoticeFriendAsked, rally.NoticeFriendAccepted, rally.NoticeChallenged, rally.NoticeTournamentCall,
}

// insertNotice puts a notice into somebody's list.
const insertNotice = `
	INSERT INTO notices (user_id, kind, from_user, match_id, challenge_id, at)
	VALUES ($1, $2, nullif($3::bigint, 0), $4, $5, $6)`

// notice tells one of a pair something about the other.
func (s *Store) notice(ctx context.Context, tx pgx.Tx, p *pair, user rally.UserID, n rally.Notice) error {
	from := p.me + p.other - user
	p.noticed = append(p.noticed, user)
	_, err := tx.Exec(ctx, insertNotice, int64(user), string(n.Kind), int64(from), string(n.Match), string(n.Challenge), s.time())
	return err
}

// dropNotices takes away what one of a pair was told about the other.
func dropNotices(ctx context.Context, tx pgx.Tx, p *pair, user rally.UserID, kinds ...rally.NoticeKind) error {
	// In order of their ids, as MarkRead takes them.
	const sql = `
		DELETE FROM notices
		WHERE id IN (SELECT id FROM notices
		             WHERE user_id = $1 AND from_user = $2 AND kind = ANY($3)
		             ORDER BY id
		             FOR UPDATE)`
	tag, err := tx.Exec(ctx, sql, int64(user), int64(p.me+p.other-user), kinds)
	if err == nil && tag.RowsAffected() > 0 {
		p.noticed = append(p.noticed, user)
	}
	return err
}

// AddNotice tells somebody something; of n.From only the ID counts, and ID, At
// and Read not at all. It publishes Noticed. ENOTFOUND when there is no such
// account.
func (s *Store) AddNotice(ctx context.Context, user rally.UserID, n rally.Notice) (err error) {
	ctx, done := s.begin(ctx, "AddNotice", &err)
	defer done()
	_, err = s.pool.Exec(ctx, insertNotice, int64(user), string(n.Kind), int64(n.From.ID), string(n.Match), string(n.Challenge), s.time())
	if violates(err, "notices_user_id_fkey", "notices_from_user_fkey") {
		return noUser(user)
	}
	if err == nil {
		s.publish(rally.Event{Kind: rally.Noticed, Users: []rally.UserID{user}})
	}
	return err
}

// noticeRow is a notice, with what everybody may see of who caused it.
type noticeRow struct {
	publicRow
	NoticeID    int64
	Kind        string
	MatchID     string
	ChallengeID string
	At          time.Time
	Read        bool
}

// notice gives the row as everybody else sees it.
func (r noticeRow) notice() rally.Notice {
	n := rally.Notice{
		ID: r.NoticeID, Kind: rally.NoticeKind(r.Kind), Match: rally.MatchID(r.MatchID),
		Challenge: rally.ChallengeID(r.ChallengeID), At: r.At.UTC(), Read: r.Read,
	}
	if r.ID != 0 {
		n.From = r.user()
	}
	return n
}

// ListNotices gives somebody's notices of the last 90 days, newest first, those
// before the one whose ID is before; 0 is for the newest. limit is from 1 to
// 100.
func (s *Store) ListNotices(ctx context.Context, user rally.UserID, before int64, limit int) (_ []rally.Notice, err error) {
	ctx, done := s.begin(ctx, "ListNotices", &err)
	defer done()
	const sql = `
		SELECT coalesce(u.id, 0) AS id, coalesce(u.name, '') AS name, coalesce(u.avatar, '') AS avatar,
		       coalesce(u.rating, 0) AS rating, coalesce(u.deviation, 0) AS deviation, coalesce(u.volatility, 0) AS volatility,
		       coalesce(u.wins, 0) AS wins, coalesce(u.losses, 0) AS losses, coalesce(u.created_at, n.at) AS created_at,
		       n.id AS notice_id, n.kind, n.match_id, n.challenge_id, n.at, n.read
		FROM notices n
		LEFT JOIN users u ON u.id = n.from_user
		WHERE n.user_id = $1 AND ($2::bigint = 0 OR n.id < $2) AND n.at > $4
		ORDER BY n.id DESC
		LIMIT $3`
	rows, _ := s.pool.Query(ctx, sql, int64(user), before, min(max(limit, 1), noticesMax), s.time().Add(-noticesKept))
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[noticeRow])
	if err != nil {
		return nil, err
	}
	notices := make([]rally.Notice, len(found))
	for i, row := range found {
		notices[i] = row.notice()
	}
	return notices, nil
}

// MarkRead says that somebody has read their notices up to the one with this
// ID. It publishes Noticed if that changes anything.
func (s *Store) MarkRead(ctx context.Context, user rally.UserID, upTo int64) (err error) {
	ctx, done := s.begin(ctx, "MarkRead", &err)
	defer done()
	// In order of their ids, so that two that read at once do not wait for each
	// other.
	const sql = `
		UPDATE notices SET read = true
		WHERE id IN (SELECT id FROM notices WHERE user_id = $1 AND id <= $2 AND NOT read ORDER BY id FOR UPDATE)`
	tag, err := s.pool.Exec(ctx, sql, int64(user), upTo)
	if err == nil && tag.RowsAffected() > 0 {
		s.publish(rally.Event{Kind: rally.Noticed, Users: []rally.UserID{user}})
	}
	return err
}

// PurgeNotices deletes the notices older than 90 days and says how many those
// were.
func (s *Store) PurgeNotices(ctx context.Context) (total int64, err error) {
	const sql = `DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE at <= $2 LIMIT $1 FOR UPDATE SKIP LOCKED)`
	return s.purge(ctx, "PurgeNotices", sql, s.time().Add(-noticesKept))
}
