package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"rally"
	"rally/handlers"
	"rally/match"
)

// challengeWalk: see walkTable.
var challengeWalk = map[string]walked{
	"GET /challenges":               {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"POST /challenges":              {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
	"GET /challenges/new":           {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"GET /challenges/:id":           {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /challenges/:id/accept":   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /challenges/:id/decline":  {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /challenges/:id/withdraw": {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
}

// pals makes two people friends, and gives their browsers.
func (s *site) pals(t *testing.T, a, b string) (*browser, *browser) {
	t.Helper()
	one, other := s.insider(t, a), s.insider(t, b)
	if _, err := s.store.Ask(t.Context(), one.user.ID, other.user.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Accept(t.Context(), other.user.ID, one.user.ID); err != nil {
		t.Fatal(err)
	}
	return one, other
}

// challenge sends the form, to somebody or with 0 for a link, and gives where it
// leads.
func (b *browser) challenge(to rally.UserID, fields ...string) (path string) {
	b.t.Helper()
	form := append([]string{"points", "3", "kind", "casual"}, fields...)
	if to != 0 {
		form = append(form, "to", itoa(to))
	}
	res := b.post("/challenges", form...)
	res.wants(http.StatusSeeOther)
	return res.Header.Get("Location")
}

// count says how many of the texts so far contain a part.
func (s *socket) count(part string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range s.texts {
		if strings.Contains(text, part) {
			n++
		}
	}
	return n
}

// idOf gives the id in the path of a challenge.
func idOf(path string) rally.ChallengeID {
	return rally.ChallengeID(strings.TrimPrefix(path, "/challenges/"))
}

// TestChallengeAFriend: a friend is asked on the page they are on, and when they
// accept both are called to one court.
func TestChallengeAFriend(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	stranger := s.insider(t, "Cea")
	adaPage, beaPage, other := ada.open(), bea.open(), stranger.open()
	bea.post("/play").leadsTo("/play") // she was waiting for somebody else

	form := ada.get("/challenges/new?to=" + itoa(bea.user.ID))
	form.wants(http.StatusOK)
	form.has(`h1 [data-name="` + itoa(bea.user.ID) + `"]`)
	form.has(`input[name=points][value="1"][checked]`)
	path := ada.challenge(bea.user.ID, "points", "7", "kind", "rated")
	id := rally.MatchID(idOf(path))
	if !id.Valid() {
		t.Fatalf("led to %q", path)
	}

	invitation := beaPage.waitText("#invites", `id="challenge-`+string(id)+`"`, "Ada", "7")
	parses(t, invitation)
	for _, page := range []string{"/settings", "/play", "/players/" + itoa(ada.user.ID), path} {
		shown := bea.get(page)
		shown.wants(http.StatusOK)
		shown.has(`#invites[aria-live=polite] #challenge-` + string(id) + ` form[action="` + path + `/accept"][method=post] button`)
		shown.has(`#invites [role=timer][aria-live=off] time[data-count=down]`)
	}
	waiting := ada.get(path)
	waiting.has(`#challenge form[action="` + path + `/withdraw"]`)
	waiting.has("noscript")
	waiting.hasNot("#challenge form[action$=accept]")
	ada.get("/settings").hasNot("#invites .invite")
	stranger.get(path).wants(http.StatusNotFound)

	bea.post(path + "/accept").leadsTo("/matches/" + string(id))
	adaPage.waitText("#call", "/matches/"+string(id))
	beaPage.waitText("#call", "/matches/"+string(id))
	for _, b := range []*browser{ada, bea} {
		if at, ok := s.registry.Playing(b.user.ID); !ok || at != id {
			t.Errorf("%s plays %q", b.user.Name, at)
		}
		b.get(path).leadsTo("/matches/" + string(id))
		b.get("/settings").hasNot("#invites .invite")
	}
	info, _ := s.registry.Find(id)
	if info.Kind != rally.Rated || info.Points != 7 {
		t.Errorf("made %+v", info)
	}
	until(t, "the empty queue", func() bool { return s.queue.Len() == 0 })

	// Once more is the same; and so it is when all is over.
	bea.post(path + "/accept").leadsTo("/matches/" + string(id))
	if again := bea.postWith(partial(), path+"/accept"); again.Header.Get("HX-Redirect") != "/matches/"+string(id) {
		t.Errorf("htmx is sent to %q", again.Header.Get("HX-Redirect"))
	}
	ada.post("/matches/" + string(id) + "/resign")
	until(t, "the end", func() bool { _, busy := s.registry.Playing(bea.user.ID); return !busy })
	bea.post(path + "/accept").leadsTo("/matches/" + string(id))
	over := ada.get(path)
	over.has(`#challenge a[href="/matches/` + string(id) + `"]`)
	over.hasNot("#challenge form")
	if n := s.registry.Stats().Live; n != 0 {
		t.Errorf("%d matches", n)
	}
	if n := adaPage.count("#call"); n != 1 {
		t.Errorf("called %d times", n)
	}
	if n := other.count("challenge") + other.count("#call"); n != 0 {
		t.Errorf("somebody else was told %d times", n)
	}
}

// TestChallengesCross: two who challenge each other at the same moment play one
// match.
func TestChallengesCross(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 50 {
		ada, bea := s.pals(t, fmt.Sprintf("Ada%d", i), fmt.Sprintf("Bea%d", i))
		ada.open()
		bea.open()
		var wg sync.WaitGroup
		var led [2]string
		wg.Go(func() { led[0] = ada.challenge(bea.user.ID) })
		wg.Go(func() { led[1] = bea.challenge(ada.user.ID, "points", "21") })
		wg.Wait()
		first, ok := s.registry.Playing(ada.user.ID)
		second, too := s.registry.Playing(bea.user.ID)
		if !ok || !too || first != second {
			t.Fatalf("they play %q and %q, and were led to %q", first, second, led)
		}
		if live := s.registry.Stats().Live; live != i+1 {
			t.Fatalf("%d matches of %d pairs", live, i+1)
		}
		for _, path := range led {
			if path != "/matches/"+string(first) && path != "/challenges/"+string(first) {
				t.Errorf("led to %q, and they play %q", path, first)
			}
		}
	}
}

// TestCrossingWantsBothHere: who challenges somebody back who has gone meanwhile
// waits for them on a page, and not on a court.
func TestCrossingWantsBothHere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	path := ada.challenge(bea.user.ID)
	bea.open()
	if led := bea.challenge(ada.user.ID); led != path {
		t.Errorf("led to %q, want %q", led, path)
	}
	if live := s.registry.Stats().Live; live != 0 {
		t.Errorf("%d matches", live)
	}
	bea.get(path).has(`#challenge form[action$=accept]`)
	bea.post(path + "/accept").wants(http.StatusConflict)
	ada.open()
	bea.post(path + "/accept").leadsTo("/matches/" + string(idOf(path)))
}

// TestAcceptedManyTimes: pressing again and again, and challenging back at the
// same moment, makes one match.
func TestAcceptedManyTimes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 10 {
		ada, bea := s.pals(t, fmt.Sprintf("Ada%d", i), fmt.Sprintf("Bea%d", i))
		page := ada.open()
		path := ada.challenge(bea.user.ID)
		to := "/matches/" + string(idOf(path))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if led := bea.post(path + "/accept").Header.Get("Location"); led != to {
					t.Errorf("accepting led to %q, not %q", led, to)
				}
			})
		}
		if i%2 == 0 {
			wg.Go(func() { bea.challenge(ada.user.ID) })
		}
		wg.Wait()
		if live := s.registry.Stats().Live; live != i+1 {
			t.Fatalf("%d matches of %d pairs", live, i+1)
		}
		page.settled()
		if n := page.count("#call"); n != 1 {
			t.Errorf("called %d times", n)
		}
	}
}

// TestLinkIsTakenOnce: whoever opens a link first and accepts plays, once.
func TestLinkIsTakenOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.insider(t, "Ada")
	page := ada.open()
	for i := range 15 {
		path := ada.challenge(0)
		own := ada.get(path)
		own.has(`input[readonly][value="` + s.URL + path + `"]`)
		own.has(`label[for=address]`)
		ada.post(path + "/accept").wants(http.StatusConflict)

		takers := []*browser{s.insider(t, fmt.Sprintf("Bea%d", i)), s.insider(t, fmt.Sprintf("Cea%d", i))}
		takers[1].get(path).has(`#challenge form[action$=accept]`)
		takers[1].get(path).hasNot(`#challenge form[action$=decline]`)
		var wg sync.WaitGroup
		statuses := make([]int, 2)
		for n, b := range takers {
			wg.Go(func() { statuses[n] = b.post(path + "/accept").StatusCode })
		}
		wg.Wait()
		if statuses[0]+statuses[1] != http.StatusSeeOther+http.StatusConflict {
			t.Fatalf("they got %v", statuses)
		}
		loser := takers[0]
		if statuses[0] == http.StatusSeeOther {
			loser = takers[1]
		}
		id := rally.MatchID(idOf(path))
		if at, ok := s.registry.Playing(ada.user.ID); !ok || at != id {
			t.Fatalf("Ada plays %q", at)
		}
		if _, ok := s.registry.Playing(loser.user.ID); ok {
			t.Fatal("the slower one plays")
		}
		loser.get(path).wants(http.StatusOK)
		page.waitText("#call", string(id))
		ada.post("/matches/" + string(id) + "/resign")
		until(t, "the end", func() bool { _, busy := s.registry.Playing(ada.user.ID); return !busy })
	}
}

