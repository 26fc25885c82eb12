package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// People keeps how people stand to each other. What may be asked of whom, and
// what each error means, says package store.
type People interface {
	SearchPeople(ctx context.Context, viewer rally.UserID, text, cursor string, limit int) (people []rally.Person, next string, err error)
	FindPerson(ctx context.Context, viewer, other rally.UserID) (rally.Person, error)
	ListFriends(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	ListRequests(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	ListAsked(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	ListBlocked(ctx context.Context, user rally.UserID, cursor string, limit int) (people []rally.Person, next string, err error)
	Ask(ctx context.Context, from, to rally.UserID) (now rally.Relation, err error)
	Accept(ctx context.Context, user, from rally.UserID) error
	Decline(ctx context.Context, user, from rally.UserID) error
	Withdraw(ctx context.Context, user, to rally.UserID) error
	Remove(ctx context.Context, user, friend rally.UserID) error
	Block(ctx context.Context, user, other rally.UserID) error
	Unblock(ctx context.Context, user, other rally.UserID) error
	BlockedEither(ctx context.Context, a, b rally.UserID) (blocked bool, err error)
}

const (
	friendsPath = "/friends"
	peoplePage  = 30  // how many people a list shows at once
	peopleMax   = 500 // … and at most, however often it was asked for more
)

// friends shows who the viewer's friends are, and who would be; of one list
// what comes after a cursor.
func (s *Server) friends(c echo.Context) error {
	if list := c.QueryParam("list"); list != "" {
		return s.moreFriends(c, list)
	}
	page, err := s.friendsPage(c)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, views.Friends(page), views.FriendLists(page))
}

// friendsPage has all lists, each as far down as the page that asks shows it.
func (s *Server) friendsPage(c echo.Context) (page views.FriendsPage, err error) {
	page.Page = s.pageAt(c, friendsPath)
	for list, into := range map[string]*views.PeopleList{
		views.ListRequests: &page.Requests, views.ListFriends: &page.Friends, views.ListAsked: &page.Asked,
	} {
		if *into, err = s.list(c, list, "", shown(c, list)); err != nil {
			return page, err
		}
	}
	return page, nil
}

// moreFriends shows one list from a cursor on.
func (s *Server) moreFriends(c echo.Context, list string) error {
	found, err := s.list(c, list, c.QueryParam("after"), peoplePage)
	if err != nil {
		return err
	}
	page := views.FriendsPage{Page: s.page(c), Only: list}
	switch list {
	case views.ListRequests:
		page.Requests = found
	case views.ListFriends:
		page.Friends = found
	default:
		page.Asked = found
	}
	return s.show(c, http.StatusOK, views.Friends(page), views.FriendRows(page, list, found))
}

// list gives the first n people of one of the viewer's lists from a cursor on,
// those who are online first.
func (s *Server) list(c echo.Context, name, cursor string, n int) (l views.PeopleList, err error) {
	ask, ok := map[string]func(context.Context, rally.UserID, string, int) ([]rally.Person, string, error){
		views.ListRequests: s.c.People.ListRequests,
		views.ListFriends:  s.c.People.ListFriends,
		views.ListAsked:    s.c.People.ListAsked,
	}[name]
	if !ok {
		return l, notFound()
	}
	ctx, user := c.Request().Context(), of(c).member()
	for l.More = cursor; len(l.People) < n; {
		people, next, err := ask(ctx, user, l.More, n-len(l.People))
		if err != nil {
			return l, err
		}
		l.People = append(l.People, s.cards(people)...)
		if l.More = next; next == "" {
			break
		}
	}
	slices.SortStableFunc(l.People, func(a, b views.PersonCard) int { return away(a) - away(b) })
	return l, nil
}

// away puts whoever is not there behind those who are.
func away(c views.PersonCard) int {
	if c.Presence.State == rally.PresenceOffline {
		return 1
	}
	return 0
}

// shown gives how many rows of a list the page shows that asks for it anew: it
// says so once for each part that it has asked for. One more is there after a
// press that moves somebody there.
func shown(c echo.Context, list string) (n int) {
	for _, part := range slices.Concat(c.QueryParams()[list], c.Request().PostForm[list]) {
		rows, err := strconv.Atoi(part)
		if err != nil || rows < 0 {
			return peoplePage
		}
		n += min(rows, peopleMax)
	}
	if c.Request().Method == http.MethodPost {
		n++
	}
	return min(max(n, peoplePage), peopleMax)
}

// blocked lists whom the viewer has blocked.
func (s *Server) blocked(c echo.Context) error {
	people, more, err := s.c.People.ListBlocked(c.Request().Context(), of(c).member(), c.QueryParam("after"), peoplePage)
	if err != nil {
		return err
	}
	page := views.BlockedPage{Page: s.page(c), Blocked: views.PeopleList{People: s.cards(people), More: more}}
	return s.show(c, http.StatusOK, views.Blocked(page), views.BlockedRows(page))
}

// card is somebody as their viewer sees them now.
func (s *Server) card(p rally.Person) views.PersonCard {
	c := views.PersonCard{Person: p}
	if p.Relation == rally.RelationFriends {
		if c.Presence = s.c.Hub.Presence(p.User.ID); c.Presence.State == rally.PresenceOffline {
			c.Presence.SeenAt = p.SeenAt
		}
	}
	return c
}

func (s *Server) cards(people []rally.Person) []views.PersonCard {
	cards := make([]views.PersonCard, len(people))
	for i, p := range people {
		cards[i] = s.card(p)
	}
	return cards
}
