package views

import "rally"

// LeaderboardPage is who plays best.
type LeaderboardPage struct {
	Page
	People []rally.Ranked
	Me     bool   // People are those around the viewer; none: the viewer has no rank yet
	Top    bool   // not so, and they begin with the best
	Next   string // cursor of the next page, "" on the last
}

// ProfilePage is a player's public page.
type ProfilePage struct {
	Page
	PersonCard // Relation and Presence are empty but to a member who looks at somebody else
	Own        bool
	Rank       int                 // 0: not on the leaderboard
	History    []rally.RatingPoint // the oldest first
	Record     rally.Record        // of the viewer against them
	Live       rally.MatchID       // the match they play now, "" for none
	Matches    []MatchRow
	Older      string // cursor of the next page, "" on the last
}
