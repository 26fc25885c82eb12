package views

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"rally"
)

// challengeURL is where a challenge is found.
func challengeURL(id rally.ChallengeID) templ.SafeURL {
	return templ.SafeURL("/challenges/" + url.PathEscape(string(id)))
}

func challengeAction(id rally.ChallengeID, what string) string {
	return string(challengeURL(id)) + "/" + what
}

// newChallengeURL is the form for a challenge, to somebody or with 0 for a link.
func newChallengeURL(to rally.UserID) templ.SafeURL {
	if to == 0 {
		return "/challenges/new"
	}
	return templ.SafeURL("/challenges/new?to=" + userID(to))
}

// panelOfChallenge selects the panel of one challenge on its page.
func panelOfChallenge(id rally.ChallengeID) string {
	return `#challenge[data-challenge="` + string(id) + `"]`
}

// challengeKind is what the match of a challenge counts for.
func challengeKind(c rally.Challenge) rally.MatchKind {
	if c.Rated {
		return rally.Rated
	}
	return rally.Casual
}

// challengeLeft is for how long a challenge can still be accepted; never more
// than it could at first, whatever the clocks say.
func challengeLeft(c rally.Challenge) time.Duration {
	return min(max(time.Until(c.ExpiresAt), 0), c.ExpiresAt.Sub(c.CreatedAt))
}

// once is the trigger of an element that asks one time, a second after so much
// time has passed.
func once(after time.Duration) string {
	return "load delay:" + strconv.Itoa(wholeSeconds(after)+1) + "s"
}

// around gives what stands before and after the {{.Name}} of a message; one that
// has none is all before it.
func around(s *scope, message string) (before, after string, found bool) {
	const mark = "\x00"
	return strings.Cut(s.t(message, vars{"Name": mark}), mark)
}

// untilWord stands before challengeClock.
func untilWord(s *scope, c rally.Challenge) string {
	if c.Link {
		return s.t("challenge.until")
	}
	return s.t("challenge.left")
}

// challengeRefresh is how often the page asks again without JavaScript: while
// something may still become of the challenge.
func challengeRefresh(p ChallengePage) int {
	if p.Open || p.Again || challengeStuck(p) && p.Own {
		return noScriptRefresh
	}
	return 0
}

// challengeStuck says whether a challenge was accepted and has led to no match.
func challengeStuck(p ChallengePage) bool {
	return p.State == rally.ChallengeAccepted && p.Court == "" && !challengeTaken(p)
}

// challengeTaken says whether somebody else than its viewer has taken a link.
func challengeTaken(p ChallengePage) bool {
	return p.State == rally.ChallengeAccepted && !p.Own && p.To != p.Viewer.User.ID
}

// otherName is what the one on the other side is called in a sentence.
func otherName(s *scope, p ChallengePage) string {
	if p.Other.ID == 0 {
		return s.t("challenge.somebody")
	}
	return isolated(p.Other.Name)
}

func challengeFormTitle(s *scope, p ChallengeFormPage) string {
	if p.To.ID == 0 {
		return s.t("challenge.new_link")
	}
	return s.t("challenge.new_to", vars{"Name": isolated(p.To.Name)})
}

// challengeOutcome is the message that says what became of a challenge.
func challengeOutcome(p ChallengePage) string {
	own := p.Own
	switch p.State {
	case rally.ChallengeAccepted:
		switch {
		case challengeTaken(p):
			return "challenge.over_taken"
		case p.Over:
			return "challenge.over_played"
		case own:
			return "challenge.over_accepted"
		default:
			return "challenge.over_accepted_you"
		}
	case rally.ChallengeDeclined:
		if own {
			return "challenge.declined"
		}
		return "challenge.over_declined_you"
	case rally.ChallengeWithdrawn:
		if own {
			return "challenge.over_withdrawn_you"
		}
		return "challenge.over_withdrawn"
	case rally.ChallengeOpen:
		switch {
		case p.Open && own:
			return "challenge.waiting"
		case p.Open:
			return "challenge.asked"
		case own && p.Link:
			return "challenge.over_expired_link"
		case own:
			return "challenge.over_expired"
		}
	}
	return "challenge.gone"
}

// challengeAfter is the message that says how it goes on, "" for none.
func challengeAfter(p ChallengePage) string {
	switch {
	case challengeStuck(p) && p.Own:
		return "challenge.making"
	case p.Again:
		return "challenge.stuck"
	default:
		return ""
	}
}

// noticeFrom is what whoever caused a notice is called.
func noticeFrom(s *scope, n rally.Notice) string {
	if n.From.ID == 0 {
		return s.t("player.deleted")
	}
	return n.From.Name
}

func olderNotices(before int64) string {
	return "/notices?before=" + strconv.FormatInt(before, 10)
}
