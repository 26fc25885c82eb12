package rally

import (
	"crypto/rand"
	"time"
)

// MatchID names a match: 12 characters of [a-z2-7] (60 random bits), fit for a
// URL and a frame.
type MatchID string

// MatchIDLen is the length of every MatchID, in bytes.
const MatchIDLen = 12

// NewMatchID draws an id from the system's random source.
func NewMatchID() MatchID {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	var b [MatchIDLen]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand.Read
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return MatchID(b[:])
}

// Valid says whether id has the form NewMatchID gives.
func (id MatchID) Valid() bool {
	if len(id) != MatchIDLen {
		return false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Side is an end of the court.
type Side int8

// The sides. NoSide stands for a spectator, and for "nobody" as a winner.
const (
	NoSide Side = -1
	Left   Side = 0
	Right  Side = 1
)

// Other gives the opposite side; NoSide stays NoSide.
func (s Side) Other() Side {
	if s == NoSide {
		return NoSide
	}
	return 1 - s
}

// MatchKind says what a match counts for.
type MatchKind string

// The kinds.
const (
	Rated    MatchKind = "rated"    // changes both ratings
	Casual   MatchKind = "casual"   // between people, changes nothing
	Practice MatchKind = "practice" // against the house bot
)

// BotLevel is a strength of the house bot; NoBot stands for a person.
type BotLevel int8

// The strengths.
const (
	NoBot BotLevel = iota
	BotEasy
	BotMedium
	BotHard
)

// Outcome says how a match ended.
type Outcome string

// The outcomes. Only Won and Forfeited have a winner and change ratings.
const (
	Won         Outcome = "won"         // a side reached the points
	Forfeited   Outcome = "forfeited"   // a side's pause ran out, or it resigned
	NoShow      Outcome = "no_show"     // the ready check lapsed before a ball was served
	Abandoned   Outcome = "abandoned"   // both sides were gone
	Interrupted Outcome = "interrupted" // the server had to stop
)

// Player is one end of a match as it began, and as it ended.
type Player struct {
	User   UserID // 0 for the bot, or an account since deleted
	Name   string // the name now; "" for the bot
	Bot    BotLevel
	Before Rating // at the start of the match
	After  Rating // once the result is stored; zero unless the match was rated
	Score  int
}

// Match is a finished match as it is kept.
type Match struct {
	ID         MatchID
	Kind       MatchKind
	Points     int       // what had to be reached
	Players    [2]Player // by Side
	Outcome    Outcome
	Winner     Side // NoSide unless Won or Forfeited
	StartedAt  time.Time
	FinishedAt time.Time
	Ticks      int64  // steps of play, 60 a second, pauses left out
	Hash       uint64 // of the final pong state
	Rules      []byte // pong's encoding
	Seed       uint64
	Recording  []byte // match's encoding of every input with its tick; empty when not loaded
}

// Of gives the side user played, or NoSide.
func (m Match) Of(user UserID) Side {
	for s := range m.Players {
		if user != 0 && m.Players[s].User == user {
			return Side(s)
		}
	}
	return NoSide
}
