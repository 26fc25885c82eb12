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

// Ranked is somebody on the leaderboard.
type Ranked struct {
	Rank int  // 1 for the best
	User User // what everybody may see, as in Person
}

// RatingPoint is a player's rating as a rated match left it.
type RatingPoint struct {
	At     time.Time
	Rating Rating
}

// Record is how matches between two people have gone, from the side of one.
type Record struct {
	Wins   int
	Losses int
}
