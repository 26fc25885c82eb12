package rally

// EventKind says what happened.
type EventKind string

// The kinds.
const (
	// MatchPaired: Users have been put into Match and should go there.
	MatchPaired EventKind = "match.paired"
	// MatchChanged: what a match's page shows besides the court has changed:
	// a ready press, the start, a pause, the end, a rematch offer.
	MatchChanged EventKind = "match.changed"
	// MatchStored: the result and the ratings of Match are in the database.
	MatchStored EventKind = "match.stored"
	// QueueChanged: Users entered or left the queue, perhaps in another tab.
	QueueChanged EventKind = "queue.changed"
	// SessionEnded: Session is over; its sockets close with Reason.
	SessionEnded EventKind = "session.ended"
	// PlaceTaken: Session is now the live one of Users; sockets of any other
	// session of theirs close.
	PlaceTaken EventKind = "place.taken"
	// FriendsChanged: how Users stand to each other has changed, for those of
	// the two who are named; the one who changed it comes first.
	FriendsChanged EventKind = "friends.changed"
	// Renamed: Users have another display name.
	Renamed EventKind = "user.renamed"
	// Noticed: Users have a new notice, or one less that they have not read.
	Noticed EventKind = "notice.changed"
	// ChallengeChanged: Challenge is new, or something has become of it, or it is
	// gone; Users are who made it and, if they know of it, who it is to.
	ChallengeChanged EventKind = "challenge.changed"
	// MessageSent: the first of Users has said something to the second.
	MessageSent EventKind = "message.sent"
	// MessagesRead: Users have fewer messages that they have not read.
	MessagesRead EventKind = "message.read"
)

// Event says that something changed and whom it concerns. It is a hint: what
// is true is read from where it is kept, so losing one costs a refresh.
type Event struct {
	Kind    EventKind `json:"kind"`
	Users   []UserID  `json:"users,omitempty"`
	Match   MatchID   `json:"match,omitempty"`
	Session SessionID `json:"session,omitempty"`
	Reason  string    `json:"reason,omitempty"`

	Challenge ChallengeID `json:"challenge,omitempty"`
}
