package live_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally"
	"rally/live"
)

// People of the tests. Anna and Berta are friends, and so are Anna and Carla;
// Dora is a stranger.
const (
	anna rally.UserID = iota + 1
	berta
	carla
	dora
)

var names = map[rally.UserID]string{anna: "Anna", berta: "Berta", carla: "Carla", dora: "Dora"}

// clock is a time that only a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people is who is whose friend, as a store has it, and when they were seen.
type people struct {
	mu      sync.Mutex
	friends map[rally.UserID][]rally.UserID
	seen    map[rally.UserID]time.Time
	away    bool // nothing can be asked
	asked   int
	written int
}

func newPeople() *people {
	p := &people{friends: make(map[rally.UserID][]rally.UserID), seen: make(map[rally.UserID]time.Time)}
	p.befriend(anna, berta)
	p.befriend(anna, carla)
	return p
}

var errStoreAway = errors.New("away")

func (p *people) befriend(a, b rally.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.friends[a], p.friends[b] = append(p.friends[a], b), append(p.friends[b], a)
}

func (p *people) part(a, b rally.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	without := func(ids []rally.UserID, id rally.UserID) []rally.UserID {
		return slices.DeleteFunc(slices.Clone(ids), func(x rally.UserID) bool { return x == id })
	}
	p.friends[a], p.friends[b] = without(p.friends[a], b), without(p.friends[b], a)
}

func (p *people) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

func (p *people) Friends(_ context.Context, user rally.UserID) ([]rally.UserID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.away {
		return nil, errStoreAway
	}
	return slices.Clone(p.friends[user]), nil
}

func (p *people) SetSeen(_ context.Context, seen map[rally.UserID]time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written++
	if p.away {
		return errStoreAway
	}
	for id, at := range seen {
		if at.After(p.seen[id]) {
			p.seen[id] = at
		}
	}
	return nil
}

func (p *people) seenAt(user rally.UserID) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[user]
}

// counts gives how often it was asked for friends, and told who was seen.
func (p *people) counts() (asked, written int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked, p.written
}

// painter writes in words what is to be seen.
type painter struct{ badges, lists atomic.Int64 }

func (p *painter) Badge(locale string, f rally.FriendState) ([]byte, error) {
	p.badges.Add(1)
	return []byte(locale + " badge " + words(f)), nil
}

func (p *painter) Online(locale string, friends []rally.FriendState) ([]byte, error) {
	p.lists.Add(1)
	text := locale + " online"
	for _, f := range friends {
		text += ", " + words(f)
	}
	return []byte(text), nil
}

func words(f rally.FriendState) string {
	text := fmt.Sprintf("%s %s", f.Name, f.State)
	if f.Match != "" {
		text += " " + string(f.Match)
	}
	if !f.SeenAt.IsZero() {
		text += " " + f.SeenAt.Format(time.TimeOnly)
	}
	return text
}

// town is a node with people on it.
type town struct {
	*site
	*people
	clock   *clock
	painter *painter
	marks   atomic.Int64
	matches matches
}

// matches is which matches people are in on a node.
type matches struct {
	mu sync.Mutex
	of map[rally.UserID]rally.MatchID
}

func (m *matches) playing(user rally.UserID) rally.MatchID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of[user]
}

// set has somebody be in a match, "" for none, and tells nobody.
func (m *matches) set(user rally.UserID, id rally.MatchID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of[user] = id
}

// plays has somebody be in a match, and the hub told that it is another.
func (w *town) plays(user rally.UserID, id rally.MatchID) {
	w.matches.set(user, id)
	w.hub.PlayingChanged(user)
}

// newTown makes a town. Each change may alter the configuration.
func newTown(t testing.TB, changes ...func(*live.Config)) *town {
	t.Helper()
	return newTownOf(t, newPeople(), newClock(), changes...)
}

// newTownOf makes a town of people that other towns may share.
func newTownOf(t testing.TB, p *people, c *clock, changes ...func(*live.Config)) *town {
	t.Helper()
	w := &town{people: p, clock: c, painter: &painter{}}
	w.matches.of = make(map[rally.UserID]rally.MatchID)
	cfg := live.Config{Painter: w.painter, Friends: p.Friends, SetSeen: p.SetSeen, Playing: w.matches.playing}
	cfg.CloseWait = 100 * time.Millisecond // nobody listens
	for _, change := range changes {
		change(&cfg)
	}
	w.site = newSiteAt(t, cfg, nil, new(hand).now, c.Now)
	return w
}

// page is an open page, with its socket.
type page struct {
	town *town
	user rally.UserID
	conn *websocket.Conn
	end  *end
}

// open opens a page for somebody.
func (w *town) open(t testing.TB, user rally.UserID, locale ...string) *page {
	t.Helper()
	q := url.Values{"stage": {"full"}, "user": {fmt.Sprint(user)}, "session": {fmt.Sprint("s", user)}, "locale": {"en"}}
	q.Set("name", cmp.Or(names[user], fmt.Sprint("Friend", user)))
	if len(locale) > 0 {
		q.Set("locale", locale[0])
	}
	conn, e := w.dial(t, "?"+q.Encode())
	return &page{town: w, user: user, conn: conn, end: e}
}

// close closes the page, and waits until that is known.
func (p *page) close(t testing.TB) {
	t.Helper()
	_ = p.conn.CloseNow()
	within(t, p.end.closed)
}

// settle waits until everything that follows from what has happened is done.
func (w *town) settle(t testing.TB) {
	t.Helper()
	until(t, "all is told", w.hub.Settled)
}

// forward lets time pass, in steps so small that nothing happens late.
func (w *town) forward(t testing.TB, d time.Duration) {
	t.Helper()
	for step := 100 * time.Millisecond; d > 0; d -= step {
		w.settle(t)
		w.clock.forward(min(step, d))
	}
	w.settle(t)
}

// mark is what is pushed after everything that is to be told has been.
const mark = "mark "

// told gives every text that has come to the page since it was last asked.
func (p *page) told(t testing.TB) []string {
	t.Helper()
	p.town.settle(t)
	last := fmt.Sprint(mark, p.town.marks.Add(1))
	p.town.hub.Push(p.user, func(string) ([]byte, error) { return []byte(last), nil })
	var texts []string
	for {
		kind, text := read(t, p.conn)
		switch {
		case kind != websocket.MessageText:
			t.Fatalf("a frame that is no text: %q", text)
		case text == last:
			return texts
		case !strings.HasPrefix(text, mark):
			texts = append(texts, text)
		}
	}
}

// hears expects exactly these texts since the page was last asked.
func (p *page) hears(t testing.TB, want ...string) {
	t.Helper()
	if got := p.told(t); !slices.Equal(got, want) {
		t.Errorf("%s is told %q, want %q", names[p.user], got, want)
	}
}
