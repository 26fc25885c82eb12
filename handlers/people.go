package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// people finds people by name.
func (s *Server) people(c echo.Context) error {
	ctx, user := c.Request().Context(), of(c).member()
	page := views.PeoplePage{Page: s.page(c), Query: strings.ToValidUTF8(clip(c.QueryParam("q"), 200), "")}
	if strings.TrimSpace(page.Query) == "" {
		return s.show(c, http.StatusOK, views.People(page), views.PeopleRows(page))
	}
	if err := s.c.Throttles.Charge(ctx, auth.SearchCharges(user)...); err != nil {
		status, words, ok := formProblem(c, err)
		if !ok || isPartial(c.Request()) {
			return err
		}
		page.Problem, page.Wait = words.Message, wait(words)
		return s.html(c, status, views.People(page))
	}
	found, more, err := s.c.People.SearchPeople(ctx, user, page.Query, c.QueryParam("after"), peoplePage)
	if err != nil {
		return err
	}
	page.Looked, page.Found = true, views.PeopleList{People: s.cards(found), More: more}
	return s.show(c, http.StatusOK, views.People(page), views.PeopleRows(page))
}

// personActions shows on an open page what can be done about somebody now.
func (s *Server) personActions(c echo.Context) error {
	id, err := personID(c)
	if err != nil {
		return err
	}
	if !isPartial(c.Request()) {
		return s.leave(c, "/players/"+strconv.FormatInt(int64(id), 10))
	}
	card, err := s.findCard(c, id)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.PersonActions(card, s.wayBack(pathOf(c.Request()))))
}

// personID reads whom a path is about.
func personID(c echo.Context) (rally.UserID, error) { return userID(c.Param("id")) }

// userID reads whom an address or a form is about; what can be nobody's id is
// the same as that of nobody.
func userID(text string) (rally.UserID, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number <= 0 {
		return 0, notFound()
	}
	return rally.UserID(number), nil
}

// findCard gives somebody as the viewer sees them; nobody else is themselves.
func (s *Server) findCard(c echo.Context, id rally.UserID) (views.PersonCard, error) {
	user := of(c).member()
	if id == user {
		return views.PersonCard{}, rally.Errorf(rally.EInvalid, "friends.self", "user %d about themselves", user)
	}
	p, err := s.c.People.FindPerson(c.Request().Context(), user, id)
	if err != nil {
		return views.PersonCard{}, err
	}
	return s.card(p), nil
}

// ask asks somebody to be friends.
func (s *Server) ask(c echo.Context) error {
	return s.deed("ask", func(ctx context.Context, user, other rally.UserID) error {
		if err := s.c.Throttles.Charge(ctx, auth.FriendCharges(user)...); err != nil {
			return err
		}
		_, err := s.c.People.Ask(ctx, user, other)
		return err
	})(c)
}

// deed does something about somebody, and shows what can be done about them
// then: on the page that the form was on, or in place of the form.
func (s *Server) deed(what string, do func(ctx context.Context, user, other rally.UserID) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := personID(c)
		if err != nil {
			return err
		}
		if err := do(c.Request().Context(), of(c).member(), id); err != nil {
			return err
		}
		next := localPath(c.Request().PostForm.Get("next"))
		if next == "/" {
			next = friendsPath
		}
		if !isPartial(c.Request()) {
			return s.leave(c, next)
		}
		card, err := s.findCard(c, id)
		if err != nil {
			return err
		}
		done := views.Deed{What: what, Name: card.User.Name}
		if what == "ask" && card.Relation == rally.RelationFriends { // the other had asked as well
			done.What = "accept"
		}
		if u, err := url.Parse(next); err != nil || u.Path != friendsPath {
			return s.html(c, http.StatusOK, views.PersonActed(card, next, done))
		}
		page, err := s.friendsPage(c)
		if err != nil {
			return err
		}
		page.Acted = id
		if near, err := strconv.ParseInt(c.Request().PostForm.Get("near"), 10, 64); err == nil {
			page.Near = rally.UserID(near)
		}
		return s.html(c, http.StatusOK, views.FriendsActed(page, done))
	}
}

// pushFriends has the pages of two people show how they stand to each other
// now. Each page asks for what it shows of that.
func (s *Server) pushFriends(ctx context.Context, e rally.Event) {
	s.c.Hub.FriendsChanged(e.Users...)
	for i, user := range e.Users {
		others := slices.DeleteFunc(slices.Clone(e.Users), func(id rally.UserID) bool { return id == user })
		s.push(ctx, user, func(views.Page) templ.Component { return views.PushFriends(others, i == 0) })
	}
}
