package handlers

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"rally"
	"rally/match"
	"rally/views"
)

// matchOf is the id of the one match that a challenge can lead to: its own, so
// that however often it is accepted, crossed or tried again, there is one.
func matchOf(c rally.Challenge) rally.MatchID { return rally.MatchID(c.ID) }

// acceptChallenge takes both to the court. Whoever has accepted already gets
// there again, or tries again what came to nothing before.
func (s *Server) acceptChallenge(c echo.Context) error {
	ctx, v := c.Request().Context(), of(c).viewer
	id, err := challengeID(c)
	if err != nil {
		return err
	}
	found, err := s.c.Challenges.FindChallenge(ctx, id, v.User.ID)
	if err != nil {
		return s.challengeFailed(c, id, err)
	}
	if found.OpenAt(s.c.Now()) && found.From.ID != v.User.ID {
		if err := s.free(found, v.User.ID); err != nil {
			return s.challengeFailed(c, id, err)
		}
	}
	taken, err := s.c.Challenges.TakeChallenge(ctx, id, v.User.ID)
	if err != nil {
		return s.challengeFailed(c, id, err)
	}
	if found.State == rally.ChallengeAccepted {
		began, err := s.began(ctx, taken)
		switch {
		case err != nil:
			return s.challengeFailed(c, id, err)
		case began:
			return s.leave(c, matchPath(matchOf(taken)))
		}
	}
	if err := s.seat(ctx, taken, v); err != nil {
		return s.challengeFailed(c, id, err)
	}
	return s.leave(c, matchPath(matchOf(taken)))
}

// began says whether a challenge that was accepted before has led to a match.
// ECONFLICT when it is too late to try that again.
func (s *Server) began(ctx context.Context, c rally.Challenge) (bool, error) {
	if c.Match != "" {
		return true, nil
	}
	// It may have, without anybody having been able to note it, and be over.
	_, err := s.c.Results.FindMatch(ctx, matchOf(c))
	switch {
	case err == nil:
		return true, nil
	case rally.ErrorCode(err) != rally.ENotFound:
		return false, err
	case !s.c.Now().Before(c.ExpiresAt):
		return false, rally.Errorf(rally.EConflict, "challenge.gone", "accepted long ago")
	}
	return false, nil
}

// free says why the two cannot begin to play, if they cannot. Whoever may accept
// a challenge may also know that it would be in vain.
func (s *Server) free(c rally.Challenge, taker rally.UserID) error {
	// They may be in its very match already, having pressed twice.
	if id, busy := s.c.Registry.Playing(taker); busy && id != matchOf(c) {
		return rally.Errorf(rally.EConflict, "challenge.you_play", "user %d plays", taker)
	}
	if id, busy := s.c.Registry.Playing(c.From.ID); busy && id != matchOf(c) {
		return rally.Errorf(rally.EConflict, "challenge.they_play", "user %d plays", c.From.ID)
	}
	if s.c.Hub.Presence(c.From.ID).State == rally.PresenceOffline {
		return rally.Errorf(rally.EConflict, "challenge.not_here", "user %d has no page open", c.From.ID)
	}
	return nil
}

// seat makes the match of a challenge that v has accepted, and takes both out
// of the queue. If that cannot be, the challenge is open again.
func (s *Server) seat(ctx context.Context, c rally.Challenge, v rally.Viewer) error {
	if err := s.pair(c, v); err != nil {
		s.giveBack(ctx, c, v.User.ID)
		return err
	}
	s.c.Matchmaker.Leave(c.From.ID)
	s.c.Matchmaker.Leave(v.User.ID)
	// Both are on their way. If this fails, the match is found by its id as long
	// as anybody knows of it.
	if err := s.c.Challenges.SetChallengeMatch(ctx, c.ID, matchOf(c)); err != nil {
		s.c.Log.LogAttrs(ctx, slog.LevelWarn, "challenge's match not noted",
			slog.String("challenge", string(c.ID)), slog.String("error", err.Error()))
	}
	return nil
}

// pair makes the match of a challenge that v has accepted.
func (s *Server) pair(c rally.Challenge, v rally.Viewer) error {
	if err := s.free(c, v.User.ID); err != nil {
		return err
	}
	kind := rally.Casual
	if c.Rated {
		kind = rally.Rated
	}
	maker := match.Entrant{User: c.From.ID, Name: c.From.Name, Rating: c.From.Rating}
	players := [2]match.Entrant{maker, entrant(v)}
	if rand.Uint64()&1 == 0 { // who plays on the left is no secret
		players[0], players[1] = players[1], players[0]
	}
	err := s.c.Registry.Pair(matchOf(c), kind, c.Points, players)
	if rally.ErrorCode(err) == rally.EConflict {
		if busy := s.free(c, v.User.ID); busy != nil {
			return busy
		}
	}
	return err
}

// giveBack has a challenge that a user has accepted in vain be as it was, for
// them, or if it is a link for anybody. Should that fail, they can try again for
// a while, and whoever has made it can take it back.
func (s *Server) giveBack(ctx context.Context, c rally.Challenge, user rally.UserID) {
	if _, there := s.c.Registry.Find(matchOf(c)); there { // a press at the same time was luckier
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pushTime)
	defer cancel()
	if err := s.c.Challenges.ReopenChallenge(ctx, c.ID, user); err != nil {
		s.c.Log.LogAttrs(ctx, slog.LevelWarn, "challenge not given back",
			slog.String("challenge", string(c.ID)), slog.String("error", err.Error()))
	}
}