// TestLinkWaitsForSignIn: somebody who is not signed in comes back to the link.
func TestLinkWaitsForSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	path := s.insider(t, "Ada").challenge(0)
	s.browser(t).get(path).leadsTo("/sign-in?next=%2Fchallenges%2F" + string(idOf(path)) + "&reason=needed")
}

// TestDeadChallenges: what cannot be accepted any more says so, and makes no
// match.
func TestDeadChallenges(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, test := range map[string]struct {
		end    func(path string, ada, bea *browser)
		status int
		gone   bool // there is not even a page any more
	}{
		"withdrawn": {func(path string, ada, _ *browser) { ada.post(path + "/withdraw").leadsTo(path) }, http.StatusNotFound, false},
		"declined":  {func(path string, _, bea *browser) { bea.post(path + "/decline").leadsTo(path) }, http.StatusNotFound, false},
		"replaced": {func(_ string, ada, bea *browser) {
			ada.challenge(bea.user.ID, "points", "21")
		}, http.StatusNotFound, true},
		"blocked": {func(_ string, ada, bea *browser) {
			if err := s.store.Block(t.Context(), ada.user.ID, bea.user.ID); err != nil {
				t.Error(err)
			}
		}, http.StatusNotFound, true},
		"unfriended": {func(_ string, ada, bea *browser) {
			if err := s.store.Remove(t.Context(), ada.user.ID, bea.user.ID); err != nil {
				t.Error(err)
			}
		}, http.StatusNotFound, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ada, bea := s.pals(t, "A-"+name, "B-"+name)
			ada.open()
			path := ada.challenge(bea.user.ID)
			test.end(path, ada, bea)
			dead(t, s, path, test.status, test.gone, bea)
			ada.post(path + "/accept").wants(map[bool]int{true: http.StatusNotFound, false: http.StatusConflict}[test.gone])
		})
	}
}

