package match

import (
	"rally"
	"rally/pong"
)

// Phase is where a match stands.
type Phase uint8

// The phases.
const (
	Waiting   = Phase(pong.Waiting)   // for both players to be there, and ready
	Countdown = Phase(pong.Countdown) // 3-2-1 before play starts or goes on
	Playing   = Phase(pong.Playing)
	Paused    = Phase(pong.Paused) // somebody is absent
	Over      = Phase(pong.Over)
)

// String gives the phase's name for logs.
func (p Phase) String() string {
	switch p {
	case Waiting:
		return "waiting"
	case Countdown:
		return "countdown"
	case Playing:
		return "playing"
	case Paused:
		return "paused"
	default:
		return "over"
	}
}

// wait is a tick of the ready check.
func (m *match) wait() {
	if m.timer--; m.everyone() && m.seats[rally.Left].ready && m.seats[rally.Right].ready {
		m.countDown()
	} else if m.timer <= 0 {
		m.end(rally.NoShow, rally.NoSide)
	}
}

// count is a tick of the countdown.
func (m *match) count() {
	if !m.everyone() {
		m.enterPhase(Paused)
		return
	}
	if m.timer--; m.timer > 0 {
		return
	}
	if m.state.Steps == 0 {
		m.started = m.registry.clock.Date()
	}
	m.enterPhase(Playing)
}

// play is a tick of the game.
func (m *match) play() {
	if !m.everyone() {
		m.enterPhase(Paused)
		return
	}
	event := m.state.Step(m.rules, m.dirs)
	m.recording.add(m.dirs)
	if event.Has(pong.EventTurn) {
		m.frameDue = true
		m.scoreDue = m.scoreDue || event.Has(pong.EventPoint)
	}
	if event.Has(pong.EventOver) {
		m.end(rally.Won, rally.Side(m.state.Winner()))
	} else if m.state.Steps >= m.registry.limits.play {
		m.end(rally.Abandoned, rally.NoSide)
	}
}

// pause is a tick in which somebody is, or was until now, absent.
func (m *match) pause() {
	var gone, spent [2]bool // absent; and without pause time left
	for s := range m.seats {
		seat := &m.seats[s]
		if gone[s] = seat.absent; seat.absent && seat.pause > 0 {
			seat.pause--
		}
		spent[s] = seat.absent && seat.pause == 0
	}
	switch {
	case !gone[rally.Left] && !gone[rally.Right]:
		m.countDown()
	case spent[rally.Left] && spent[rally.Right]:
		m.end(rally.Abandoned, rally.NoSide)
	case spent[rally.Left] && !gone[rally.Right]:
		m.end(rally.Forfeited, rally.Right)
	case spent[rally.Right] && !gone[rally.Left]:
		m.end(rally.Forfeited, rally.Left)
	}
	// Spent, and the other one gone with time left: the other may still come
	// back and win, or run out as well.
}

// everyone says whether both players are there.
func (m *match) everyone() bool {
	return !m.seats[rally.Left].absent && !m.seats[rally.Right].absent
}

func (m *match) countDown() {
	m.timer = m.registry.limits.countdown
	m.enterPhase(Countdown)
}

func (m *match) enterPhase(p Phase) {
	m.phase = p
	m.changed()
}

// end closes the match for good. The loop drops it after the tick, and the
// registry has the result kept.
func (m *match) end(outcome rally.Outcome, winner rally.Side) {
	m.outcome, m.winner = outcome, winner
	m.finished = m.registry.clock.Date()
	m.dirs = pong.Input{}
	for s := range m.seats {
		if seat := &m.seats[s]; seat.bot != nil {
			m.remove(seat.door)
			seat.bot, seat.door = nil, nil
		}
	}
	m.enterPhase(Over)
	m.registry.retire(m)
}

// result gives the finished match as it is to be kept.
func (m *match) result() rally.Match {
	rules, _ := m.rules.AppendBinary(make([]byte, 0, pong.RulesLen))
	result := rally.Match{
		ID: m.id, Kind: m.kind, Points: int(m.rules.Points), Outcome: m.outcome, Winner: m.winner,
		StartedAt: m.started, FinishedAt: m.finished,
		Ticks: int64(m.state.Steps), Hash: m.state.Hash(), Rules: rules, Seed: m.seed,
		Recording: m.recording.finish(),
	}
	for s := range m.seats {
		e := &m.seats[s].Entrant
		result.Players[s] = rally.Player{
			User: e.User, Name: e.Name, Bot: e.Bot, Before: e.Rating, Score: int(m.state.Score[s]),
		}
	}
	return result
}
