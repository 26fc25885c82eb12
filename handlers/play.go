package handlers

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/match"
	"rally/views"
)

// entrant gives the signed-in user as a match takes them.
func entrant(v rally.Viewer) match.Entrant {
	return match.Entrant{User: v.User.ID, Name: v.User.Name, Rating: v.User.Rating}
}

// playPage builds the lobby of a user.
func (s *Server) playPage(p views.Page, user rally.UserID) views.PlayPage {
	page := views.PlayPage{Page: p, InQueue: s.c.Matchmaker.Len(), Points: s.c.Points}
	page.Waited, page.Waiting = s.c.Matchmaker.Waiting(user)
	page.Live, _ = s.c.Registry.Playing(user)
	return page
}

// toMatch sends a user who has a match there, and says whether it did.
func (s *Server) toMatch(c echo.Context) (gone bool, err error) {
	id, ok := s.c.Registry.Playing(of(c).member())
	if !ok {
		return false, nil
	}
	return true, s.leave(c, matchPath(id))
}

// play is the lobby; someone who has a match is sent to it. Asking for the
// lobby tells the matchmaker that somebody still waits for an answer, which is
// all a browser without a socket can say.
func (s *Server) play(c echo.Context) error {
	if gone, err := s.toMatch(c); gone {
		return err
	}
	user := of(c).member()
	s.c.Matchmaker.Seen(user)
	page := s.playPage(s.page(c), user)
	return s.show(c, http.StatusOK, views.Play(page), views.QueuePanel(page))
}

// enterQueue has the user wait for an opponent.
func (s *Server) enterQueue(c echo.Context) error {
	v := of(c).viewer
	if gone, err := s.toMatch(c); gone {
		return err
	}
	if err := s.c.Matchmaker.Enter(entrant(v)); err != nil && rally.ErrorCode(err) != rally.EConflict {
		return err
	}
	if gone, err := s.toMatch(c); gone { // paired at once, or a match began meanwhile
		return err
	}
	return s.queueChanged(c)
}

// leaveQueue has the user wait no longer.
func (s *Server) leaveQueue(c echo.Context) error {
	s.c.Matchmaker.Leave(of(c).member())
	return s.queueChanged(c)
}

// queueChanged shows the lobby as it is now.
func (s *Server) queueChanged(c echo.Context) error {
	if !isPartial(c.Request()) {
		return s.leave(c, "/play")
	}
	page := s.playPage(s.page(c), of(c).member())
	return s.html(c, http.StatusOK, views.QueuePanel(page))
}

// practice starts a match against the house bot at once.
func (s *Server) practice(c echo.Context) error {
	v := of(c).viewer
	level, err := strconv.Atoi(c.Request().PostForm.Get("level"))
	if err != nil || level < int(rally.BotEasy) || level > int(rally.BotHard) {
		return rally.Errorf(rally.EInvalid, "error.invalid", "practice level %q", c.Request().PostForm.Get("level"))
	}
	s.c.Matchmaker.Leave(v.User.ID)
	id, err := s.c.Registry.Practice(entrant(v), rally.BotLevel(level), s.c.Points)
	if rally.ErrorCode(err) == rally.EConflict {
		if gone, err := s.toMatch(c); gone {
			return err
		}
	}
	if err != nil {
		return err
	}
	return s.leave(c, matchPath(id))
}