// dead holds a challenge against what is true of one that is over.
func dead(t *testing.T, s *site, path string, status int, gone bool, b *browser) {
	t.Helper()
	accepted := b.post(path + "/accept")
	accepted.wants(status)
	pressed := b.postWith(partial(), path+"/accept") // on an invitation that is still shown
	pressed.wants(status)
	pressed.has(`hx-partial[data-hx-target="#invites"]`)
	pressed.has(`hx-partial[data-hx-target="#status"] .problem`)
	if !strings.Contains(pressed.text, "This challenge is over.") || !strings.Contains(accepted.text, "This challenge is over.") {
		t.Errorf("it does not say so: %s", accepted.text)
	}
	pressed.hasNot(`#challenge-` + string(idOf(path)))
	shown := b.get(path)
	if gone {
		shown.wants(http.StatusNotFound)
	} else {
		shown.wants(http.StatusOK)
		shown.hasNot("#challenge form")
		shown.has("#challenge h2")
	}
	if _, ok := s.registry.Playing(b.user.ID); ok {
		t.Error("there is a match all the same")
	}
}

// TestChallengeExpires: when its time is up the invitation asks what is left,
// and the page says so.
func TestChallengeExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	path := ada.challenge(bea.user.ID)
	ticking := `#challenge-` + string(idOf(path)) + ` [data-hx-get="/live/inbox"]`
	if asks := bea.get("/settings").attr(ticking, "data-hx-trigger"); !regexp.MustCompile(`^load delay:[1-9]\d\d?s$`).MatchString(asks) {
		t.Errorf("it asks what is left on %q", asks)
	}
	s.clock.forward(rally.ChallengeLife)
	ada.enter(rally.StageFull)
	bea.enter(rally.StageFull)
	asked := bea.get("/live/inbox", partial()...)
	asked.has(`hx-partial[data-hx-target="#invites"] [data-focus=main]`)
	asked.hasNot(".invite")
	bea.get("/settings").hasNot(".invite")
	ada.open()
	dead(t, s, path, http.StatusNotFound, false, bea)
	ada.get(path).hasNot("#challenge form")
	ada.get(path).hasNot("noscript")
}

