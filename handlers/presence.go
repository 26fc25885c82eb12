package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"rally"
	"rally/live"
	"rally/views"
)

// active is what a page says when somebody has done something on it. The guard
// has noted that already, as it does for every request that a person makes.
func (s *Server) active(c echo.Context) error { return c.NoContent(http.StatusNoContent) }

// noteActive tells the hub of a request that a person has made: of a form that
// was sent, and of a page. What a page asks for or says by itself tells nothing
// about who sits before it.
func (s *Server) noteActive(c echo.Context) {
	st := of(c)
	if user := st.member(); user != 0 && st.gate != Socket && !byItself(c) {
		s.c.Hub.Active(user)
	}
}

// byItself says whether a request may be one that an open page makes while
// nobody does anything: for part of it, for another token, or to say that what
// it shows has been seen.
func byItself(c echo.Context) bool {
	r := c.Request()
	if r.Method != http.MethodPost {
		return isHTMX(r)
	}
	return c.Path() == "/live/token" || isHTMX(r) && strings.HasSuffix(c.Path(), "/read")
}

// inbox is what waits for the viewer, for a page that has been without its
// socket.
func (s *Server) inbox(c echo.Context) error {
	waiting, err := s.c.Notices.Inbox(c.Request().Context(), of(c).member())
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, templ.Join(views.PushInbox(waiting), views.PushInvites(waiting.Challenges)))
}

// framed gives a whole page what its frame shows of the viewer's people. A page
// is shown without when that cannot be known now.
func (s *Server) framed(c echo.Context, page *views.Page) {
	user := page.Viewer.User.ID
	if !page.Viewer.SignedIn() || page.Viewer.Elsewhere || isPartial(c.Request()) {
		return
	}
	waiting, err := s.c.Notices.Inbox(c.Request().Context(), user)
	if err != nil {
		s.c.Log.LogAttrs(c.Request().Context(), slog.LevelWarn, "inbox",
			slog.String("id", page.RequestID), slog.Int64("user", int64(user)), slog.String("error", err.Error()))
		return
	}
	page.Inbox, page.Online = waiting, s.c.Hub.Among(waiting.Friends)
}

// pushInbox has the pages of users show how much waits for them.
func (s *Server) pushInbox(ctx context.Context, users ...rally.UserID) {
	for _, user := range users {
		// Asked for only if a page of theirs is open here, and once for all.
		waiting := sync.OnceValues(func() (rally.Inbox, error) { return s.c.Notices.Inbox(ctx, user) })
		s.c.Hub.Push(user, func(locale string) ([]byte, error) {
			found, err := waiting()
			if err != nil {
				return nil, err
			}
			return s.c.Views.Render(ctx, locale, views.PushInbox(found))
		})
	}
}

// pushRenamed has the pages of a user, of their friends, and of whoever plays
// with them, show their new name. Those who only watch a match ask for it by
// themselves.
func (s *Server) pushRenamed(ctx context.Context, e rally.Event) {
	for _, id := range e.Users {
		user, err := s.c.Users.FindUser(ctx, id)
		if err != nil {
			s.c.Log.LogAttrs(ctx, slog.LevelWarn, "push", slog.String("event", string(e.Kind)),
				slog.Int64("user", int64(id)), slog.String("error", err.Error()))
			continue
		}
		s.c.Registry.Rename(id, user.Name)
		s.c.Matchmaker.Rename(id, user.Name)
		s.c.Hub.Renamed(id, user.Name)
		concerned := append(s.c.Hub.Watchers(id), id)
		if playing, ok := s.c.Registry.Playing(id); ok {
			if info, ok := s.c.Registry.Find(playing); ok {
				for _, player := range info.Players {
					if player.User != 0 {
						concerned = append(concerned, player.User)
					}
				}
			}
		}
		s.c.Hub.PushAll(concerned, func(locale string) ([]byte, error) {
			return s.c.Views.Render(ctx, locale, views.PushName(id, user.Name))
		})
	}
}

// notePlaying tells the hub that a match's players may play now, or no longer.
func (s *Server) notePlaying(e rally.Event) { s.c.Hub.PlayingChanged(e.Users...) }

// Playing gives what the hub is to know of matches: those that run on this node.
// Others are for their nodes to tell.
func Playing(r Registry) func(user rally.UserID) rally.MatchID {
	return func(user rally.UserID) rally.MatchID {
		if id, ok := r.Playing(user); ok && r.Runs(id) {
			return id
		}
		return ""
	}
}

// painter renders what presence looks like.
type painter struct{ views *views.Views }

// NewPainter gives what renders badges for the hub.
func NewPainter(v *views.Views) live.Painter { return painter{v} }

func (p painter) Badge(locale string, friend rally.FriendState) ([]byte, error) {
	return p.views.Render(context.Background(), locale, views.PushBadge(friend))
}

func (p painter) Online(locale string, friends []rally.FriendState) ([]byte, error) {
	return p.views.Render(context.Background(), locale, views.PushOnline(friends))
}
