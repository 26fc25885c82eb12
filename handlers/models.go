package handlers

import (
	"math"
	"time"

	"rally"
	"rally/match"
	"rally/views"
)

// round gives a rating as it is shown.
func round(r rally.Rating) int { return int(math.Round(r.Value)) }

// phase gives a match's phase as its page knows it.
func phase(p match.Phase) views.MatchPhase {
	switch p {
	case match.Waiting:
		return views.PhaseWaiting
	case match.Countdown:
		return views.PhaseCountdown
	case match.Playing:
		return views.PhasePlaying
	case match.Paused:
		return views.PhasePaused
	default:
		return views.PhaseOver
	}
}

// liveMatch is the page of a match that the registry knows, as user sees it.
func liveMatch(p views.Page, m match.Info, user rally.UserID) views.MatchPage {
	page := views.MatchPage{
		Page: p, ID: m.ID, Kind: m.Kind, Points: m.Points, Phase: phase(m.Phase), You: m.Of(user),
		ReadyLeft: m.ReadyLeft, Outcome: m.Outcome, Winner: m.Winner, Stored: m.Stored,
		StartedAt: m.StartedAt, FinishedAt: m.FinishedAt, Duration: played(m.Ticks),
	}
	for side, player := range m.Players {
		page.Players[side] = views.MatchPlayer{
			User: player.User, Name: player.Name, Bot: player.Bot,
			Rating: round(player.Rating), Provisional: player.Rating.Provisional(),
			Score: player.Score, Ready: player.Ready, Connected: player.Connected, PauseLeft: player.PauseLeft,
		}
		if after := m.After[side]; !after.Zero() {
			page.Players[side].Rated, page.Players[side].RatingAfter = true, round(after)
		}
	}
	withRematch(&page, m)
	return page
}

// withRematch adds to a page what only the registry knows: who wants to play
// again, and where.
func withRematch(page *views.MatchPage, m match.Info) {
	page.RematchOpen, page.Next = m.RematchOpen, m.Next
	for side, player := range m.Players {
		page.Players[side].Rematch = player.WantsRematch && (!player.RematchSilent || page.You == rally.Side(side))
	}
}

// keptMatch is the page of a finished match from the database.
func keptMatch(p views.Page, m rally.Match, user rally.UserID) views.MatchPage {
	page := views.MatchPage{
		Page: p, ID: m.ID, Kind: m.Kind, Points: m.Points, Phase: views.PhaseOver, You: m.Of(user),
		Outcome: m.Outcome, Winner: m.Winner, Stored: true,
		StartedAt: m.StartedAt, FinishedAt: m.FinishedAt, Duration: played(m.Ticks),
	}
	for side, player := range m.Players {
		page.Players[side] = matchPlayer(player)
	}
	return page
}

// played gives how long so many ticks of play took.
func played(ticks int64) time.Duration { return time.Duration(ticks) * time.Second / 60 }

func matchPlayer(p rally.Player) views.MatchPlayer {
	v := views.MatchPlayer{
		User: p.User, Name: p.Name, Bot: p.Bot,
		Rating: round(p.Before), Provisional: p.Before.Provisional(), Score: p.Score,
	}
	if !p.After.Zero() {
		v.Rated, v.RatingAfter = true, round(p.After)
	}
	return v
}

// matchRow is a finished match in the list of one of its players.
func matchRow(m rally.Match, user rally.UserID) views.MatchRow {
	side := m.Of(user)
	if side == rally.NoSide {
		side = rally.Left
	}
	own, other := m.Players[side], m.Players[side.Other()]
	row := views.MatchRow{
		ID: m.ID, Kind: m.Kind, Opponent: matchPlayer(other),
		Won: m.Winner == side, Decided: m.Winner != rally.NoSide, Outcome: m.Outcome,
		Score: [2]int{own.Score, other.Score}, Finished: m.FinishedAt,
	}
	if !own.After.Zero() {
		row.Delta = round(own.After) - round(own.Before)
	}
	return row
}