// TestAcceptWantsBothFree: whoever plays finishes that first, and it is said who.
func TestAcceptWantsBothFree(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	path := ada.challenge(bea.user.ID)
	says := func(words string) {
		t.Helper()
		res := bea.post(path + "/accept")
		res.wants(http.StatusConflict)
		res.has(`#challenge form[action$=accept]`)
		if !strings.Contains(res.text, words) {
			t.Errorf("it does not say %q: %s", words, res.text)
		}
		if _, waits := s.registry.Find(rally.MatchID(idOf(path))); waits {
			t.Error("there is a match all the same")
		}
	}
	says("Ada is not here")
	page := ada.open()
	ada.post("/practice", "level", "1")
	says("Ada is in a match")
	bea.post("/practice", "level", "1")
	says("You are in a match")
	for _, b := range []*browser{ada, bea} {
		id, _ := s.registry.Playing(b.user.ID)
		b.post("/matches/" + string(id) + "/resign")
	}
	bea.post(path + "/accept").leadsTo("/matches/" + string(idOf(path)))
	page.waitText("#call", string(idOf(path)))
}

// faults fails what a test says.
type faults struct {
	handlers.Challenges
	take, set func() error
}

func (f *faults) TakeChallenge(ctx context.Context, id rally.ChallengeID, user rally.UserID) (rally.Challenge, error) {
	c, err := f.Challenges.TakeChallenge(ctx, id, user)
	if err == nil && f.take != nil {
		err = f.take()
	}
	return c, err
}

func (f *faults) SetChallengeMatch(ctx context.Context, id rally.ChallengeID, m rally.MatchID) error {
	if f.set != nil {
		if err := f.set(); err != nil {
			return err
		}
	}
	return f.Challenges.SetChallengeMatch(ctx, id, m)
}

