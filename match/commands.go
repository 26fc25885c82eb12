package match

import (
	"errors"

	"rally"
	"rally/pong"
)

// The errors people see; their messages are ids of the catalogue in views.
func errGone() error { return &rally.Error{Code: rally.ENotFound, Message: "error.match_gone"} }

func errPlaying() error { return &rally.Error{Code: rally.EConflict, Message: "error.already_playing"} }

func errNotYours() error {
	return &rally.Error{Code: rally.EForbidden, Message: "error.not_your_match"}
}

func errNotNow(why string) error {
	return rally.Errorf(rally.EConflict, "error.not_ready_now", "match: %s", why)
}

func errStopped() error {
	return &rally.Error{Code: rally.EUnavailable, Message: "error.busy", RetryAfter: 5}
}

// errThere says that there is a match of that id.
var errThere = errors.New("match: there is one of that id")

// Create makes a match and seats both players, who are to be there, and for
// rated and casual matches to be ready, within Config.ReadyTime. It publishes
// nothing: whoever paired the players does.
//
// EConflict ("error.already_playing") when one of them already plays, EInvalid
// for points not within 1 and 99, a player twice, or a rated match with a bot.
func (r *Registry) Create(kind rally.MatchKind, points int, players [2]Entrant) (rally.MatchID, error) {
	m, err := r.create(rally.NewMatchID(), kind, points, players, kind == rally.Practice)
	if err != nil {
		return "", err
	}
	return m.id, nil
}

// Pair makes the match of two who have agreed to play, under an id that stands
// for their agreement, and publishes rally.MatchPaired. There is only ever one:
// while a match of that id can be found, Pair does nothing. Errors are those of
// Create.
func (r *Registry) Pair(id rally.MatchID, kind rally.MatchKind, points int, players [2]Entrant) error {
	if !id.Valid() {
		return rally.Errorf(rally.EInvalid, "error.invalid", "match: %q for an id", id)
	}
	m, err := r.create(id, kind, points, players, kind == rally.Practice)
	switch {
	case errors.Is(err, errThere):
		return nil
	case err != nil:
		return err
	}
	r.call(m)
	return nil
}

// Practice makes a match of a person, on the left, against the house bot.
// Errors are those of Create.
func (r *Registry) Practice(e Entrant, level rally.BotLevel, points int) (rally.MatchID, error) {
	return r.Create(rally.Practice, points, [2]Entrant{e, {Bot: level}})
}

// Find gives a match that is live, or over and still remembered: for
// Config.RememberMe after its end, and always until its result is stored.
func (r *Registry) Find(id rally.MatchID) (Info, bool) {
	m, ok := r.find(id)
	if !ok {
		return Info{}, false
	}
	return m.info(), true
}

// Runs says whether a match is one of this process's that Find gives.
func (r *Registry) Runs(id rally.MatchID) bool {
	_, ok := r.find(id)
	return ok
}

// Playing gives the match that user is in and that is not over.
func (r *Registry) Playing(user rally.UserID) (rally.MatchID, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m, ok := r.playing[user]
	if !ok {
		return "", false
	}
	return m.id, true
}

// Ready notes that user is ready for the match to start. Once it has started,
// nothing happens. When it returns, Find shows it.
//
// ENotFound, EForbidden when user does not play in it, EConflict when it is
// over.
func (r *Registry) Ready(id rally.MatchID, user rally.UserID) error {
	return r.command(id, user, func(m *match, side rally.Side) error {
		if m.phase == Over {
			return errNotNow("over")
		}
		if seat := &m.seats[side]; !seat.ready {
			seat.ready, m.changeDue = true, true
		}
		return nil
	})
}

// Resign gives the match up: during the ready check it ends as rally.NoShow
// and nobody has won, once both were ready as rally.Forfeited for the other
// side. Errors are those of Ready.
func (r *Registry) Resign(id rally.MatchID, user rally.UserID) error {
	return r.command(id, user, func(m *match, side rally.Side) error {
		switch m.phase {
		case Over:
			return errNotNow("over")
		case Waiting:
			m.end(rally.NoShow, rally.NoSide)
		case Countdown, Playing, Paused:
			m.end(rally.Forfeited, side.Other())
		}
		m.loop.drop(m)
		return nil
	})
}

// withdraw calls off a match that has not begun.
func (m *match) withdraw() {
	m.do(func() {
		if m.phase == Waiting {
			m.end(rally.NoShow, rally.NoSide)
			m.loop.drop(m)
		}
	})
}

// Rematch notes that user wants to play the same opponent again. It gives ""
// until both have asked (the bot always has), and then the new match, which
// needs no ready presses; rally.MatchPaired is published for it.
//
// A silent wish is one that only user may know of: nobody else is told, and it
// makes no match. That is up to the opponent, who can ask all the same.
//
// ENotFound and EForbidden like Ready; EConflict while the match is not over,
// when it never began, and when one of the two already plays again, or wants to
// play again and the wish is silent, which look the same.
func (r *Registry) Rematch(id rally.MatchID, user rally.UserID, silent bool) (rally.MatchID, error) {
	var next rally.MatchID
	err := r.command(id, user, func(m *match, side rally.Side) error {
		err := m.again(side, silent)
		next = m.next
		return err
	})
	return next, err
}

