package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/handlers"
)

// rankingWalk: see walkTable.
var rankingWalk = map[string]walked{
	"GET /leaderboard": {handlers.Open, "200", "200", "200", "200", "200"},
}

// beats keeps a rated match that one has won against another.
func (s *site) beats(t *testing.T, winner, loser rally.User) {
	t.Helper()
	finished := time.Now()
	if err := s.store.KeepMatch(t.Context(), rally.Match{
		ID: rally.NewMatchID(), Kind: rally.Rated, Points: 11, Outcome: rally.Won, Winner: rally.Left,
		Players:   [2]rally.Player{{User: winner.ID, Score: 11}, {User: loser.ID, Score: 4}},
		StartedAt: finished.Add(-time.Minute), FinishedAt: finished, Rules: []byte{1},
	}); err != nil {
		t.Fatal(err)
	}
}

// people makes accounts.
func (s *site) people(t *testing.T, n int) (all []rally.User) {
	t.Helper()
	for i := range n {
		u, err := s.store.CreateUser(t.Context(), rally.NewUser{Name: fmt.Sprintf("Player %d", i), Email: fmt.Sprintf("p%d@example.org", i)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

func TestLeaderboard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	visitor, ada := s.browser(t), s.insider(t, "Ada")
	empty := visitor.get("/leaderboard")
	empty.wants(http.StatusOK)
	empty.has(".empty")
	none := ada.get("/leaderboard?me=1")
	none.wants(http.StatusOK)
	none.has(".empty")
	none.hasNot("table.board")

	people := s.people(t, 52)
	for i := 0; i < len(people); i += 2 {
		s.beats(t, people[i], people[i+1])
	}
	s.beats(t, people[0], ada.user) // who is last but for those without a win

	first := visitor.get("/leaderboard")
	first.hasNot(".parts")
	if rows := first.find(".board tbody tr:not(.more)"); len(rows) != 50 {
		t.Fatalf("%d rows", len(rows))
	}
	if top := first.attr(".board tbody th a", "href"); top != "/players/"+itoa(people[0].ID) {
		t.Errorf("the best is %s", top)
	}
	next := first.attr("tr.more a", "href")
	second := visitor.get(next)
	if rows := second.find(".board tbody tr:not(.more)"); len(rows) != 3 {
		t.Errorf("%d rows on the second page", len(rows))
	}
	second.has("h1")
	second.has("main a[href='/leaderboard']")
	part := visitor.get(next, partial()...)
	if text := strings.TrimSpace(part.text); !strings.HasPrefix(text, "<tr") || !strings.HasSuffix(text, "</tr>") {
		t.Errorf("rows are %.200s", text)
	}
	visitor.get("/leaderboard?after=nonsense").wants(http.StatusUnprocessableEntity)

	around := ada.get("/leaderboard?me=1")
	around.has(".parts a[href='/leaderboard?me=1#me'][aria-current=page]")
	if own := around.find("tr[aria-current=true] a[href='/players/" + itoa(ada.user.ID) + "']"); len(own) != 1 {
		t.Errorf("%d own rows", len(own))
	}
	// Whoever is nobody yet has no place to ask for.
	visitor.get("/leaderboard?me=1").hasNot("tr[aria-current=true]")
}

// A profile says how its owner has done, and how its viewer stands to them.
func TestProfileOfSomebodyPlayed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.insider(t, "Ada"), s.insider(t, "Bea")
	path := "/players/" + itoa(bea.user.ID)
	before := ada.get(path)
	before.hasNot(".versus")
	before.hasNot(".chart")
	before.hasNot(".rank")

	s.beats(t, ada.user, bea.user)
	s.beats(t, bea.user, ada.user)
	s.beats(t, ada.user, bea.user)
	page := ada.get(path)
	page.has("svg.chart-drawing[role=img]")
	page.has(".rank")
	page.has("[data-person='" + itoa(bea.user.ID) + "']")
	if rows := page.find(".chart-numbers tbody tr"); len(rows) != 3 {
		t.Errorf("the table has %d ratings", len(rows))
	}
	if !strings.Contains(page.text, "2 won, 1 lost") {
		t.Error("the record is not shown")
	}
	visitors, own := s.browser(t).get(path), bea.get(path)
	for _, mine := range []string{".versus", "[data-person]", "[data-seen]"} {
		visitors.hasNot(mine)
		own.hasNot(mine)
	}
	own.has(".rank[href='/leaderboard?me=1#me']")
}

// Requirement 30: what a friend sees of somebody, a stranger does not, and of
// two people one of whom has blocked the other, neither is told that the other
// plays.
func TestProfileTellsWhoPlays(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea, cea := s.insider(t, "Ada"), s.insider(t, "Bea"), s.insider(t, "Cea")
	visitor := s.browser(t)
	path, seen := "/players/"+itoa(bea.user.ID), "[data-seen='"+itoa(bea.user.ID)+"']"
	badge := seen + " [data-badge='" + itoa(bea.user.ID) + "']"
	bea.post("/practice", "level", "1").wants(http.StatusSeeOther)
	id, _ := s.registry.Playing(bea.user.ID)
	watch := "main .notice a[href='/matches/" + string(id) + "']"

	stranger := ada.get(path)
	stranger.has(watch)
	stranger.has(seen + ":empty")
	visitor.get(path).hasNot(watch)
	bea.get(path).has(watch)

	s.pair(t, ada.user.ID, bea.user.ID)
	friend := ada.get(path)
	friend.has(badge)
	friend.hasNot(watch) // the badge leads there
	// An open profile asks for what has changed, and is told whether there is a badge.
	place := `hx-partial[data-hx-target='[data-seen="` + itoa(bea.user.ID) + `"]']`
	actions := "/people/" + itoa(bea.user.ID) + "/actions"
	ada.get(actions, partial()...).has(place + " [data-badge]")
	cea.get(actions, partial()...).has(place + ":empty")

	for _, blocks := range [][2]*browser{{bea, cea}, {cea, bea}} {
		if err := s.store.Block(t.Context(), blocks[0].user.ID, blocks[1].user.ID); err != nil {
			t.Fatal(err)
		}
		page := cea.get(path)
		page.wants(http.StatusOK)
		page.hasNot(watch)
		page.hasNot(badge)
		if err := s.store.Unblock(t.Context(), blocks[0].user.ID, blocks[1].user.ID); err != nil {
			t.Fatal(err)
		}
	}
	cea.get(path).has(watch)
	for _, wrong := range []string{"/players/0", "/players/-1", "/players/x", "/players/99999", "/players/99999999999999999999"} {
		ada.get(wrong).wants(http.StatusNotFound)
	}
}

// pair makes two people friends.
func (s *site) pair(t *testing.T, a, b rally.UserID) {
	t.Helper()
	for _, pair := range [][2]rally.UserID{{a, b}, {b, a}} {
		if _, err := s.store.Ask(t.Context(), pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
}
