package match

import (
	"time"

	"rally"
	"rally/pong"
)

// Info is what pages show of a match. It is a copy: the match goes on.
type Info struct {
	ID      rally.MatchID
	Kind    rally.MatchKind
	Points  int // to win
	Phase   Phase
	Players [2]InfoPlayer // by side
	// ReadyLeft is what remains of the ready check while Waiting, else 0.
	ReadyLeft time.Duration

	// Outcome and Winner say how it ended: "" and NoSide before that.
	Outcome rally.Outcome
	Winner  rally.Side
	// Stored says that the result has been kept. After then has the ratings
	// computed from those in Players, for a rated match that had a winner;
	// what is kept may differ if a rating changed during the match.
	Stored bool
	After  [2]rally.Rating
	// RematchOpen says that asking for a rematch makes sense; Next is the
	// rematch once both have asked.
	RematchOpen bool
	Next        rally.MatchID

	// StartedAt is when play began; until then, when the match was made.
	StartedAt  time.Time
	FinishedAt time.Time // zero before the end
	// Ticks counts the steps of play, without pauses, up to the last point or
	// other change.
	Ticks int64
}

// InfoPlayer is one end of the court.
type InfoPlayer struct {
	Entrant
	Score        int
	Ready        bool // for the match to start
	Connected    bool // on court, and heard of within the last seconds
	WantsRematch bool
	// RematchSilent says that nobody but them may be told of that.
	RematchSilent bool
	// PauseLeft is the time the player may still be away in this match.
	PauseLeft time.Duration
	// RTT is the round-trip time the player's browser reports, negative when
	// it is not known.
	RTT time.Duration
}

// Of gives the side user plays, or NoSide.
func (i *Info) Of(user rally.UserID) rally.Side {
	for s := range i.Players {
		if user != 0 && i.Players[s].User == user {
			return rally.Side(s)
		}
	}
	return rally.NoSide
}

// snapshot is an Info as of a moment. It is never changed once published.
type snapshot struct {
	Info
	at time.Duration
}

// publish makes the state as it is visible to info.
func (m *match) publish() {
	s := &snapshot{at: m.registry.clock.Now(), Info: Info{
		ID: m.id, Kind: m.kind, Points: int(m.rules.Points), Phase: m.phase,
		Outcome: m.outcome, Winner: m.winner, Stored: m.stored, After: m.ratings,
		RematchOpen: m.rematchOpen(), Next: m.next,
		StartedAt: m.started, FinishedAt: m.finished, Ticks: int64(m.state.Steps),
	}}
	if m.phase == Waiting {
		s.ReadyLeft = toDuration(m.timer)
	}
	for side := range m.seats {
		seat := &m.seats[side]
		s.Players[side] = InfoPlayer{
			Entrant: seat.Entrant, Score: int(m.state.Score[side]),
			Ready: seat.ready, Connected: !seat.absent, WantsRematch: seat.rematch, RematchSilent: seat.silent,
			PauseLeft: toDuration(seat.pause),
		}
	}
	m.snapshot.Store(s)
}

// info gives the match as last published, with the clocks that have run since.
// It may be called by anyone.
func (m *match) info() Info {
	s := m.snapshot.Load()
	info := s.Info
	elapsed := m.registry.clock.Now() - s.at
	info.ReadyLeft = max(info.ReadyLeft-elapsed, 0)
	for side := range info.Players {
		p := &info.Players[side]
		if info.Phase == Paused && !p.Connected {
			p.PauseLeft = max(p.PauseLeft-elapsed, 0)
		}
		p.RTT = -1
		if rtt := m.rtt[side].Load(); rtt != pong.UnknownRTT {
			p.RTT = time.Duration(rtt) * time.Millisecond
		}
	}
	return info
}