// declineChallenge says no, and goes back to the page it was said on.
func (s *Server) declineChallenge(c echo.Context) error {
	return s.endChallenge(c, func(ctx context.Context, id rally.ChallengeID, user rally.UserID) error {
		if found, err := s.c.Challenges.FindChallenge(ctx, id, user); err == nil && found.From.ID == user {
			return rally.Errorf(rally.EConflict, "challenge.own", "user %d declines their own challenge", user)
		}
		return s.c.Challenges.DeclineChallenge(ctx, id, user)
	})
}

// withdrawChallenge takes the viewer's own back.
func (s *Server) withdrawChallenge(c echo.Context) error {
	return s.endChallenge(c, func(ctx context.Context, id rally.ChallengeID, user rally.UserID) error {
		// It may have led to a match without anybody having been able to note it.
		if _, live := s.c.Registry.Find(matchOf(rally.Challenge{ID: id})); live {
			return nil
		}
		return s.c.Challenges.WithdrawChallenge(ctx, id, user)
	})
}

func (s *Server) endChallenge(c echo.Context, end func(context.Context, rally.ChallengeID, rally.UserID) error) error {
	id, err := challengeID(c)
	if err != nil {
		return err
	}
	if err := end(c.Request().Context(), id, of(c).member()); err != nil {
		return s.challengeFailed(c, id, err)
	}
	if !isPartial(c.Request()) {
		back := challengePath(id)
		if from := pathOf(c.Request()); from != "" {
			back = s.wayBack(from)
		}
		return s.leave(c, back)
	}
	return s.challengeAnswer(c, id, http.StatusOK, "")
}

// challengeFailed answers a press that came to nothing: with the challenge as
// it is now, and why.
func (s *Server) challengeFailed(c echo.Context, id rally.ChallengeID, err error) error {
	words, ok := errors.AsType[*rally.Error](err)
	if !ok || words.Code != rally.EConflict && words.Code != rally.ENotFound {
		return err
	}
	of(c).err = err
	return s.challengeAnswer(c, id, statusOf(words.Code), words.Message)
}

// challengeAnswer shows a challenge after a press, with what went wrong.
func (s *Server) challengeAnswer(c echo.Context, id rally.ChallengeID, status int, problem string) error {
	page, err := s.challengePage(c, id)
	gone := rally.ErrorCode(err) == rally.ENotFound
	if err != nil && (!gone || !isPartial(c.Request())) {
		return err
	}
	if gone { // it is over, and none of the viewer's business any more
		page.Challenge, page.Other = rally.Challenge{ID: id}, rally.User{}
	}
	page.Problem, page.Here = problem, pathOf(c.Request()) == challengePath(id)
	if !isPartial(c.Request()) {
		return s.html(c, status, views.Challenge(page))
	}
	left, err := s.invitations(c.Request().Context(), of(c).member())
	if err != nil {
		return err
	}
	c.Response().Header().Set("HX-Reswap", "none") // each part finds its own place
	return s.html(c, status, views.ChallengeAnswer(page, left))
}

// pushChallenge has the open pages of both show what has become of a challenge.
// The first of an event's users has made it.
func (s *Server) pushChallenge(ctx context.Context, e rally.Event) {
	for i, user := range e.Users {
		s.push(ctx, user, func(views.Page) templ.Component { return views.PushChallenge(e.Challenge) })
		if i > 0 {
			s.push(ctx, user, s.invites(ctx, user, true))
			continue
		}
		// Asked for only if a page of theirs is open here.
		news := sync.OnceValue(func() templ.Component { return s.declinedNews(ctx, e) })
		s.push(ctx, user, func(views.Page) templ.Component { return news() })
	}
}

// declinedNews says that the challenge of an event has been declined, if it has.
func (s *Server) declinedNews(ctx context.Context, e rally.Event) templ.Component {
	c, err := s.c.Challenges.FindChallenge(ctx, e.Challenge, e.Users[0])
	if err != nil || c.State != rally.ChallengeDeclined {
		s.pushFailed(ctx, e, err)
		return nil
	}
	by, err := s.c.Users.FindUser(ctx, c.To)
	if err != nil {
		s.pushFailed(ctx, e, err)
		return nil
	}
	return views.PushDeclined(c, by)
}

// invites gives what has a user's pages show the challenges that they can
// accept; also that there are none, if that is news.
func (s *Server) invites(ctx context.Context, user rally.UserID, news bool) func(views.Page) templ.Component {
	shown := sync.OnceValue(func() templ.Component {
		list, err := s.invitations(ctx, user)
		if err != nil {
			s.pushFailed(ctx, rally.Event{Kind: rally.ChallengeChanged, Users: []rally.UserID{user}}, err)
			return nil
		}
		if len(list) == 0 && !news {
			return nil
		}
		return views.PushInvites(list)
	})
	return func(views.Page) templ.Component { return shown() }
}

// pushFailed notes that something could not be shown. What is gone needs not be.
func (s *Server) pushFailed(ctx context.Context, e rally.Event, err error) {
	if err != nil && rally.ErrorCode(err) != rally.ENotFound {
		s.c.Log.LogAttrs(ctx, slog.LevelWarn, "push", slog.String("event", string(e.Kind)),
			slog.Any("users", e.Users), slog.String("error", err.Error()))
	}
}
