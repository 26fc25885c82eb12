package views

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/bidi"

	"rally"
)

// nameOf gives what a player is called on a page.
func nameOf(s *scope, p MatchPlayer) string {
	switch {
	case p.Bot == rally.BotEasy:
		return s.t("bot.easy")
	case p.Bot == rally.BotMedium:
		return s.t("bot.medium")
	case p.Bot == rally.BotHard:
		return s.t("bot.hard")
	case p.Name == "":
		return s.t("player.deleted")
	default:
		return isolated(p.Name)
	}
}

// isolated keeps a name that is written from right to left from reordering
// what stands beside it, in places where <bdi> cannot. Names hold no direction
// marks of their own: see rally.NormalizeName.
func isolated(name string) string {
	const from, until = "\u2068", "\u2069" // first strong isolate, pop directional isolate
	for _, r := range name {
		if p, _ := bidi.LookupRune(r); p.Class() == bidi.R || p.Class() == bidi.AL {
			return from + name + until
		}
	}
	return name
}

// versus names a match by its players.
func versus(s *scope, p MatchPage) string {
	return s.t("match.versus", vars{"Left": nameOf(s, p.Players[rally.Left]), "Right": nameOf(s, p.Players[rally.Right])})
}

// versusWords gives what versus says around the two names: before the first, in
// between, and after the second; and which side comes first.
func versusWords(s *scope) (words [3]string, first rally.Side) {
	const left, right = "\x00", "\x01" // which no name has and no catalogue
	whole := s.t("match.versus", vars{"Left": left, "Right": right})
	a, b := left, right
	if strings.Index(whole, right) < strings.Index(whole, left) {
		a, b, first = right, left, rally.Right
	}
	before, rest, _ := strings.Cut(whole, a)
	between, after, _ := strings.Cut(rest, b)
	return [3]string{before, between, after}, first
}

// score writes two scores as people write them.
func score(a, b int) string { return fmt.Sprintf("%d–%d", a, b) }

func sideClass(side rally.Side) string {
	if side == rally.Right {
		return "right"
	}
	return "left"
}

// kindName says what a match counts for, and to how many points it goes.
func kindName(s *scope, k rally.MatchKind, points int) string {
	switch k {
	case rally.Rated:
		return s.n("kind.rated", points)
	case rally.Practice:
		return s.n("kind.practice", points)
	default:
		return s.n("kind.casual", points)
	}
}

// courtModules are the court's script and what it imports. The page names them
// all, so that the browser fetches them at once and not one after the other.
func courtModules() []string {
	return []string{
		"js/pong.js", "js/clock.js", "js/controls.js", "js/link.js", "js/painter.js",
		"js/physics.js", "js/predict.js", "js/sound.js",
	}
}

func matchFrame(s *scope, p MatchPage) frame {
	f := frame{title: title(versus(s, p)), about: versus(s, p), class: "match match-" + string(p.Phase), styles: []string{"css/match.css"}}
	if p.Phase != PhaseOver {
		f.modules = courtModules()
		f.class += " match-live"
	}
	if p.Chat != nil {
		f.styles = append(f.styles, "css/chat.css")
	}
	if p.Phase != PhaseOver || !p.Stored {
		f.refresh = noScriptRefresh
	}
	return f
}

// onConnection has a panel asked for anew whenever the page's socket opens, for
// the first time or again: what was pushed while there was none is lost.
const onConnection = "htmx:ws:after:connection from:body"

// askAgain gives the trigger on which a match's panel is asked for now and then,
// "" for never: a spectator is told of nothing, and the news that a result is
// stored may come before the page's socket, or before the answer to the press
// that ended the match.
func askAgain(p MatchPage) string {
	switch {
	case p.Phase == PhaseOver && !p.Stored:
		return "every 1s"
	case p.Phase != PhaseOver && p.You == rally.NoSide:
		return "every 3s"
	default:
		return ""
	}
}

// noScriptRefresh is how often a page asks again, in seconds, where something
// is awaited and there is no JavaScript to be told by.
const noScriptRefresh = 3

func playRefresh(p PlayPage) int {
	if p.Waiting {
		return noScriptRefresh
	}
	return 0
}

