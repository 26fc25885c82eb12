package live

import (
	"slices"
	"time"

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

// Presence gives what a user's friends see of them; when they were last here is
// not part of it.
func (h *Hub) Presence(user rally.UserID) rally.Presence { return h.crowd.presence(user) }

// Among gives what is seen of those users who are not offline, by name.
func (h *Hub) Among(users []rally.UserID) []rally.FriendState { return h.crowd.among(users) }

// Active notes that somebody has done something on a page of theirs.
func (h *Hub) Active(user rally.UserID) {
	h.crowd.change(user, func(p *person, now time.Duration) { p.activeAt = now })
}

// FriendsChanged notes that users may have other friends than before. Those who
// are here are asked about anew, and if it is so, their pages show who is online
// now.
func (h *Hub) FriendsChanged(users ...rally.UserID) { h.crowd.friendsChanged(users) }

// Renamed notes a user's new name, for badges from now on.
func (h *Hub) Renamed(user rally.UserID, name string) {
	h.crowd.change(user, func(p *person, _ time.Duration) { p.name = name })
}

// Watchers gives the friends of a user who have pages open on this node, in
// order.
func (h *Hub) Watchers(user rally.UserID) []rally.UserID { return h.crowd.watching(user) }

// PushAll is Push to several users, each once: render is called once for each
// locale among all of them.
func (h *Hub) PushAll(users []rally.UserID, render func(locale string) ([]byte, error)) {
	var conns []*Conn
	h.mu.RLock()
	for _, user := range slices.Compact(slices.Sorted(slices.Values(users))) {
		conns = append(conns, h.users[user]...)
	}
	h.mu.RUnlock()
	deliver(conns, (*Conn).text, render, func(locale string, err error) {
		h.cfg.Log.Error("push: render", "users", len(users), "locale", locale, "error", escape(err.Error()))
	})
}