// TestAcceptSurvivesFaults: whatever fails on the way, trying again leads to the
// one match.
func TestAcceptSurvivesFaults(t *testing.T) {
	t.Parallel()
	f := &faults{}
	s := newSite(t, func(c *handlers.Config) {
		f.Challenges = c.Challenges
		c.Challenges = f
	})
	away := func() error { return errors.New("the line broke") }

	// Taken, and nobody heard of it.
	ada, bea := s.pals(t, "Ada", "Bea")
	ada.open()
	path := ada.challenge(bea.user.ID)
	f.take = away
	bea.post(path + "/accept").wants(http.StatusInternalServerError)
	f.take = nil
	if _, ok := s.registry.Playing(bea.user.ID); ok {
		t.Fatal("there is a match")
	}
	ada.get(path).has("#challenge h2")
	bea.get(path).has(`#challenge form[action$=accept]`)
	to := "/matches/" + string(idOf(path))
	bea.post(path + "/accept").leadsTo(to)
	if at, _ := s.registry.Playing(ada.user.ID); at != rally.MatchID(idOf(path)) {
		t.Fatalf("Ada plays %q", at)
	}

	// Made, and not noted: it is found all the same, also once it is over, and
	// never made again.
	cea, dea := s.pals(t, "Cea", "Dea")
	cea.open()
	path = cea.challenge(dea.user.ID)
	to = "/matches/" + string(idOf(path))
	f.set = away
	dea.post(path + "/accept").leadsTo(to)
	dea.post(path + "/accept").leadsTo(to)
	cea.get(path).leadsTo(to)
	cea.post(to + "/resign")
	until(t, "the result", func() bool {
		_, err := s.store.FindMatch(t.Context(), rally.MatchID(idOf(path)))
		return err == nil
	})
	dea.post(path + "/accept").leadsTo(to)
	if _, busy := s.registry.Playing(dea.user.ID); busy {
		t.Error("it was made again")
	}
	f.set = nil

	// One began to play between the question and the answer.
	eva, fay := s.pals(t, "Eva", "Fay")
	eva.open()
	path = eva.challenge(fay.user.ID)
	f.take = func() error {
		_, err := s.registry.Practice(match.Entrant{User: eva.user.ID, Name: "Eva", Rating: rally.NewRating()}, rally.BotEasy, 1)
		return err
	}
	fay.post(path + "/accept").wants(http.StatusConflict)
	f.take = nil
	stuck := fay.get(path)
	stuck.has(`#challenge form[action$=accept]`)
	busy, _ := s.registry.Playing(eva.user.ID)
	eva.post("/matches/" + string(busy) + "/resign")
	fay.post(path + "/accept").leadsTo("/matches/" + string(idOf(path)))

	// Taken, and before it is tried again the other leaves, or is no friend any
	// more: nobody is dragged onto a court.
	for what, leave := range map[string]func(maker, taker *browser, page *socket){
		"gone": func(maker, _ *browser, page *socket) {
			_ = page.conn.CloseNow()
			until(t, "the maker is offline", func() bool {
				return s.hub.Presence(maker.user.ID).State == rally.PresenceOffline
			})
		},
		"unfriended": func(maker, taker *browser, _ *socket) { maker.does("remove", taker.user.ID) },
	} {
		maker, taker := s.pals(t, "Maker-"+what, "Taker-"+what)
		page := maker.open()
		path = maker.challenge(taker.user.ID)
		f.take = away
		taker.post(path + "/accept")
		f.take = nil
		leave(maker, taker, page)
		if res := taker.post(path + "/accept"); res.StatusCode != http.StatusConflict && res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: answered %d", what, res.StatusCode)
		}
		if id, busy := s.registry.Playing(maker.user.ID); busy {
			t.Errorf("%s: the maker plays %s", what, id)
		}
	}

	// Too late for that, a link as well.
	gia, hoa := s.pals(t, "Gia", "Hoa")
	gia.open()
	paths := []string{gia.challenge(hoa.user.ID), gia.challenge(0)}
	f.take = away
	for _, path := range paths {
		hoa.post(path + "/accept").wants(http.StatusInternalServerError)
		hoa.get(path).has(`#challenge form[action$=accept]`)
		own := gia.get(path)
		own.has(`#challenge form[action$=withdraw]`)
		if strings.Contains(own.text, "taken to the court") {
			t.Errorf("nobody is: %s", own.text)
		}
	}
	f.take = nil
	s.clock.forward(rally.ChallengeTryLife)
	for _, path := range paths {
		hoa.get(path).hasNot("#challenge form")
		hoa.post(path + "/accept").wants(http.StatusConflict)
		gia.get(path).has(`#challenge form[action$=withdraw]`)
	}
}

