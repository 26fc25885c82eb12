package live_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// observed is what a naive observer who sees everything knows of somebody.
type observed struct {
	pages  []*page
	left   time.Time
	active time.Time
	match  map[string]rally.MatchID // by node
}

// seen gives what friends should see of them, in words and without the time.
func (o *observed) seen(now time.Time) string {
	match := max(o.match["one"], o.match["two"])
	here := len(o.pages) > 0 || now.Before(o.left.Add(5*time.Second))
	switch {
	case match != "" && here:
		return "playing " + string(match)
	case match != "":
		return "reconnecting " + string(match)
	case here && now.Before(o.active.Add(5*time.Minute)):
		return "online"
	case here:
		return "away"
	default:
		return "offline"
	}
}

// world is two nodes, the observer, and what every page shows.
type world struct {
	*county
	t       *testing.T
	rand    *rand.Rand
	people  map[rally.UserID]*observed
	shows   map[*page]map[string]string // by name
	friends map[[2]rally.UserID]bool
	log     []string
}

// hasty is a painter that notices badges which come too soon after another.
type hasty struct {
	painter
	clock *clock

	mu   sync.Mutex
	last map[string]time.Time
	soon []string
}

func (h *hasty) Badge(locale string, f rally.FriendState) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.clock.Now()
	if last, ok := h.last[f.Name]; ok && now.Sub(last) < 300*time.Millisecond {
		h.soon = append(h.soon, fmt.Sprintf("%s %v after the last", f.Name, now.Sub(last)))
	}
	h.last[f.Name] = now
	return h.painter.Badge(locale, f)
}

// Whatever people do, on whatever node: what a page shows is what a naive
// observer sees, it is told nothing that it shows already, and never two badges
// of one friend within 300 ms.
func TestPresenceModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed)
			for range 120 {
				w.step()
				if t.Failed() {
					t.Fatalf("after\n%s", strings.Join(w.log, "\n"))
				}
			}
		})
	}
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{
		county: newCounty(t), t: t, rand: rand.New(rand.NewPCG(seed, 1)),
		people:  make(map[rally.UserID]*observed),
		shows:   make(map[*page]map[string]string),
		friends: map[[2]rally.UserID]bool{{anna, berta}: true, {anna, carla}: true},
	}
	for user := range names {
		w.people[user] = &observed{match: make(map[string]rally.MatchID)}
	}
	for _, node := range []string{"one", "two"} {
		m := w.network.join(node)
		h := &hasty{clock: w.clock, last: make(map[string]time.Time)}
		w.towns[node] = newTownOf(t, w.county.people, w.clock, func(c *live.Config) { c.Nodes, c.Painter = m, h })
		t.Cleanup(func() {
			if len(h.soon) > 0 {
				t.Errorf("too soon: %q", h.soon)
			}
		})
	}
	return w
}

// step does one thing that can happen, and looks at all pages when it has been
// quiet for long enough.
func (w *world) step() {
	user, node := rally.UserID(w.rand.IntN(4)+1), []string{"one", "two"}[w.rand.IntN(2)]
	o, hub := w.people[user], w.towns[node].hub
	switch w.rand.IntN(10) {
	case 0, 1:
		w.note("%s opens a page on %s", names[user], node)
		hub.Active(user)
		o.active = w.clock.Now()
		p := w.open(w.t, node, user)
		o.pages = append(o.pages, p)
		w.shows[p] = nil
	case 2, 3:
		if len(o.pages) > 0 {
			w.note("%s closes a page", names[user])
			i := w.rand.IntN(len(o.pages))
			w.look(o.pages[i]) // at what it was told until now
			delete(w.shows, o.pages[i])
			o.pages[i].close(w.t)
			o.pages = slices.Delete(o.pages, i, i+1)
			o.left = w.clock.Now()
		}
	case 4:
		match := []rally.MatchID{"", "m1", "m2"}[w.rand.IntN(3)]
		if len(o.pages) == 0 { // who begins a match has a page
			match = ""
		}
		w.note("%s plays %q on %s", names[user], match, node)
		w.towns[node].plays(user, match)
		o.match[node] = match
	case 5:
		w.note("%s does something on %s", names[user], node)
		hub.Active(user)
		o.active = w.clock.Now()
	case 6:
		w.meetOrPart(user, rally.UserID(w.rand.IntN(4)+1))
	default:
		d := []time.Duration{
			50 * time.Millisecond, 250 * time.Millisecond, 300 * time.Millisecond, time.Second,
			4 * time.Second, 6 * time.Second, 100 * time.Second,
		}[w.rand.IntN(7)]
		w.note("%v pass", d)
		w.forward(w.t, d)
	}
	w.settle(w.t)
	if w.rand.IntN(3) == 0 {
		w.note("%v pass, and all look", 400*time.Millisecond)
		w.forward(w.t, 400*time.Millisecond)
		w.lookAll()
	}
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

// meetOrPart makes friends of two people, or of friends two people.
func (w *world) meetOrPart(a, b rally.UserID) {
	if a == b {
		return
	}
	pair := [2]rally.UserID{min(a, b), max(a, b)}
	w.note("%s and %s become or cease to be friends", names[a], names[b])
	if w.friends[pair] {
		w.part(a, b)
	} else {
		w.befriend(a, b)
	}
	w.friends[pair] = !w.friends[pair]
	for _, town := range w.towns {
		town.hub.FriendsChanged(a, b)
	}
}

// lookAll looks at every page, which shows all friends as they are.
func (w *world) lookAll() {
	w.t.Helper()
	for p := range w.shows {
		w.look(p)
		for user, name := range names {
			want := "offline"
			if w.friends[[2]rally.UserID{min(p.user, user), max(p.user, user)}] {
				want = w.people[user].seen(w.clock.Now())
			}
			got := w.shows[p][name]
			if got == "" {
				got = "offline"
			}
			if got != want {
				w.t.Errorf("a page of %s shows %s as %s, want %s", names[p.user], name, got, want)
			}
		}
	}
}

// look has a page show what it has been told.
func (w *world) look(p *page) {
	w.t.Helper()
	for i, text := range p.told(w.t) {
		shows := w.shows[p]
		if list, ok := strings.CutPrefix(text, "en online"); ok {
			w.shows[p] = make(map[string]string)
			for _, friend := range strings.Split(list, ", ")[1:] {
				name, state, _ := strings.Cut(friend, " ")
				w.shows[p][name] = state
			}
			continue
		}
		if shows == nil {
			w.t.Errorf("the first text of a page is %q, number %d", text, i)
			return
		}
		name, state, _ := strings.Cut(strings.TrimPrefix(text, "en badge "), " ")
		if strings.HasPrefix(state, "offline") {
			state = "offline" // the time is another matter
		}
		if shows[name] == state || shows[name] == "" && state == "offline" {
			w.t.Errorf("a page of %s is told %q, which it shows already", names[p.user], text)
		}
		shows[name] = state
	}
}
