package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/match"
	"rally/views"
)

// Challenges keeps offers to play.
type Challenges interface {
	CreateChallenge(ctx context.Context, from, to rally.UserID, points int, rated bool) (c rally.Challenge, crossed bool, err error)
	TakeChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) (rally.Challenge, error)
	DeclineChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) error
	WithdrawChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) error
	ReopenChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) error
	SetChallengeMatch(ctx context.Context, id rally.ChallengeID, match rally.MatchID) error
	FindChallenge(ctx context.Context, id rally.ChallengeID, viewer rally.UserID) (rally.Challenge, error)
	ListChallenges(ctx context.Context, user rally.UserID) ([]rally.Challenge, error)
}

// challengePath is where a challenge is found.
func challengePath(id rally.ChallengeID) string { return "/challenges/" + string(id) }

// challengeID reads a challenge's id from the address.
func challengeID(c echo.Context) (rally.ChallengeID, error) {
	id := rally.ChallengeID(c.Param("id"))
	if !id.Valid() {
		return "", notFound()
	}
	return id, nil
}

// challengePoints are what one can choose a match to go to.
func (s *Server) challengePoints() []int {
	points := []int{3, 5, 7, 11, 15, 21}
	if !slices.Contains(points, s.c.Points) {
		points = append(points, s.c.Points)
		slices.Sort(points)
	}
	return points
}

// challengeFormPage is the form for a challenge to somebody, or with "" for
// whoever has the link.
func (s *Server) challengeFormPage(c echo.Context, to string) (views.ChallengeFormPage, error) {
	page := views.ChallengeFormPage{Page: s.page(c), Choices: s.challengePoints(), Points: s.c.Points}
	if to == "" {
		page.Path = "/challenges/new"
		return page, nil
	}
	id, err := userID(to)
	if err != nil {
		return page, err
	}
	page.Path = "/challenges/new?to=" + strconv.FormatInt(int64(id), 10)
	page.To, err = s.c.Users.FindUser(c.Request().Context(), id)
	return page, err
}

// challengeForm asks what to play for.
func (s *Server) challengeForm(c echo.Context) error {
	page, err := s.challengeFormPage(c, c.QueryParam("to"))
	if err != nil {
		return err
	}
	status := http.StatusOK
	if page.To.ID == page.Viewer.User.ID {
		status, page.Problem = http.StatusConflict, "challenge.self"
	}
	return s.html(c, status, views.ChallengeForm(page))
}

// createChallenge makes a challenge. When the other has made one to the viewer
// meanwhile, that is what they both want, and they go to the court; they are there
// already when the viewer has pressed twice.
func (s *Server) createChallenge(c echo.Context) error {
	ctx, v, form := c.Request().Context(), of(c).viewer, c.Request().PostForm
	page, err := s.challengeFormPage(c, form.Get("to"))
	if err != nil {
		return err
	}
	points, err := strconv.Atoi(form.Get("points"))
	kind := rally.MatchKind(form.Get("kind"))
	if err != nil || !slices.Contains(page.Choices, points) || kind != rally.Rated && kind != rally.Casual {
		return s.challengeFormAgain(c, page, rally.Errorf(rally.EInvalid, "error.invalid", "challenge: %q to %q", kind, form.Get("points")))
	}
	page.Points, page.Casual = points, kind == rally.Casual
	if page.To.ID == v.User.ID {
		return s.challengeFormAgain(c, page, rally.Errorf(rally.EInvalid, "challenge.self", "user %d challenges themselves", v.User.ID))
	}
	if id, ok := s.together(v.User.ID, page.To.ID); ok {
		return s.leave(c, matchPath(id))
	}
	if err := s.c.Throttles.Charge(ctx, auth.ChallengeCharges(v.User.ID)...); err != nil {
		return s.challengeFormAgain(c, page, err)
	}
	made, crossed, err := s.c.Challenges.CreateChallenge(ctx, v.User.ID, page.To.ID, points, kind == rally.Rated)
	switch {
	case err != nil:
		return s.challengeFormAgain(c, page, err)
	case crossed:
		if err := s.seat(ctx, made, v); err != nil {
			// The challenge is open again, and to accept it says what is in the way.
			of(c).err = err
			return s.leave(c, challengePath(made.ID))
		}
		return s.leave(c, matchPath(matchOf(made)))
	}
	// Their match may have begun meanwhile.
	if id, ok := s.together(v.User.ID, page.To.ID); ok {
		if made.State == rally.ChallengeOpen {
			if err := s.c.Challenges.WithdrawChallenge(ctx, made.ID, v.User.ID); err != nil {
				return err
			}
		}
		return s.leave(c, matchPath(id))
	}
	return s.leave(c, challengePath(made.ID))
}