// again notes a side's wish for a rematch, and makes it when both want it.
func (m *match) again(side rally.Side, silent bool) error {
	if m.next != "" {
		return nil
	}
	if !m.rematchOpen() {
		return errNotNow("no rematch of it")
	}
	m.wish(&m.seats[side], silent)
	opponent := &m.seats[side.Other()]
	switch {
	case !opponent.rematch && opponent.Bot == rally.NoBot:
		return nil
	case silent:
		return errNotNow("the opponent is out of reach")
	}
	players := [2]Entrant{m.seats[rally.Left].Entrant, m.seats[rally.Right].Entrant}
	if after, rated := afterwards(m.kind, m.outcome, m.winner, players); rated {
		players[rally.Left].Rating, players[rally.Right].Rating = after[rally.Left], after[rally.Right]
	}
	next, err := m.registry.create(rally.NewMatchID(), m.kind, int(m.rules.Points), players, true)
	if err != nil {
		if _, busy := m.registry.Playing(opponent.User); busy {
			return errNotNow("the opponent plays already")
		}
		return err
	}
	m.next, m.changeDue = next.id, true
	m.registry.call(next)
	return nil
}

// wish notes that who sits there wants a rematch. What was said in silence can
// still be said aloud; the other way round changes nothing.
func (m *match) wish(s *seat, silent bool) {
	switch {
	case silent && !s.rematch:
		s.rematch, s.silent = true, true
		m.publish()
		m.registry.tell(rally.Event{Kind: rally.MatchChanged, Match: m.id, Users: []rally.UserID{s.User}})
	case !silent && (!s.rematch || s.silent):
		s.rematch, s.silent, m.changeDue = true, false, true
	}
}

// rematchOpen says whether a rematch may still be asked for.
func (m *match) rematchOpen() bool {
	return m.phase == Over && m.next == "" && (m.outcome == rally.Won || m.outcome == rally.Forfeited)
}

// afterwards gives both ratings after a match, if it changes them. The result
// that counts is the store's; this is the same computation from the ratings
// the match began with.
func afterwards(kind rally.MatchKind, outcome rally.Outcome, winner rally.Side, players [2]Entrant) (after [2]rally.Rating, rated bool) {
	if kind != rally.Rated || winner == rally.NoSide || outcome != rally.Won && outcome != rally.Forfeited {
		return after, false
	}
	loser := winner.Other()
	after[winner] = players[winner].Rating.After(players[loser].Rating, 1)
	after[loser] = players[loser].Rating.After(players[winner].Rating, 0)
	return after, true
}

func (r *Registry) find(id rally.MatchID) (*match, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	m, ok := r.matches[id]
	return m, ok
}

// command has f carried out by the loop of a match that user plays in, and
// what f changed published, before it returns.
func (r *Registry) command(id rally.MatchID, user rally.UserID, f func(*match, rally.Side) error) error {
	m, ok := r.find(id)
	if !ok {
		return errGone()
	}
	side := m.sideOf(user)
	if side == rally.NoSide {
		return errNotYours()
	}
	return m.loop.call(func() error {
		err := f(m, side)
		m.settle()
		return err
	})
}

// create makes a match and gives it to the loop with the fewest; errThere when
// there is one of that id.
func (r *Registry) create(
	id rally.MatchID, kind rally.MatchKind, points int, players [2]Entrant, noCheck bool,
) (*match, error) {
	if err := checkPlayers(kind, players); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return nil, errStopped()
	}
	if _, there := r.matches[id]; there {
		return nil, errThere
	}
	for _, e := range players {
		if _, busy := r.playing[e.User]; busy && e.User != 0 {
			return nil, errPlaying()
		}
	}
	rules, ok := r.rules[points]
	if !ok {
		standard := pong.Standard(points)
		if int(standard.Points) != points {
			return nil, rally.Errorf(rally.EInvalid, "error.invalid", "match: %d points", points)
		}
		rules = &standard
		r.rules[points] = rules
	}
	l := r.loops[0]
	for _, other := range r.loops[1:] {
		if other.load.Load() < l.load.Load() {
			l = other
		}
	}
	m := newMatch(r, l, id, kind, rules, players, noCheck)
	r.matches[m.id] = m
	for _, e := range players {
		if e.User != 0 {
			r.playing[e.User] = m
		}
	}
	if r.cards != nil {
		r.cards.note(m, false)
	}
	l.load.Add(1)
	l.box.post(func() { l.add(m) })
	return m, nil
}

// checkPlayers says what is wrong with two entrants, nil if they can play.
func checkPlayers(kind rally.MatchKind, players [2]Entrant) error {
	for _, e := range players {
		if (e.User == 0) == (e.Bot == rally.NoBot) || e.User < 0 || e.Bot < rally.NoBot || e.Bot > rally.BotHard {
			return rally.Errorf(rally.EInvalid, "error.invalid", "match: user %d as bot %d", e.User, e.Bot)
		}
		if kind != rally.Practice && e.Bot != rally.NoBot {
			return rally.Errorf(rally.EInvalid, "error.invalid", "match: a %s match with a bot", kind)
		}
	}
	if players[0].User == players[1].User && players[0].User != 0 {
		return rally.Errorf(rally.EInvalid, "error.invalid", "match: user %d against themselves", players[0].User)
	}
	return nil
}
