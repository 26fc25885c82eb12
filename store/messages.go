package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	// messagesKept is how long a message is kept.
	messagesKept = 30 * 24 * time.Hour
	// messagesMax is the most messages of a conversation, or conversations, at once.
	messagesMax = 100
)

// messageRow is a row of messages.
type messageRow struct {
	ID       int64
	FromUser int64
	ToUser   int64
	At       time.Time
	Text     string
}

// message gives the row as everybody else sees it.
func (r messageRow) message() rally.Message {
	return rally.Message{
		ID: r.ID, From: rally.UserID(r.FromUser), To: rally.UserID(r.ToUser), At: r.At.UTC(), Text: r.Text,
	}
}

// SendMessage says something to a friend or, with opponents, to whom the caller
// knows to be the opponent in a match. It publishes MessageSent.
//
// EINVALID with Fields "text" for what rally.CheckMessage refuses; ECONFLICT
// "chat.quiet" when who sends wants quiet themselves; EFORBIDDEN
// "chat.not_allowed" when the two are neither, when one has blocked the other,
// or when the other wants quiet, without telling which. ENOTFOUND when there is
// no such account.
func (s *Store) SendMessage(
	ctx context.Context, from, to rally.UserID, text string, opponents bool,
) (m rally.Message, err error) {
	ctx, done := s.begin(ctx, "SendMessage", &err)
	defer done()
	const chats = `SELECT count(*) FILTER (WHERE id = $1 AND chat) = 1, count(*) FILTER (WHERE id = $2 AND chat) = 1
		FROM users WHERE id IN ($1, $2)`
	const insert = `
		INSERT INTO messages (from_user, to_user, at, text)
		VALUES ($1, $2, $3, $4)
		RETURNING id, from_user, to_user, at, text`
	text, problem := rally.CheckMessage(text)
	if problem != "" {
		return m, &rally.Error{Code: rally.EInvalid, Message: "error.invalid", Fields: map[string]string{"text": problem}}
	}
	err = s.inTx(ctx, func(tx pgx.Tx) error {
		p, err := lockPair(ctx, tx, from, to)
		if err != nil {
			return err
		}
		var mine, theirs bool
		if err := tx.QueryRow(ctx, chats, int64(from), int64(to)).Scan(&mine, &theirs); err != nil {
			return err
		}
		switch {
		case !mine:
			return rally.Errorf(rally.EConflict, "chat.quiet", "user %d wants quiet", from)
		case p.Blocks || p.Blocked || !theirs || !p.Friends && !opponents:
			return rally.Errorf(rally.EForbidden, "chat.not_allowed", "user %d to %d", from, to)
		}
		rows, _ := tx.Query(ctx, insert, int64(from), int64(to), s.time(), text)
		row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[messageRow])
		m = row.message()
		return err
	})
	if err != nil {
		return rally.Message{}, err
	}
	s.publish(rally.Event{Kind: rally.MessageSent, Users: []rally.UserID{from, to}})
	return m, nil
}

// listMessages gives messageRows of $1 and $2, the newest first: at most $4 of
// those since $5, and before the message $3 if that is not 0.
const listMessages = `
	(SELECT id, from_user, to_user, at, text
	 FROM messages
	 WHERE from_user = $1 AND to_user = $2 AND ($3::bigint = 0 OR id < $3) AND at > $5
	 ORDER BY id DESC
	 LIMIT $4)
	UNION ALL
	(SELECT id, from_user, to_user, at, text
	 FROM messages
	 WHERE from_user = $2 AND to_user = $1 AND ($3::bigint = 0 OR id < $3) AND at > $5
	 ORDER BY id DESC
	 LIMIT $4)
	ORDER BY id DESC
	LIMIT $4`

// collectMessages gives the messages of a query for messageRows.
func collectMessages(rows pgx.Rows) ([]rally.Message, error) {
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[messageRow])
	if err != nil {
		return nil, err
	}
	messages := make([]rally.Message, len(found))
	for i, row := range found {
		messages[i] = row.message()
	}
	return messages, nil
}

// MarkMessagesRead says that somebody has read what another has said to them up
// to the message with this ID. It publishes MessagesRead if that changes
// anything.
func (s *Store) MarkMessagesRead(ctx context.Context, user, from rally.UserID, upTo int64) (err error) {
	ctx, done := s.begin(ctx, "MarkMessagesRead", &err)
	defer done()
	// In order of their ids, so that two that read at once do not wait for each
	// other.
	const sql = `
		UPDATE messages SET read = true
		WHERE id IN (SELECT id FROM messages
		             WHERE to_user = $1 AND from_user = $2 AND id <= $3 AND NOT read
		             ORDER BY id
		             FOR UPDATE)`
	tag, err := s.pool.Exec(ctx, sql, int64(user), int64(from), upTo)
	if err == nil && tag.RowsAffected() > 0 {
		s.publish(rally.Event{Kind: rally.MessagesRead, Users: []rally.UserID{user}})
	}
	return err
}

// PurgeMessages deletes the messages older than 30 days and says how many those
// were.
func (s *Store) PurgeMessages(ctx context.Context) (total int64, err error) {
	const sql = `DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE at <= $2 LIMIT $1 FOR UPDATE SKIP LOCKED)`
	return s.purge(ctx, "PurgeMessages", sql, s.time().Add(-messagesKept))
}

// SetChat says whether somebody chats, as everybody does at first, or wants
// quiet. ENOTFOUND when there is no such account.
func (s *Store) SetChat(ctx context.Context, user rally.UserID, chat bool) (err error) {
	ctx, done := s.begin(ctx, "SetChat", &err)
	defer done()
	const sql = `UPDATE users SET chat = $2 WHERE id = $1`
	tag, err := s.pool.Exec(ctx, sql, int64(user), chat)
	if err == nil && tag.RowsAffected() == 0 {
		err = noUser(user)
	}
	return err
}

// Chats says whether somebody chats. ENOTFOUND when there is no such account.
func (s *Store) Chats(ctx context.Context, user rally.UserID) (chat bool, err error) {
	ctx, done := s.begin(ctx, "Chats", &err)
	defer done()
	const sql = `SELECT chat FROM users WHERE id = $1`
	err = s.pool.QueryRow(ctx, sql, int64(user)).Scan(&chat)
	if isNoRows(err) {
		err = noUser(user)
	}
	return chat, err
}
