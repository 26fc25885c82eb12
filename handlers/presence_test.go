package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"rally"
	"rally/handlers"
	"rally/match"
)

// presenceWalk: see walkTable.
var presenceWalk = map[string]walked{
	"POST /live/active": {handlers.Full, "/sign-in", "/sign-in/code", "204", "204", "204"},
	"GET /live/inbox":   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
}

// The header shows which friends are online, without JavaScript as of the time
// at which the page was asked for, and with it from then on.
func TestFriendsInTheHeader(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.Points = 21 }) // so that a match lasts
	ada, bea, cea := s.member(t, "Ada"), s.member(t, "Bea"), s.member(t, "Cea")
	s.pair(t, ada.user.ID, bea.user.ID)
	cea.open() // no friend of Ada's
	open := ada.opens("/play")
	none := ada.get("/play")
	none.has("#online")
	none.hasNot("#online > li")

	beaSocket := bea.open()
	open.until("#online > li", "Bea Online")
	now := ada.get("/play")
	now.has(`#online > #online-` + itoa(bea.user.ID) + ` [data-badge="` + itoa(bea.user.ID) + `"][data-state=online]`)
	if n := len(now.find("#online > li")); n != 1 {
		t.Errorf("%d on the list", n)
	}
	if got := now.says("#online-count"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("%q are online", got)
	}
	cea.get("/play").hasNot("#online > li")

	path := bea.post("/practice", "level", "1").Header.Get("Location")
	beaSocket.join(rally.MatchID(strings.TrimPrefix(path, "/matches/")))
	open.until("#online > li", "Bea Playing Watch")
	if watch := open.find(`.badge a[href="` + path + `"]`); len(watch) != 1 {
		t.Errorf("%d ways to the match", len(watch))
	}
	bea.post(path + "/resign")
	open.until("#online > li", "Bea Online")
	_ = beaSocket.conn.CloseNow()
	open.until("#online > li") // after the five seconds in which she may come back
}

// A badge on the friends' page is the same one, wherever else it stands.
func TestBadgesOnThePage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.member(t, "Ada"), s.member(t, "Bea")
	s.pair(t, ada.user.ID, bea.user.ID)
	bea.post("/preferences", "locale", "ko")
	open := ada.opens("/friends")
	badges := `[data-badge="` + itoa(bea.user.ID) + `"]`
	open.until("main "+badges, "Offline")
	open.socket.waitText("#online") // from now on every change is told
	bea.open()
	open.until(badges, "Online", "Online") // in the list of the header and on the page
	ada.postWith(nil, "/preferences", "locale", "ko")
	if got := ada.opens("/friends").says("#online " + badges); !slices.Equal(got, []string{"접속 중"}) {
		t.Errorf("in Korean: %q", got)
	}
}

// A new name takes the place of the old one on every open page that has it: of
// friends, of the opponent, of whoever watches, and one's own. Never is there a
// second entry.
func TestRenamedInPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea, cea, dea := s.member(t, "Ada"), s.member(t, "Bea"), s.member(t, "Cea"), s.member(t, "Dea")
	s.pair(t, ada.user.ID, bea.user.ID)
	id, err := s.registry.Create(rally.Casual, 5, [2]match.Entrant{
		{User: ada.user.ID, Name: "Ada", Rating: rally.NewRating()}, {User: cea.user.ID, Name: "Cea", Rating: rally.NewRating()},
	})
	if err != nil {
		t.Fatal(err)
	}
	court := "/matches/" + string(id)

	own, opponent, watcher, stranger := ada.opens("/settings"), cea.opens(court), dea.opens(court), dea.opens("/play")
	friend, list := bea.opens("/play"), bea.opens("/friends")
	theName := `[data-name="` + itoa(ada.user.ID) + `"]`
	friend.until("#online "+theName, "Ada")
	list.until("#online "+theName, "Ada")
	before := map[*page]int{}
	for _, p := range []*page{own, opponent, watcher, friend, list} {
		p.socket.settled()
		p.catchUp()
		if before[p] = len(p.find(theName)); before[p] == 0 {
			t.Fatal("a page without the name")
		}
	}
	for _, name := range []string{"Adelaide", "<b>Ad\"a", "Adelheid"} {
		if res := ada.post("/settings/name", "name", name); res.StatusCode != http.StatusSeeOther {
			if name[0] == '<' { // refused where names are made; shown as text all the same
				continue
			}
			t.Fatalf("%q: %d", name, res.StatusCode)
		}
		for p, n := range before {
			if p != watcher {
				p.until(theName, slices.Repeat([]string{name}, n)...)
			}
		}
		until(t, "what a spectator's page asks for", func() bool {
			watcher.swap(dea.get(court, partial()...).text)
			return slices.Equal(watcher.says(theName), slices.Repeat([]string{name}, before[watcher]))
		})
	}
	for _, p := range []*page{friend, list} {
		if n := len(p.find("#online > li")); n != 1 {
			t.Errorf("%d entries for one friend", n)
		}
	}
	until(t, "the name on the panel", func() bool { // the match's own news, after the names
		opponent.catchUp()
		got := opponent.says("#match-panel .readiness li")
		return len(got) == 2 && strings.Contains(got[0]+got[1], "Adelheid")
	})
	stranger.socket.settled()
	for _, text := range stranger.socket.all() {
		if strings.Contains(text, "Adel") {
			t.Errorf("a stranger's page is told: %s", text)
		}
	}
	// What comes later has the new name.
	bea.get("/play").has("#online " + theName)
	if got := bea.opens("/play").says("#online " + theName); !slices.Equal(got, []string{"Adelheid"}) {
		t.Errorf("the list has %q", got)
	}
}

// all gives the fragments that have come.
func (s *socket) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.texts)
}