// together gives the match that two people play with each other.
func (s *Server) together(a, b rally.UserID) (rally.MatchID, bool) {
	id, busy := s.c.Registry.Playing(a)
	with, too := s.c.Registry.Playing(b)
	return id, busy && too && id == with
}

// challengeFormAgain shows the form once more, with what is wrong.
func (s *Server) challengeFormAgain(c echo.Context, page views.ChallengeFormPage, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	return s.html(c, status, views.ChallengeForm(page))
}

// challenge is the page of a challenge. Once it has led to a match, its two
// players are sent there.
func (s *Server) challenge(c echo.Context) error {
	id, err := challengeID(c)
	if err != nil {
		return err
	}
	page, err := s.challengePage(c, id)
	if err != nil {
		return err
	}
	if page.Court != "" && !page.Over {
		return s.leave(c, matchPath(page.Court))
	}
	return s.show(c, http.StatusOK, views.Challenge(page), views.ChallengePanel(page))
}

// challengePage builds the page of a challenge for the viewer.
func (s *Server) challengePage(c echo.Context, id rally.ChallengeID) (views.ChallengePage, error) {
	ctx, user := c.Request().Context(), of(c).member()
	page := views.ChallengePage{Page: s.page(c)}
	page.Path = challengePath(id)
	var err error
	if page.Challenge, err = s.c.Challenges.FindChallenge(ctx, id, user); err != nil {
		return page, err
	}
	page.Own, page.Open, page.Other = page.From.ID == user, page.OpenAt(s.c.Now()), page.From
	if page.Own {
		page.Address = s.c.BaseURL.JoinPath(challengePath(id)).String()
		page.Other = rally.User{}
		if page.To != 0 {
			if page.Other, err = s.c.Users.FindUser(ctx, page.To); err != nil {
				return page, err
			}
		}
	}
	if page.State == rally.ChallengeAccepted && (page.Own || page.To == user) {
		page.Court, page.Over = s.courtOf(page.Challenge)
		page.Again = !page.Own && page.Court == "" && s.c.Now().Before(page.ExpiresAt)
	}
	return page, nil
}

// courtOf gives the match that an accepted challenge has led to, "" for none.
func (s *Server) courtOf(c rally.Challenge) (id rally.MatchID, over bool) {
	info, live := s.c.Registry.Find(matchOf(c))
	switch {
	case live:
		return info.ID, info.Phase == match.Over
	case c.Match != "":
		return c.Match, true
	default:
		return "", false
	}
}

// challenges lists what can be accepted.
func (s *Server) challenges(c echo.Context) error {
	ctx, user := c.Request().Context(), of(c).member()
	page := views.ChallengesPage{Page: s.page(c)}
	list, err := s.c.Challenges.ListChallenges(ctx, user)
	if err != nil {
		return err
	}
	var others []rally.UserID
	for _, one := range list {
		if one.From.ID == user && one.To != 0 {
			others = append(others, one.To)
		}
	}
	found, err := s.c.Users.FindUsers(ctx, others)
	if err != nil {
		return err
	}
	for _, one := range list {
		if one.From.ID == user {
			page.Mine = append(page.Mine, views.MyChallenge{Challenge: one, Other: found[one.To]})
		} else {
			page.ToMe = append(page.ToMe, one)
		}
	}
	return s.show(c, http.StatusOK, views.Challenges(page), views.ChallengeLists(page))
}

// invitations gives the challenges that a user can accept.
func (s *Server) invitations(ctx context.Context, user rally.UserID) ([]rally.Challenge, error) {
	list, err := s.c.Challenges.ListChallenges(ctx, user)
	return slices.DeleteFunc(list, func(c rally.Challenge) bool { return c.From.ID == user }), err
}
