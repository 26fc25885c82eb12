package live

import (
	"slices"

	"rally"
)

// Painter renders what presence looks like on open pages.
type Painter interface {
	// Badge gives the fragment that shows one friend's state wherever a page
	// shows it.
	Badge(locale string, friend rally.FriendState) ([]byte, error)
	// Online gives the fragment with all friends who are not offline.
	Online(locale string, friends []rally.FriendState) ([]byte, error)
}

// Presence gives what a user's friends see of them, as far as this node knows;
// when they were last here is not part of it.
func (h *Hub) Presence(user rally.UserID) rally.Presence {
	if h.Online(user) {
		return rally.Presence{State: rally.PresenceOnline}
	}
	return rally.Presence{State: rally.PresenceOffline}
}

// Active notes that somebody has done something on a page of theirs.
func (h *Hub) Active(rally.UserID) {}

// SetPlaying notes which match a user is in that runs on this node, "" for none.
func (h *Hub) SetPlaying(rally.UserID, rally.MatchID) {}

// FriendsChanged notes that users have other friends than before: each is asked
// about anew, and their pages show who is online now.
func (h *Hub) FriendsChanged(...rally.UserID) {}

// Renamed notes a user's new name, for badges.
func (h *Hub) Renamed(rally.UserID, string) {}

// Watchers gives the friends of a user who have pages open on this node, in
// order.
func (h *Hub) Watchers(rally.UserID) []rally.UserID { return nil }

// PushAll is Push to several users, each once: render is called once for each
// locale among all of them.
func (h *Hub) PushAll(users []rally.UserID, render func(locale string) ([]byte, error)) {
	for _, user := range slices.Compact(slices.Sorted(slices.Values(users))) {
		h.Push(user, render)
	}
}