// TestAcceptedInVain: what was accepted while somebody began to play with somebody
// else is as it was before: nobody is said to be on their way, and a link is for
// anybody.
func TestAcceptedInVain(t *testing.T) {
	t.Parallel()
	f := &faults{}
	s := newSite(t, func(c *handlers.Config) {
		f.Challenges = c.Challenges
		c.Challenges = f
	})
	ada, bea := s.pals(t, "Ada", "Bea")
	cea := s.insider(t, "Cea")
	page := ada.open()
	bea.open()
	for _, to := range []rally.UserID{bea.user.ID, 0} {
		path := ada.challenge(to)
		page.settled()
		page.forget()
		f.take = func() error {
			_, err := s.registry.Practice(match.Entrant{User: ada.user.ID, Name: "Ada", Rating: rally.NewRating()}, rally.BotEasy, 1)
			return err
		}
		refused := bea.post(path + "/accept")
		f.take = nil
		refused.wants(http.StatusConflict)
		refused.has(`#challenge form[action$=accept]`)
		if !strings.Contains(refused.text, "Ada is in a match right now.") {
			t.Errorf("it does not say why: %s", refused.text)
		}
		page.settled()
		if page.count(string(idOf(path))) == 0 {
			t.Error("her page was not told")
		}
		own := ada.get(path)
		own.has(`#challenge form[action$=withdraw]`)
		if strings.Contains(own.text, "has accepted") {
			t.Errorf("she is told that she will play: %s", own.text)
		}
		ada.get("/challenges").has(`#challenges a[href="` + path + `"]`)
		busy, _ := s.registry.Playing(ada.user.ID)
		ada.post("/matches/" + string(busy) + "/resign")
		taker := bea
		if to == 0 {
			taker = cea
		} else {
			bea.get("/settings").has(`#challenge-` + string(idOf(path)))
		}
		taker.post(path + "/accept").leadsTo("/matches/" + string(idOf(path)))
		ada.post("/matches/" + string(idOf(path)) + "/resign")
	}

	// Two take two links of hers at the same moment.
	for range 7 {
		paths := []string{ada.challenge(0), ada.challenge(0)}
		var wg sync.WaitGroup
		for i, taker := range []*browser{bea, cea} {
			wg.Go(func() { taker.post(paths[i] + "/accept") })
		}
		wg.Wait()
		playing, _ := s.registry.Playing(ada.user.ID)
		for _, path := range paths {
			c, err := s.store.FindChallenge(t.Context(), idOf(path), ada.user.ID)
			if err != nil || (c.State == rally.ChallengeAccepted) != (playing == rally.MatchID(c.ID)) || c.Match != "" && c.Match != playing {
				t.Errorf("she plays %s, and has %+v, %v", playing, c, err)
			}
			ada.post(path + "/withdraw")
		}
		ada.post("/matches/" + string(playing) + "/resign")
	}
}

