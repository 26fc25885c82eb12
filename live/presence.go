package live

import (
	"cmp"
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

// Seen gives what is seen of those users who are not offline, by name.
func (h *Hub) Seen(users []rally.UserID) []rally.FriendState {
	var seen []rally.FriendState
	for _, user := range users {
		h.mu.RLock()
		conns := h.users[user]
		var name string
		if len(conns) > 0 {
			name = conns[0].viewer.User.Name
		}
		h.mu.RUnlock()
		if p := h.Presence(user); p.State != rally.PresenceOffline {
			seen = append(seen, rally.FriendState{User: user, Name: name, Presence: p})
		}
	}
	slices.SortFunc(seen, func(a, b rally.FriendState) int { return cmp.Compare(a.Name, b.Name) })
	return seen
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