func readiness(s *scope, p MatchPlayer) string {
	switch {
	case p.Ready && p.Connected:
		return s.t("match.is_ready")
	case p.Ready:
		return s.t("match.is_connecting")
	default:
		return s.t("match.not_ready")
	}
}

// needsReady says whether the viewer still owes the ready press.
func needsReady(p MatchPage) bool { return p.Kind != rally.Practice && !p.Players[p.You].Ready }

// resultTitle says in a few words how a match ended, to whoever looks.
func resultTitle(s *scope, p MatchPage) string {
	if p.Winner == rally.NoSide {
		return s.t("result.none")
	}
	switch p.You {
	case p.Winner:
		return s.t("result.you_won")
	case p.Winner.Other():
		return s.t("result.you_lost")
	default:
		return s.t("result.won", vars{"Name": nameOf(s, p.Players[p.Winner])})
	}
}

// resultWords explains an end that was not played out.
func resultWords(s *scope, p MatchPage) string {
	switch p.Outcome {
	case rally.Forfeited:
		if p.You != rally.NoSide && p.You != p.Winner {
			return s.t("result.forfeited_you")
		}
		return s.t("result.forfeited", vars{"Name": nameOf(s, p.Players[p.Winner.Other()])})
	case rally.NoShow:
		return s.t("result.no_show")
	case rally.Abandoned:
		return s.t("result.abandoned")
	case rally.Interrupted:
		return s.t("result.interrupted")
	default:
		return ""
	}
}

// queueWords says how many wait, the reader included.
func queueWords(s *scope, waiting int) string {
	if waiting <= 1 {
		return s.t("play.alone")
	}
	return s.t("play.in_queue", vars{"Waiting": waiting})
}

// ratingText is a player's rating before the match, marked while it is still
// uncertain.
func ratingText(p MatchPlayer) string {
	text := strconv.Itoa(p.Rating)
	if p.Provisional {
		text += "?"
	}
	return text
}

// outcomeOf is the mark before that in a list. It is an attribute of its own,
// for a computed class costs five allocations a row, and lists are long.
func outcomeOf(m MatchRow) string {
	switch {
	case m.Decided && m.Won:
		return "won"
	case m.Decided:
		return "lost"
	default:
		return "none"
	}
}

// ratingValue is a rating as people see it.
func ratingValue(r rally.Rating) int { return wholeNumber(r.Value) }

func wholeNumber(x float64) int { return int(math.Round(x)) }

// rowResult says how a match ended for the player whose list it is in.
func rowResult(s *scope, m MatchRow) string {
	switch {
	case m.Decided && m.Won:
		return s.t("row.won")
	case m.Decided:
		return s.t("row.lost")
	default:
		return s.t("row.none")
	}
}

// spoken is what the polite status region says when a match changes, or "":
// only what the other player did, for of the rest the court speaks.
func spoken(s *scope, p MatchPage) string {
	if p.You == rally.NoSide {
		return ""
	}
	own, other := p.Players[p.You], p.Players[p.You.Other()]
	switch {
	case p.Phase == PhaseWaiting && other.Ready && !own.Ready:
		return s.t("match.other_ready", vars{"Name": nameOf(s, other)})
	case p.Phase == PhaseOver && p.RematchOpen && other.Rematch && !own.Rematch:
		return s.t("match.rematch_offered", vars{"Name": nameOf(s, other)})
	default:
		return ""
	}
}

// errorTitle names an error page.
func errorTitle(s *scope, status int) string {
	switch status {
	case 401:
		return s.t("error.title_401")
	case 403:
		return s.t("error.title_403")
	case 404:
		return s.t("error.title_404")
	case 405:
		return s.t("error.title_405")
	case 409:
		return s.t("error.title_409")
	case 413:
		return s.t("error.title_413")
	case 429:
		return s.t("error.title_429")
	case 503:
		return s.t("error.title_503")
	}
	if status >= 500 {
		return s.t("error.title_500")
	}
	return s.t("error.title_400")
}

// retryable says whether doing the same again may help.
func retryable(status int) bool { return status == 429 || status >= 500 }