// TestChallengeAnsweredTwice: whoever answers a challenge with their own, and
// presses more than once, is led to the match, and invites nobody to another; so
// is whoever challenges somebody with whom they play.
func TestChallengeAnsweredTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 10 {
		ada, bea := s.pals(t, fmt.Sprintf("Ada%d", i), fmt.Sprintf("Bea%d", i))
		ada.open()
		bea.open()
		to := "/matches/" + string(idOf(ada.challenge(bea.user.ID)))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if led := bea.challenge(ada.user.ID); led != to {
					t.Errorf("led to %q, not %q", led, to)
				}
			})
		}
		wg.Wait()
		for _, one := range [][2]*browser{{ada, bea}, {bea, ada}} {
			if led := one[0].challenge(one[1].user.ID, "points", "21"); led != to {
				t.Errorf("%s was led to %q, not %q", one[0].user.Name, led, to)
			}
			if list, err := s.store.ListChallenges(t.Context(), one[0].user.ID); err != nil || len(list) != 0 {
				t.Errorf("%s has %+v, %v", one[0].user.Name, list, err)
			}
			one[0].get("/notices").hasNot(".notice-row a[href^='/challenges/']")
		}
	}
}

// TestChallengeStrangers: whoever is no friend, or has blocked one, looks like a
// friend who is away.
func TestChallengeStrangers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, friend := s.pals(t, "Ada", "Bea")
	stranger, blocker := s.insider(t, "Bob"), s.insider(t, "Ben")
	if err := s.store.Block(t.Context(), blocker.user.ID, ada.user.ID); err != nil {
		t.Fatal(err)
	}
	shown, timeLeft := map[string]bool{}, regexp.MustCompile(`PT\d+S|\d:\d\d|delay:\d+s`)
	for _, b := range []*browser{friend, stranger, blocker} {
		socket := b.open()
		ada.get("/challenges/new?to=" + itoa(b.user.ID)).wants(http.StatusOK)
		path := ada.challenge(b.user.ID)
		page := ada.get(path)
		page.wants(http.StatusOK)
		same := strings.NewReplacer(b.user.Name, "N", `"`+itoa(b.user.ID)+`"`, "I", string(idOf(path)), "C", "challenges/new?to="+itoa(b.user.ID), "F")
		main := page.text[strings.Index(page.text, "<main"):strings.Index(page.text, "</main>")]
		shown[timeLeft.ReplaceAllString(same.Replace(main), "T")] = true
		if b == friend {
			socket.waitText("#invites", string(idOf(path)))
		}
		ada.post(path + "/withdraw").leadsTo(path)
		if b == friend {
			continue
		}
		b.get(path).wants(http.StatusNotFound)
		b.post(path + "/accept").wants(http.StatusNotFound)
		b.post(path + "/decline").wants(http.StatusNotFound)
		b.get("/settings").hasNot("#invites .invite")
		b.get("/notices").hasNot(".notice-row")
		socket.settled()
		if n := socket.count(string(idOf(path))); n != 0 {
			t.Errorf("%s was told %d times", b.user.Name, n)
		}
	}
	if len(shown) != 1 {
		t.Errorf("%d different pages: %v", len(shown), shown)
	}
	// Who blocks somebody cannot challenge them.
	res := blocker.post("/challenges", "points", "3", "kind", "casual", "to", itoa(ada.user.ID))
	res.wants(http.StatusConflict)
	res.has(".problem")
}

// TestInvitationFrames counts what is pushed: one text for who is challenged when
// it begins, one when it ends, on each page; nothing for anybody else.
func TestInvitationFrames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	cea, _ := s.pals(t, "Cea", "Dea")
	first, second, other := bea.open(), bea.open(), cea.open()
	path := ada.challenge(bea.user.ID)
	for _, page := range []*socket{first, second} {
		page.waitText("#invites", "challenge-"+string(idOf(path)))
	}
	ada.post(path + "/withdraw").leadsTo(path)
	for _, page := range []*socket{first, second} {
		until(t, "the end of the invitation", func() bool { return page.count(`data-hx-target="#invites"`) == 2 })
		if n := page.count("challenge-" + string(idOf(path))); n != 1 {
			t.Errorf("the invitation came %d times", n)
		}
	}
	other.settled()
	if n := other.count("challenge"); n != 0 {
		t.Errorf("somebody else was told %d times", n)
	}

	// A page whose socket opens after the news still gets it, and one without
	// news gets nothing.
	path = ada.challenge(bea.user.ID)
	late := bea.open()
	late.waitText("#invites", "challenge-"+string(idOf(path)))
	without := cea.open()
	without.settled()
	if without.count("#invites") != 0 {
		t.Error("no news is told")
	}
	bea.open().waitText("#invites", "challenge-"+string(idOf(path)))
	late.settled()
	if n := late.count("#invites"); n != 1 {
		t.Errorf("a page was told %d times of one challenge, as others were opened", n)
	}

	// Declined: the maker hears of it.
	page := ada.open()
	declined := bea.postWith(partial(), path+"/decline")
	declined.wants(http.StatusOK)
	declined.has(`hx-partial[data-hx-target="#status"] [data-focus=main]`)
	parses(t, page.waitText("#status", "Bea", "declined"))
	page.waitText(`#challenge[data-challenge=`, string(idOf(path)))
	page.settled()
	if n := page.count("#invites"); n != 0 {
		t.Errorf("the maker was invited %d times", n)
	}
}

