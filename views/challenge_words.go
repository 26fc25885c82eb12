package views

import (
	"net/url"
	"strconv"
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
