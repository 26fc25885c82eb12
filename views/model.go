// Package views renders Rally's pages and fragments with templ. handlers fills
// the typed models of this file; nothing here reads a database or decides who
// may see what. Copy comes from the catalogue in locales/, by the viewer's
// language.
package views

import (
	"time"

	"rally"
)

// Page is what every page is given.
type Page struct {
	Viewer    rally.Viewer
	Path      string // of this page, with its query: where the language and theme forms come back to
	RequestID string
	Dev       bool

	// What waits for a member, and which of their friends are online, by name.
	// Only whole pages show it.
	Inbox  rally.Inbox
	Online []rally.FriendState
}

// The values of the preference forms' fields (POST /preferences): locale is
// one of Views.Locales, theme is "light", "dark" or ThemeSystem. A form sends
// one of the two, and next.
const ThemeSystem = "system"

// Field is a form field as it was sent, and the message id of what is wrong
// with it ("" when nothing is). Passwords never carry a value.
type Field struct {
	Value   string
	Problem string
}

// LandingPage greets someone who is not signed in.
type LandingPage struct {
	Page
	Playing int // matches being played now
}

// SignUpPage is the form for a new account.
type SignUpPage struct {
	Page
	Name, Email, Password Field
	Providers             []Provider
	Next                  string // local path to go to afterwards
	Wait                  int    // seconds until another try; 0: now
	Problem               string // message id for the whole form
	Fault                 bool   // Problem is the site's own: no field is to blame, and the request is named
}

// SignInPage is the form for a known account.
type SignInPage struct {
	Page
	Email, Password Field // Email takes a display name as well
	Providers       []Provider
	Next            string
	Wait            int    // seconds until another try; 0: now
	Problem         string // message id for the whole form
	Fault           bool   // Problem is the site's own: no field is to blame, and the request is named
	Notice          string // message id: why the person landed here
}

// PlayPage is the lobby: find an opponent, or practise.
type PlayPage struct {
	Page
	Waiting bool
	Waited  time.Duration // since the queue was entered
	InQueue int           // people waiting, the viewer included
	Points  int           // what a match is played to
	Live    rally.MatchID // the viewer's match in progress, "" for none
	Notice  string        // message id
}

// MatchPhase is where a match stands, for its page.
type MatchPhase string

// The phases.
const (
	PhaseWaiting   MatchPhase = "waiting"
	PhaseCountdown MatchPhase = "countdown"
	PhasePlaying   MatchPhase = "playing"
	PhasePaused    MatchPhase = "paused"
	PhaseOver      MatchPhase = "over"
)

// MatchPlayer is one end of the court, as the page shows it.
type MatchPlayer struct {
	User        rally.UserID // 0: the bot, or a deleted account
	Name        string       // "" then
	Bot         rally.BotLevel
	Rating      int // before the match
	Provisional bool
	Rated       bool // RatingAfter is known
	RatingAfter int
	Score       int
	Ready       bool
	Connected   bool
	PauseLeft   time.Duration
	Rematch     bool // has asked for one
}

// MatchPage is a match, from its ready check to its public record.
type MatchPage struct {
	Page
	ID          rally.MatchID
	Kind        rally.MatchKind
	Points      int
	Phase       MatchPhase
	Players     [2]MatchPlayer // by side
	You         rally.Side     // NoSide for anybody else
	ReadyLeft   time.Duration  // while waiting
	Outcome     rally.Outcome  // once over
	Winner      rally.Side
	Stored      bool          // result and ratings are in the database
	RematchOpen bool          // a rematch may still be asked for
	Next        rally.MatchID // the rematch, once both have asked
	StartedAt   time.Time
	FinishedAt  time.Time
	Duration    time.Duration // of play
	Chat        *ChatPage     // with the opponent; nil where there is none
}

// MatchRow is a finished match in a list, seen from one player's side.
type MatchRow struct {
	ID       rally.MatchID
	Kind     rally.MatchKind
	Opponent MatchPlayer
	Won      bool
	Decided  bool // it had a winner
	Outcome  rally.Outcome
	Score    [2]int // own, other
	Delta    int    // rating change, 0 when unrated
	Finished time.Time
}

// CallBanner is pushed to every page of a player who has been paired: it says
// so and takes them to the match. Later it is pushed to a page of theirs that
// opens while they are not on the court.
type CallBanner struct {
	Match rally.MatchID
	Back  bool // they have been on the court, and may want to be elsewhere
}

// ErrorPage says what went wrong in one sentence, and what can be done.
type ErrorPage struct {
	Page
	Status     int
	Message    string // message id
	RetryAfter int    // seconds, 0 unknown
	Typed      string // what a form had that has not been taken, to be copied; "" for nothing
}