// TestChallengeForm: what the form does not offer is refused, and so is too much
// of it.
func TestChallengeForm(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.pals(t, "Ada", "Bea")
	for _, fields := range [][]string{
		{},
		{"points", "4", "kind", "rated"},
		{"points", "3"},
		{"points", "3", "kind", "practice"},
		{"points", "-3", "kind", "rated"},
		{"points", "999999999999999999999", "kind", "casual"},
	} {
		ada.post("/challenges", fields...).wants(http.StatusUnprocessableEntity)
	}
	for to, status := range map[string]int{"0": 404, "-1": 404, "x": 404, "99999": 404, itoa(ada.user.ID): 422} {
		ada.post("/challenges", "points", "3", "kind", "casual", "to", to).wants(status)
		if res := ada.get("/challenges/new?to=" + to); res.StatusCode != status && res.StatusCode != http.StatusConflict {
			t.Errorf("the form to %q gave %d", to, res.StatusCode)
		}
	}
	// Extra fields change nothing.
	path := ada.challenge(bea.user.ID, "from", itoa(bea.user.ID), "state", "accepted", "id", "abcdefghijkl")
	c, err := s.store.FindChallenge(t.Context(), idOf(path), bea.user.ID)
	if err != nil || c.From.ID != ada.user.ID || c.State != rally.ChallengeOpen || c.Points != 3 || c.Rated {
		t.Errorf("made %+v, %v", c, err)
	}
	// Nobody acts for another.
	cea := s.insider(t, "Cea")
	for _, what := range []string{"accept", "decline", "withdraw"} {
		cea.post(path + "/" + what).wants(http.StatusNotFound)
	}
	bea.post(path + "/withdraw").wants(http.StatusNotFound)
	link := ada.post("/challenges", "points", "3", "kind", "casual").Header.Get("Location")
	for _, own := range []string{path, link} {
		for _, what := range []string{"accept", "decline"} {
			res := ada.post(own + "/" + what)
			res.wants(http.StatusConflict)
			res.has("#challenge form[action$=withdraw]")
			if !strings.Contains(res.text, "Only somebody else can accept or decline it.") {
				t.Errorf("%s says: %s", what, res.text)
			}
		}
	}
	list := ada.get("/challenges")
	list.has(`#challenges a[href="` + path + `"] [data-name="` + itoa(bea.user.ID) + `"]`)
	list.has(`#challenges a[href="` + link + `"]`)
	list.hasNot(`#challenges a[href="` + link + `"] [data-name]`)
	bea.get("/challenges").has(`#challenges a[href="` + path + `"]`)
	cea.get("/challenges").hasNot(`#challenges a`)

	var last *answer
	for range 25 {
		if last = bea.post("/challenges", "points", "3", "kind", "casual", "to", itoa(cea.user.ID)); last.StatusCode != http.StatusSeeOther {
			break
		}
	}
	last.wants(http.StatusTooManyRequests)
	last.has(`.problem`)
	last.has(`input[name=to][value="` + itoa(cea.user.ID) + `"]`)
}
