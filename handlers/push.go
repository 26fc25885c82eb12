package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/a-h/templ"

	"rally"
	"rally/live"
	"rally/match"
	"rally/views"
)

// pushTime bounds the queries of one event.
const pushTime = 2 * time.Second

// Listeners gives those who turn events of the bus into what the open pages of
// those they concern must show, and hand that to the hub. Nothing else renders
// for somebody who has not asked. Each is to have a subscription of its own, so
// that nobody waits for what somebody else has to ask for. Events are hints: one
// that comes too late or not at all is healed by the next load.
func (s *Server) Listeners() []func(rally.Event) {
	return []func(rally.Event){s.actOn, s.showMatches, s.showPeople}
}

// actOn does what must be done at once. Nothing here waits for anything.
func (s *Server) actOn(e rally.Event) {
	switch e.Kind {
	case rally.MatchPaired:
		s.notePlaying(e)
		for _, user := range e.Users {
			s.push(context.Background(), user, func(views.Page) templ.Component {
				return views.PushCall(views.CallBanner{Match: e.Match})
			})
		}
	case rally.MatchChanged:
		s.notePlaying(e)
	case rally.PlaceTaken:
		for _, user := range e.Users {
			s.c.Hub.CloseElsewhere(user, e.Session)
		}
	case rally.SessionEnded:
		s.c.Hub.CloseSession(e.Session, live.CodeSessionEnded, e.Reason)
	default: // others' to handle
	}
}

// showMatches shows the queue and matches to those who are in them, which may
// take an answer of another node, and for a result one query.
func (s *Server) showMatches(e rally.Event) {
	ctx, cancel := context.WithTimeout(context.Background(), pushTime)
	defer cancel()
	switch e.Kind {
	case rally.MatchPaired:
		for _, user := range e.Users { // whatever else they were waiting for
			s.c.Matchmaker.Leave(user)
		}
	case rally.MatchChanged:
		s.pushLive(ctx, e)
	case rally.MatchStored:
		s.pushKept(ctx, e)
	case rally.QueueChanged:
		for _, user := range e.Users {
			s.push(ctx, user, func(p views.Page) templ.Component {
				return views.PushQueuePanel(s.playPage(p, user))
			})
		}
	default: // others' to handle
	}
}

// showPeople shows what happens between people and what waits for them, with a
// query or two for each event.
func (s *Server) showPeople(e rally.Event) {
	ctx, cancel := context.WithTimeout(context.Background(), pushTime)
	defer cancel()
	switch e.Kind {
	case rally.FriendsChanged:
		s.pushFriends(ctx, e)
		s.pushInbox(ctx, e.Users...)
	case rally.Renamed:
		s.pushRenamed(ctx, e)
	case rally.Noticed, rally.MessagesRead:
		s.pushInbox(ctx, e.Users...)
	case rally.ChallengeChanged:
		s.pushChallenge(ctx, e)
	case rally.MessageSent:
		s.pushMessage(ctx, e)
	default: // others' to handle
	}
}

// call gives what leads a user to the match that they are expected in, while they
// are not on its court.
func (s *Server) call(user rally.UserID) func(views.Page) templ.Component {
	return func(views.Page) templ.Component {
		id, playing := s.c.Registry.Playing(user)
		if !playing {
			return nil
		}
		info, ok := s.c.Registry.Find(id)
		side := info.Of(user)
		if !ok || info.Phase == match.Over || side == rally.NoSide || info.Players[side].Connected {
			return nil
		}
		return views.PushCall(views.CallBanner{Match: id, Back: info.Phase != match.Waiting})
	}
}

// pushLive shows both players their match as the registry has it. That may have
// to ask the node where it runs, and does so only if somebody here has a page
// open.
func (s *Server) pushLive(ctx context.Context, e rally.Event) {
	find := sync.OnceValues(func() (match.Info, bool) { return s.c.Registry.Find(e.Match) })
	for _, user := range e.Users {
		s.push(ctx, user, func(p views.Page) templ.Component {
			info, ok := find()
			if !ok {
				return nil
			}
			return views.PushMatchPanel(liveMatch(p, info, user))
		})
	}
}

// pushKept shows both players the result and what it did to their ratings. It is
// asked for only if somebody here has a page open.
func (s *Server) pushKept(ctx context.Context, e rally.Event) {
	find := sync.OnceValues(func() (rally.Match, error) { return s.c.Results.FindMatch(ctx, e.Match) })
	for _, user := range e.Users {
		s.push(ctx, user, func(p views.Page) templ.Component {
			kept, err := find()
			if err != nil {
				s.pushFailed(ctx, e, err)
				return nil
			}
			page := keptMatch(p, kept, user)
			if info, ok := s.c.Registry.Find(e.Match); ok {
				withRematch(&page, info)
			}
			return views.PushMatchPanel(page)
		})
	}
}

// push renders a fragment for one user's open pages, once for each language
// they are in. A component that is nil is nothing to show.
func (s *Server) push(ctx context.Context, user rally.UserID, component func(views.Page) templ.Component) {
	s.c.Hub.Push(user, s.fragment(ctx, user, component))
}

// fragment gives what renders a component for one user's pages.
func (s *Server) fragment(
	ctx context.Context, user rally.UserID, component func(views.Page) templ.Component,
) func(locale string) ([]byte, error) {
	return func(locale string) ([]byte, error) {
		page := views.Page{Dev: s.c.Dev, Path: "/", Viewer: rally.Viewer{
			Stage: rally.StageFull, User: rally.User{ID: user}, Locale: locale,
		}}
		fragment := component(page)
		if fragment == nil {
			return nil, nil
		}
		return s.c.Views.Render(ctx, locale, fragment)
	}
}