// What waits for somebody is counted on all their pages, and asked for once more
// by a page that was without its socket.
func TestCountsLive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea := s.member(t, "Ada"), s.member(t, "Bea")
	pages := []*page{ada.opens("/play"), ada.opens("/settings")}
	counts := func(request, notice, message string) {
		t.Helper()
		for _, p := range pages {
			p.until("#request-count", request)
			p.until("#notice-count", notice)
			p.until("#message-count", message)
		}
		whole := ada.get("/play")
		part := &page{t: t, root: pages[0].root}
		part.swap(ada.get("/live/inbox", partial()...).text)
		for id, want := range map[string]string{"#request-count": request, "#notice-count": notice, "#message-count": message} {
			if got := whole.says(id); !slices.Equal(got, []string{want}) {
				t.Errorf("a new page says %q in %s, want %q", got, id, want)
			}
			if got := part.says(id); !slices.Equal(got, []string{want}) {
				t.Errorf("a page that comes back says %q in %s, want %q", got, id, want)
			}
		}
	}
	counts("", "", "")
	bea.post("/people/" + itoa(ada.user.ID) + "/ask").wants(http.StatusSeeOther)
	counts("1", "1", "")
	ada.post("/people/" + itoa(bea.user.ID) + "/accept").wants(http.StatusSeeOther)
	counts("", "", "")
	if _, err := s.store.SendMessage(t.Context(), bea.user.ID, ada.user.ID, "Hello", false); err != nil {
		t.Fatal(err)
	}
	counts("", "", "1")
	if err := s.store.MarkMessagesRead(t.Context(), ada.user.ID, bea.user.ID, 1<<40); err != nil {
		t.Fatal(err)
	}
	counts("", "", "")
	for range 2 {
		if err := s.store.AddNotice(t.Context(), ada.user.ID, rally.Notice{Kind: rally.NoticeTournamentCall}); err != nil {
			t.Fatal(err)
		}
	}
	counts("", "2", "")
}

// witness notes whom the hub is told to have done something.
type witness struct {
	handlers.Hub
	mu     sync.Mutex
	active []rally.UserID
}

func (w *witness) Active(user rally.UserID) {
	w.mu.Lock()
	w.active = append(w.active, user)
	w.mu.Unlock()
	w.Hub.Active(user)
}

func (w *witness) take() []rally.UserID {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.active
	w.active = nil
	return taken
}

// What a person asks for says that they are there; what a page asks for by
// itself does not.
func TestWhatIsActive(t *testing.T) {
	t.Parallel()
	w := &witness{}
	s := newSite(t, func(c *handlers.Config) { w.Hub, c.Hub = c.Hub, w })
	b := s.member(t, "Ada")
	w.take()
	for what, c := range map[string]struct {
		do   func()
		want int
	}{
		"a page":                   {func() { b.get("/play").wants(http.StatusOK) }, 1},
		"a form":                   {func() { b.post("/play/leave").leadsTo("/play") }, 1},
		"a form by htmx":           {func() { b.postWith(partial(), "/play/leave").wants(http.StatusOK) }, 1},
		"a sign of life":           {func() { b.post("/live/active").wants(http.StatusNoContent) }, 1},
		"a panel asked for anew":   {func() { b.get("/play", partial()...).wants(http.StatusOK) }, 0},
		"what has come meanwhile":  {func() { b.get("/live/inbox", partial()...).wants(http.StatusOK) }, 0},
		"a press on \"read\"":      {func() { b.post("/notices/read", "up_to", "1") }, 1},
		"a page that is looked at": {func() { b.postWith(partial(), "/notices/read", "up_to", "1") }, 0},
		"another token":            {func() { b.post("/live/token").wants(http.StatusNoContent) }, 0},
		"the socket":               {func() { b.open() }, 0},
		"a file":                   {func() { b.get("/static/x/css/rally.css").wants(http.StatusOK) }, 0},
		"a visitor":                {func() { s.browser(t).get("/").wants(http.StatusOK) }, 0},
		"a visitor's sign of life": {func() { s.browser(t).post("/live/active").wants(http.StatusSeeOther) }, 0},
	} {
		c.do()
		if got := w.take(); len(got) != c.want || len(got) > 0 && got[0] != b.user.ID {
			t.Errorf("%s: the hub is told of %v, want %d", what, got, c.want)
		}
	}
}

// blind cannot say what waits for anybody.
type blind struct {
	handlers.Notices
	mu    sync.Mutex
	asked int
}

func (b *blind) Inbox(context.Context, rally.UserID) (rally.Inbox, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	return rally.Inbox{}, errors.New("no idea")
}

// A page is shown without what cannot be known, and what is no whole page of a
// member's does not ask.
func TestPagesWithoutTheirFrame(t *testing.T) {
	t.Parallel()
	b := &blind{}
	s := newSite(t, func(c *handlers.Config) { b.Notices, c.Notices = c.Notices, b })
	ada := s.member(t, "Ada")
	ada.get("/play").has("#online")
	if len(s.log.with("inbox", map[string]any{"level": "WARN", "error": "no idea"})) != 1 || b.asked != 1 {
		t.Errorf("asked %d times, and logged:\n%s", b.asked, s.log.text())
	}
	ada.get("/play", partial()...).wants(http.StatusOK)
	ada.get("/nowhere", partial()...).wants(http.StatusNotFound)
	s.browser(t).get("/").wants(http.StatusOK)
	if b.asked != 1 {
		t.Errorf("asked %d times more", b.asked-1)
	}
	ada.get("/nowhere").wants(http.StatusNotFound)
	if b.asked != 2 {
		t.Errorf("an error page of a member's asks %d times", b.asked-1)
	}
}
