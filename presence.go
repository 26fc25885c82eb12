package rally

import "time"

// PresenceState says in one word what friends see of somebody.
type PresenceState string

// The states. Whoever is not a friend sees everybody as PresenceOffline.
const (
	PresenceOffline      PresenceState = "offline"
	PresenceOnline       PresenceState = "online"       // a page is open
	PresenceAway         PresenceState = "away"         // one is open, and nobody has done anything on it for a while
	PresencePlaying      PresenceState = "playing"      // in a match that is not over
	PresenceReconnecting PresenceState = "reconnecting" // in one, and without a page: it waits for them
)

// Presence is what friends see of somebody.
type Presence struct {
	State  PresenceState
	Match  MatchID   // while playing or reconnecting
	SeenAt time.Time // once offline; zero for not known
}

// FriendState is a friend with what is seen of them.
type FriendState struct {
	User UserID
	Name string
	Presence
}

// InboxMax is how far an Inbox counts: a page says no more than that there are
// many.
const InboxMax = 100

// Inbox is what waits for somebody on whatever page they are. Numbers are at
// most InboxMax.
type Inbox struct {
	Requests   int         // people who ask to be friends
	Notices    int         // that have not been read
	Messages   int         // that have not been read, from people who are not muted
	Challenges []Challenge // to them, that can be accepted, the newest first
	Friends    []UserID    // in no order
}
