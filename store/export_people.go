package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rally"
)

// exportPeople puts what is held about a user and others into held, as far as
// the user may know: not who has blocked them, nor what those keep from them.
func exportPeople(ctx context.Context, tx pgx.Tx, id rally.UserID, held map[string]any) (err error) {
	if held["friends.json"], err = exportRows[exportedFriend](ctx, tx, exportFriends, id); err != nil {
		return err
	}
	if held["blocks.json"], err = exportRows[exportedBlock](ctx, tx, exportBlocks, id); err != nil {
		return err
	}
	if held["mutes.json"], err = exportRows[exportedBlock](ctx, tx, exportMutes, id); err != nil {
		return err
	}
	if held["notices.json"], err = exportRows[exportedNotice](ctx, tx, exportNotices, id); err != nil {
		return err
	}
	if held["messages.json"], err = exportRows[exportedMessage](ctx, tx, exportMessages, id); err != nil {
		return err
	}
	held["challenges.json"], err = exportRows[exportedChallenge](ctx, tx, exportChallenges, id)
	return err
}

// exportFriends gives exportedFriends.
const exportFriends = `
	SELECT u.id, u.name, f.asked_by = $1 AS asked_by_me, f.asked_at, f.friends_since
	FROM friendships f
	JOIN users u ON u.id = f.low + f.high - $1
	WHERE (f.low = $1 OR f.high = $1) AND (f.asked_by = $1 OR NOT f.hidden)
	ORDER BY f.asked_at, u.id`

// exportedFriend is a friend, or a request to become friends.
type exportedFriend struct {
	ID           int64   `json:"id"`
	Name         string  `json:"name"`
	AskedByMe    bool    `json:"asked_by_me"`
	AskedAt      moment  `json:"asked_at"`
	FriendsSince *moment `json:"friends_since"`
}

// exportBlocks gives exportedBlocks.
const exportBlocks = `
	SELECT u.id, u.name, b.since
	FROM blocks b
	JOIN users u ON u.id = b.blocked
	WHERE b.blocker = $1
	ORDER BY b.since, u.id`

// exportMutes gives exportedBlocks of those who are muted.
const exportMutes = `
	SELECT u.id, u.name, m.since
	FROM mutes m
	JOIN users u ON u.id = m.muted
	WHERE m.user_id = $1
	ORDER BY m.since, u.id`

// exportedBlock is somebody whom the user has blocked, or muted.
type exportedBlock struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Since moment `json:"since"`
}

// exportNotices gives exportedNotices.
const exportNotices = `
	SELECT n.at, n.kind, n.from_user AS from_id, u.name AS from_name, n.match_id, n.challenge_id, n.read
	FROM notices n
	LEFT JOIN users u ON u.id = n.from_user
	WHERE n.user_id = $1
	ORDER BY n.id DESC`

// exportedNotice is something that the user was told.
type exportedNotice struct {
	At          moment  `json:"at"`
	Kind        string  `json:"kind"`
	FromID      *int64  `json:"from_id"`
	FromName    *string `json:"from_name"`
	MatchID     string  `json:"match_id"`
	ChallengeID string  `json:"challenge_id"`
	Read        bool    `json:"read"`
}

// exportMessages gives exportedMessages.
const exportMessages = `
	SELECT m.at, f.id AS from_id, f.name AS from_name, t.id AS to_id, t.name AS to_name, m.text,
	       CASE WHEN m.to_user = $1 THEN m.read END AS read
	FROM messages m
	JOIN users f ON f.id = m.from_user
	JOIN users t ON t.id = m.to_user
	WHERE m.from_user = $1 OR m.to_user = $1
	ORDER BY m.id DESC`

// exportedMessage is what the user has said to somebody, or was told by them.
type exportedMessage struct {
	At       moment `json:"at"`
	FromID   int64  `json:"from_id"`
	FromName string `json:"from_name"`
	ToID     int64  `json:"to_id"`
	ToName   string `json:"to_name"`
	Text     string `json:"text"`
	Read     *bool  `json:"read"` // null for what the user has said
}

// exportChallenges gives exportedChallenges.
const exportChallenges = `
	SELECT c.id, f.id AS from_id, f.name AS from_name, t.id AS to_id, t.name AS to_name, c.link, c.points, c.rated,
	       c.created_at, c.expires_at, c.state, c.match_id
	FROM challenges c
	JOIN users f ON f.id = c.from_user
	LEFT JOIN users t ON t.id = c.to_user
	WHERE c.from_user = $1 OR c.to_user = $1 AND NOT c.hidden
	ORDER BY c.created_at DESC, c.id`

// exportedChallenge is a challenge of the user's, or to them.
type exportedChallenge struct {
	ID        string  `json:"id"`
	FromID    int64   `json:"from_id"`
	FromName  string  `json:"from_name"`
	ToID      *int64  `json:"to_id"`
	ToName    *string `json:"to_name"`
	Link      bool    `json:"link"`
	Points    int     `json:"points"`
	Rated     bool    `json:"rated"`
	CreatedAt moment  `json:"created_at"`
	ExpiresAt moment  `json:"expires_at"`
	State     string  `json:"state"`
	MatchID   string  `json:"match_id"`
}
