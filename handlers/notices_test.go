package handlers_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/handlers"
)

// noticeWalk: see walkTable.
var noticeWalk = map[string]walked{
	"GET /notices":       {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"POST /notices/read": {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
}

// TestNotices: what somebody was told is listed, each with the way to it, and
// counts as read once the page says so.
func TestNotices(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	cea := s.insider(t, "Cea")
	ada.get("/notices").has(`.notice-row a[href="/players/` + itoa(bea.user.ID) + `"]`)
	if _, err := s.store.Ask(t.Context(), cea.user.ID, ada.user.ID); err != nil {
		t.Fatal(err)
	}
	path := bea.challenge(ada.user.ID)
	if err := s.store.AddNotice(t.Context(), ada.user.ID, rally.Notice{Kind: rally.NoticeTournamentCall, Match: "abcdefghijkl"}); err != nil {
		t.Fatal(err)
	}
	page := ada.get("/notices")
	page.wants(http.StatusOK)
	for _, link := range []string{"/friends", "/players/" + itoa(bea.user.ID), path, "/matches/abcdefghijkl"} {
		page.has(`.notice-row.unread a[href="` + link + `"]`)
	}
	page.has(`noscript`)
	if n := len(page.find(".notice-row .new")); n != 4 {
		t.Errorf("%d are new", n)
	}
	upTo := page.attr(`form[action="/notices/read"][data-hx-trigger=load] input[name=up_to]`, "value")

	// What comes after the page was written stays unread; nobody else's change.
	dea := s.insider(t, "Dea")
	for _, to := range []*browser{ada, bea} {
		if _, err := s.store.Ask(t.Context(), dea.user.ID, to.user.ID); err != nil {
			t.Fatal(err)
		}
	}
	socket := ada.open()
	ada.postWith(partial(), "/notices/read", "up_to", upTo, "user", itoa(bea.user.ID)).wants(http.StatusNoContent)
	socket.waitText("#notice-count")
	if n := len(ada.get("/notices").find(".notice-row .new")); n != 1 {
		t.Errorf("%d are new", n)
	}
	if n := len(bea.get("/notices").find(".notice-row .new")); n == 0 {
		t.Error("another's are read")
	}
	ada.post("/notices/read", "up_to", strconv.Itoa(1<<40)).leadsTo("/notices")
	read := ada.get("/notices")
	read.hasNot(".new")
	read.hasNot(`form[action="/notices/read"]`)
	for _, upTo := range []string{"", "0", "-1", "x", strings.Repeat("9", 40)} {
		ada.post("/notices/read", "up_to", upTo).wants(http.StatusUnprocessableEntity)
	}
	s.insider(t, "Eva").get("/notices").has(".empty")
}

// TestMissedChallenge: a notice leads to a challenge while that can be accepted,
// then to a new one the other way.
func TestMissedChallenge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	challenge := `.notice-row a[href="` + bea.challenge(ada.user.ID) + `"]`
	back := `.notice-row a[href="/challenges/new?to=` + itoa(bea.user.ID) + `"]`
	s.clock.ahead.Add(int64(rally.ChallengeLife - time.Minute))
	open := ada.get("/notices")
	open.has(challenge)
	open.hasNot(back)
	s.clock.ahead.Add(int64(2 * time.Minute))
	missed := ada.get("/notices")
	missed.hasNot(challenge)
	ada.get(missed.attr(back, "href")).wants(http.StatusOK)
}

// TestNoticesArePaged: a page has thirty, and the way to older ones.
func TestNoticesArePaged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.insider(t, "Ada")
	const notices = 65
	for i := range notices {
		n := rally.Notice{Kind: rally.NoticeTournamentCall, Match: rally.MatchID(fmt.Sprintf("match%07d", i))}
		if err := s.store.AddNotice(t.Context(), ada.user.ID, n); err != nil {
			t.Fatal(err)
		}
	}
	seen, rounds := map[string]bool{}, 0
	for path := "/notices"; path != "" && rounds < 9; rounds++ {
		page := ada.get(path, partial()...)
		page.wants(http.StatusOK)
		for _, row := range page.find(`a[href^="/matches/"]`) {
			for _, a := range row.Attr {
				if a.Key == "href" {
					seen[a.Val] = true
				}
			}
		}
		path = page.attr(".older a", "href")
	}
	if rounds != 3 || len(seen) != notices {
		t.Errorf("%d on %d pages", len(seen), rounds)
	}
	for _, before := range []string{"x", "-5", "0", strings.Repeat("9", 30)} {
		ada.get("/notices?before=" + before).wants(http.StatusBadRequest)
	}
}
