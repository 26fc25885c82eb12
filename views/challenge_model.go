package views

import (
	"time"

	"rally"
)

// ChallengeFormPage is the form for a challenge.
type ChallengeFormPage struct {
	Page
	To      rally.User // zero: whoever has the link
	Choices []int      // points to choose from
	Points  int        // what is chosen
	Casual  bool
	Wait    int    // seconds until another try; 0: now
	Problem string // message id for the whole form
	Fault   bool   // Problem is the site's own, and the request is named
}

// ChallengePage is a challenge as one of the two sees it, or a link's visitor.
type ChallengePage struct {
	Page
	rally.Challenge
	Own     bool          // the viewer has made it
	Other   rally.User    // whom it is with, for the viewer; zero while nobody has taken a link
	Open    bool          // it can be accepted
	Address string        // of the page, in full, to share a link
	Court   rally.MatchID // the match it has led to, "" for none
	Over    bool          // that match is over
	Again   bool          // the viewer has accepted it, to no avail, and can try again
	Problem string        // message id: what was tried came to nothing
	Here    bool          // the page itself was pressed on, and not an invitation
}

// ChallengesPage are the challenges that can be accepted, the newest first.
type ChallengesPage struct {
	Page
	ToMe []rally.Challenge
	Mine []MyChallenge
}

// MyChallenge is one the viewer has made.
type MyChallenge struct {
	rally.Challenge
	Other rally.User // zero for a link
}

// NoticesPage is what somebody was told, newest first.
type NoticesPage struct {
	Page
	Notices []rally.Notice
	Older   int64 // cursor of the next page, 0 on the last
	Unread  bool  // some of these have not been read
	Now     time.Time
}
