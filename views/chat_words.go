package views

import (
	"strconv"
	"time"

	"rally"
)

// pauseShown is for how long nothing was said before the time is told again.
const pauseShown = 10 * time.Minute

// chatID is the id of the conversation with somebody, and the beginning of the
// ids of its parts.
func chatID(other rally.UserID) string { return "chat-" + userID(other) }

// chatAction is what can be done to the conversation with somebody.
func chatAction(other rally.UserID, what string) string { return string(chatURL(other)) + "/" + what }

// before is an address from which a list goes on with what is older.
func before(path string, id int64) string { return path + "?before=" + strconv.FormatInt(id, 10) }

// messageID is the id of a message's element.
func messageID(m rally.Message) string { return "message-" + strconv.FormatInt(m.ID, 10) }

// newest is the ID of the last message on the page.
func (p ChatPage) newest() string {
	n := len(p.With.Messages)
	if n == 0 {
		return "0"
	}
	return strconv.FormatInt(p.With.Messages[n-1].ID, 10)
}

// timeTold says whether the page tells when a message was sent: it does after a
// while in which nothing was said.
func (p ChatPage) timeTold(i int) bool {
	all := p.With.Messages
	return i == 0 || all[i].At.Sub(all[i-1].At) >= pauseShown
}

// closed says why the viewer cannot write, as a message id; "" when they can.
func (p ChatPage) closed() string {
	switch {
	case p.With.Quiet:
		return "chat.quiet"
	case p.With.Relation == rally.RelationBlocked:
		return "chat.blocked"
	case p.With.Relation != rally.RelationFriends && !p.Opponents:
		return "chat.friends_only"
	default:
		return ""
	}
}

// unread is how many messages wait for the viewer as far as they want to know.
func unread(c rally.Conversation) int {
	if c.Muted {
		return 0
	}
	return c.Unread
}

// friendOf is somebody as a badge has them.
func friendOf(u rally.User, p rally.Presence) rally.FriendState {
	return rally.FriendState{User: u.ID, Name: u.Name, Presence: p}
}

// problem is what is wrong with what was sent, as a message id.
func (p ChatPage) problem() string {
	if p.Text.Problem != "" {
		return p.Text.Problem
	}
	return p.Problem
}
