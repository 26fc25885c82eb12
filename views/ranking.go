package views

import (
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"rally"
)

// Where the leaderboard is: from the top, and around the viewer.
const (
	leaderboardURL   = templ.SafeURL("/leaderboard")
	leaderboardMeURL = leaderboardURL + "?me=1#me"
)

// leaderboardAfter is the leaderboard from a place on it.
func leaderboardAfter(cursor string) string {
	return string(leaderboardURL) + "?after=" + url.QueryEscape(cursor)
}

// currentPart is the aria-current of a link to a part of a page.
func currentPart(here bool) string {
	if here {
		return "page"
	}
	return "false"
}

// dotsMax is how many ratings are marked one by one; more would be a smear.
const dotsMax = 40

// when writes the time of a rating as exactly as its chart has it.
func (c chart) when(l *locale, t time.Time) string {
	if c.clock {
		return l.moment(t)
	}
	return l.date(t)
}

// edge says where the words at a place belong, so that they stay within the
// chart.
func edge(place int) string {
	switch {
	case place < chartUnits/20:
		return "start"
	case place > chartUnits*19/20:
		return "end"
	default:
		return "middle"
	}
}

// ratingWords is a rating with what it may be off by.
func ratingWords(r rally.Rating) string {
	return strconv.Itoa(ratingValue(r)) + " ± " + strconv.Itoa(wholeNumber(r.Deviation))
}
