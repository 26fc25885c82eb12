package store

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// conversationColumns are the columns of a conversationRow but the message, of
// users named u whom relationJoins joins to $1.
const conversationColumns = publicColumns + `,
	` + relation + ` AS relation,
	` + friendSeenAt + ` AS seen_at,
	EXISTS (SELECT FROM mutes WHERE user_id = $1 AND muted = u.id) AS muted,
	(SELECT NOT chat FROM users WHERE id = $1) AS quiet,
	(SELECT count(*) FROM messages WHERE to_user = $1 AND from_user = u.id AND NOT read AND at > $2) AS unread`

// conversationRow is a conversation without its messages.
type conversationRow struct {
	publicRow
	Relation string
	SeenAt   *time.Time
	Muted    bool
	Quiet    *bool // nil when there is no $1
	Unread   int
}

// conversation gives the row as everybody else sees it.
func (r conversationRow) conversation() rally.Conversation {
	return rally.Conversation{
		Other: r.user(), Relation: rally.Relation(r.Relation), SeenAt: timeOf(r.SeenAt),
		Muted: r.Muted, Quiet: r.Quiet != nil && *r.Quiet, Unread: r.Unread,
	}
}

// FindConversation gives what a user and another have said to each other, the
// oldest first: the last limit messages (1 to 100), or the last of those before
// the one whose ID is before. ENOTFOUND when there is no such other account, or
// it is their own.
func (s *Store) FindConversation(
	ctx context.Context, user, other rally.UserID, before int64, limit int,
) (found rally.Conversation, err error) {
	ctx, done := s.begin(ctx, "FindConversation", &err)
	defer done()
	const sql = `SELECT ` + conversationColumns + ` FROM users u` + relationJoins + ` WHERE u.id = $3 AND u.id <> $1`
	since := s.time().Add(-messagesKept)
	var batch pgx.Batch
	batch.Queue(sql, int64(user), since, int64(other)).Query(func(rows pgx.Rows) error {
		row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[conversationRow])
		if isNoRows(err) {
			return noUser(other)
		}
		found = row.conversation()
		return err
	})
	batch.Queue(listMessages, int64(user), int64(other), before, min(max(limit, 1), messagesMax), since).
		Query(func(rows pgx.Rows) (err error) {
			found.Messages, err = collectMessages(rows)
			slices.Reverse(found.Messages)
			return err
		})
	err = s.pool.SendBatch(ctx, &batch).Close()
	return found, err
}

// ListConversations gives whom a user has said something to within the last 30
// days, or heard something from, except those whom they have blocked, with the
// newest message of each: the newest conversation first, what was before the
// message whose ID is before; 0 is for the newest. limit is from 1 to 100.
func (s *Store) ListConversations(
	ctx context.Context, user rally.UserID, before int64, limit int,
) (_ []rally.Conversation, err error) {
	ctx, done := s.begin(ctx, "ListConversations", &err)
	defer done()
	const sql = `
		WITH last AS (
		    SELECT other, max(id) AS id
		    FROM (SELECT to_user AS other, id FROM messages WHERE from_user = $1 AND at > $2
		          UNION ALL
		          SELECT from_user, id FROM messages WHERE to_user = $1 AND at > $2) said
		    GROUP BY other)
		SELECT ` + conversationColumns + `, m.id AS message_id, m.from_user, m.to_user, m.at, m.text
		FROM last
		JOIN messages m ON m.id = last.id
		JOIN users u ON u.id = last.other` + relationJoins + `
		WHERE b.blocker IS NULL AND ($3::bigint = 0 OR last.id < $3)
		ORDER BY last.id DESC
		LIMIT $4`
	rows, _ := s.pool.Query(ctx, sql, int64(user), s.time().Add(-messagesKept), before, min(max(limit, 1), messagesMax))
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[lastRow])
	if err != nil {
		return nil, err
	}
	conversations := make([]rally.Conversation, len(found))
	for i, row := range found {
		conversations[i] = row.conversation()
		conversations[i].Messages = []rally.Message{{
			ID: row.MessageID, From: rally.UserID(row.FromUser), To: rally.UserID(row.ToUser), At: row.At.UTC(), Text: row.Text,
		}}
	}
	return conversations, nil
}

// lastRow is a conversation with its newest message.
type lastRow struct {
	conversationRow
	MessageID int64
	FromUser  int64
	ToUser    int64
	At        time.Time
	Text      string
}
