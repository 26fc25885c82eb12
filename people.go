package rally

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

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

// NoticeKind says what a notice is about.
type NoticeKind string

// The kinds.
const (
	NoticeFriendAsked    NoticeKind = "friend_asked"    // From asks to be friends
	NoticeFriendAccepted NoticeKind = "friend_accepted" // From is a friend now
	NoticeChallenged     NoticeKind = "challenged"      // From challenges to Challenge
	NoticeTournamentCall NoticeKind = "tournament_call" // a tournament's Match is to be played
)

// Notice is something that somebody is told, on whatever page they are.
type Notice struct {
	ID        int64 // later ones have higher ones
	Kind      NoticeKind
	From      User // what everybody may see of who caused it; zero for nobody
	Match     MatchID
	Challenge ChallengeID
	At        time.Time
	Read      bool
}

// MissedAt says whether a notice tells, at that time, of a challenge that has
// expired. One that has been answered or taken back has no notice any more.
func (n Notice) MissedAt(t time.Time) bool {
	return n.Kind == NoticeChallenged && !t.Before(n.At.Add(ChallengeLife))
}

// ChallengeID names a challenge: of the form of a MatchID, and as hard to guess.
type ChallengeID string

// NewChallengeID draws an id from the system's random source.
func NewChallengeID() ChallengeID { return ChallengeID(NewMatchID()) }

// Valid says whether id has the form NewChallengeID gives.
func (id ChallengeID) Valid() bool { return MatchID(id).Valid() }

// Message is something that somebody has said to somebody else.
type Message struct {
	ID       int64 // later ones have higher ones
	From, To UserID
	At       time.Time
	Text     string // as CheckMessage gives it
}

// Conversation is what two people say to each other, as one of them has it.
type Conversation struct {
	Other    User      // what everybody may see, as in Person
	Relation Relation  // to them
	SeenAt   time.Time // as in Person
	Muted    bool      // they are muted
	Quiet    bool      // who has the conversation wants quiet
	Unread   int       // of theirs, also if they are muted
	Messages []Message
}

// MessageMax is the length of the longest message, in characters.
const MessageMax = 500

// messageMarks is how many marks may stand on one letter of a message: no
// script needs more.
const messageMarks = 8

// CheckMessage makes text one line without what changes its direction or shows
// as nothing, and without heaps of marks on one letter, and checks it: 1 to 500
// characters, none of them a control character. The second result is the
// message id of what is wrong, or "".
func CheckMessage(text string) (clean, problem string) {
	if !utf8.ValidString(text) {
		return "", "field.message_chars"
	}
	marks := 0
	clean = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsMark(r):
			if marks++; marks > messageMarks {
				return -1
			}
			return r
		case r == zeroWidthJoiner, r == zeroWidthNonJoiner: // on the same letter still
			return r
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		marks = 0
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, text))
	visible := false
	for _, r := range clean {
		switch {
		case r == zeroWidthJoiner, r == zeroWidthNonJoiner:
		case !unicode.IsGraphic(r):
			return clean, "field.message_chars"
		case unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), strings.ContainsRune(blanks, r): // drawn as nothing
		case !unicode.IsSpace(r) && !unicode.IsMark(r):
			visible = true
		}
	}
	switch {
	case !visible:
		return clean, "field.message_empty"
	case utf8.RuneCountInString(clean) > MessageMax:
		return clean, "field.message_long"
	}
	return clean, ""
}

// What some scripts and emoji are put together with.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// blanks are the letters and symbols that are drawn as nothing: of Braille, a
// place for an object, of hieroglyphs and of notes.
const blanks = "\u2800\ufffc\U00013441\U00013442\U0001d159"

// How long a challenge can be accepted, and how many one person may have open.
const (
	ChallengeLife     = 5 * time.Minute // to somebody
	ChallengeLinkLife = 24 * time.Hour  // to whoever has the link
	ChallengeTryLife  = 2 * time.Minute // for who has accepted it, while no match has come of that
	ChallengesMax     = 20
)

// ChallengeState says what has become of a challenge.
type ChallengeState string

// The states.
const (
	ChallengeOpen      ChallengeState = "open" // until it expires
	ChallengeAccepted  ChallengeState = "accepted"
	ChallengeDeclined  ChallengeState = "declined"
	ChallengeWithdrawn ChallengeState = "withdrawn"
)

// Challenge is somebody's offer to play a match.
type Challenge struct {
	ID        ChallengeID
	From      User   // what everybody may see
	To        UserID // 0 for a link that nobody has taken
	Link      bool   // it was made for whoever has the link
	Points    int
	Rated     bool
	CreatedAt time.Time
	ExpiresAt time.Time // when nobody can accept it any more; once somebody has, nor they again
	State     ChallengeState
	Match     MatchID // where it led, once it is accepted and the match is there
}

// OpenAt says whether it could be accepted at that time.
func (c Challenge) OpenAt(t time.Time) bool { return c.State == ChallengeOpen && t.Before(c.ExpiresAt) }
