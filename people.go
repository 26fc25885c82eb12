package rally

import "time"

// Relation is how somebody stands to somebody else. That the other one has
// blocked them is never told: it looks like RelationNone, or like RelationAsked
// to somebody who asks all the same.
type Relation string

// The relations.
const (
	RelationNone    Relation = ""         // nothing yet
	RelationAsked   Relation = "asked"    // they have asked the other to be friends
	RelationAskedBy Relation = "asked_by" // the other has asked them
	RelationFriends Relation = "friends"
	RelationBlocked Relation = "blocked" // they have blocked the other
)

// Person is somebody in a list, as its viewer may see them.
type Person struct {
	// User has what everybody may see: id, name, picture, rating, record and
	// since when. The rest is zero.
	User     User
	Relation Relation  // of the viewer to them
	SeenAt   time.Time // when a friend was last online; zero for never, and for anybody else
}

// Limits of what one person may have at a time.
const (
	FriendsMax = 500
	AskedMax   = 200 // requests that have not been answered
	BlockedMax = 1000
)
