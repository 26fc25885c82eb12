package store_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/store"
)

// claim claims a place and says whether it was given.
func claim(t *testing.T, p *store.Places, s rally.Session) bool {
	t.Helper()
	ok, err := p.Claim(t.Context(), s.UserID, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// beat gives a beat and says whether the node was lost.
func beat(t *testing.T, p *store.Places) bool {
	t.Helper()
	lost, err := p.Beat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return lost
}

// silence makes a node's last beat so old.
func (d *desk) silence(t *testing.T, node string, age string) {
	t.Helper()
	d.exec(t, "UPDATE nodes SET beat_at = clock_timestamp() - $2::text::interval WHERE id = $1", node, age)
}

// taken gives the sessions whose PlaceTaken was published, with their users.
func (d *desk) taken() map[rally.SessionID]rally.UserID {
	d.mu.Lock()
	defer d.mu.Unlock()
	taken := make(map[rally.SessionID]rally.UserID)
	for _, e := range d.said {
		if e.Kind == rally.PlaceTaken && len(e.Users) == 1 {
			taken[e.Session] = e.Users[0]
		}
	}
	return taken
}

// full opens full sessions of a new user.
func (d *desk) full(t *testing.T, name string, n int) []rally.Session {
	t.Helper()
	u := newUser(t, d.store, name)
	all := make([]rally.Session, n)
	for i := range all {
		all[i], _ = d.open(t, "", u.ID, rally.StageFull)
	}
	return all
}

func TestPlacesClaim(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	annas := d.full(t, "Anna", 2)
	bertas := d.full(t, "Berta", 1)
	east, west := d.store.Places("east"), d.store.Places("west")
	one, other := annas[0], annas[1]
	for what, claimed := range map[string]bool{
		"the first":            claim(t, east, one),
		"the first once more":  claim(t, east, one),
		"the first, elsewhere": claim(t, west, one),
		"another user":         claim(t, east, bertas[0]),
	} {
		if !claimed {
			t.Errorf("refused: %s", what)
		}
	}
	if claim(t, east, other) || claim(t, west, other) {
		t.Error("two sessions are live")
	}
	// Its place is free once it has given it back everywhere.
	release := func(p *store.Places, s rally.Session) {
		t.Helper()
		if err := p.Release(t.Context(), s.UserID, s.ID); err != nil {
			t.Fatal(err)
		}
	}
	release(east, one)
	release(west, other) // which has none
	if claim(t, east, other) {
		t.Error("the first is live in the west")
	}
	release(west, one)
	if !claim(t, east, other) || claim(t, west, one) {
		t.Error("the place does not change hands")
	}
	if err := east.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !claim(t, west, one) {
		t.Error("a node that has left holds a place")
	}
	if got := d.taken(); len(got) != 0 {
		t.Errorf("published %v", got)
	}
}

// What is no full session of the user that is still open has no place.
func TestPlacesClaimNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := d.full(t, "Anna", 3), d.full(t, "Berta", 1)
	otp, _ := d.open(t, "", anna[0].UserID, rally.StageOTP)
	p := d.store.Places("node")
	if err := d.EndID(t.Context(), anna[1].ID, "signed_out"); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]rally.Session{
		"one that has ended":   anna[1],
		"one that owes a code": otp,
		"another's":            {ID: anna[0].ID, UserID: berta[0].UserID},
		"nobody's":             {ID: anna[0].ID, UserID: 12345},
		"garbage":              {ID: "\x00\xff", UserID: anna[0].UserID},
		"none":                 {UserID: anna[0].UserID},
	} {
		if claim(t, p, s) {
			t.Errorf("%s has a place", what)
		}
	}
	if err := p.Release(t.Context(), 1, "\x00\xff"); err != nil {
		t.Error(err)
	}
	d.move(rally.SessionIdle + time.Second)
	if claim(t, p, anna[0]) {
		t.Error("one that has expired has a place")
	}
	if n := d.count(t, "SELECT count(*) FROM places"); n != 0 {
		t.Errorf("%d places are taken", n)
	}
}

// Requirement 9: of fifty sessions at once, on several nodes, one is live.
func TestPlacesClaimConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	sessions := d.full(t, "Anna", 50)
	var nodes []*store.Places
	for i := range 3 {
		name := fmt.Sprint("node ", i)
		nodes = append(nodes, d.store.Places(name))
		beat(t, nodes[i])
		d.silence(t, name, "-1 hour") // alive however long the test takes
	}
	for range 3 {
		var won atomic.Int32
		var wg sync.WaitGroup
		var winner atomic.Pointer[rally.Session]
		for i, s := range sessions {
			wg.Go(func() {
				ok, err := nodes[i%len(nodes)].Claim(t.Context(), s.UserID, s.ID)
				if err != nil {
					t.Error(err)
				} else if ok {
					won.Add(1)
					winner.Store(&s)
				}
			})
		}
		wg.Wait()
		if n := d.count(t, "SELECT count(*) FROM places"); won.Load() != 1 || n != 1 {
			t.Fatalf("%d sessions are live, in %d places", won.Load(), n)
		}
		for _, p := range nodes {
			if err := p.Release(t.Context(), winner.Load().UserID, winner.Load().ID); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A place follows its session: it goes when that ends or gets another id.
func TestPlacesEndWithSession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")
	first, _ := d.open(t, "", u.ID, rally.StageFull)
	second, cookie := d.open(t, "", u.ID, rally.StageFull)
	third, _ := d.open(t, "", u.ID, rally.StageFull)
	p, q := d.store.Places("node"), d.store.Places("other")
	if !claim(t, p, first) || !claim(t, q, first) {
		t.Fatal("refused")
	}
	if err := d.EndID(t.Context(), first.ID, "signed_out"); err != nil {
		t.Fatal(err)
	}
	if !claim(t, p, second) {
		t.Error("an ended session has a place")
	}
	if d.load(t, cookie).Elsewhere {
		t.Error("it is live elsewhere than where it is")
	}
	renewed, _ := d.renew(t, cookie)
	if n := d.count(t, "SELECT count(*) FROM places"); n != 0 || renewed.Elsewhere {
		t.Errorf("a renewed session has %d places; %+v", n, renewed)
	}
	if claim(t, p, second) || !claim(t, p, third) {
		t.Error("the old id is live, or a place is not free")
	}
}

// renew gives the session that a cookie opens another id.
func (d *desk) renew(t *testing.T, cookie string) (rally.Session, string) {
	t.Helper()
	w := httptest.NewRecorder()
	s, err := d.Renew(w, request(t, cookie), rally.StageFull)
	if err != nil {
		t.Fatal(err)
	}
	return s, cookieOf(w).Value
}

// A session that claims while its id changes, or while it ends, never leaves
// a place behind that no socket has.
func TestPlacesClaimWhileRenewing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	session, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageFull)
	p := d.store.Places("node")
	for range 30 {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := p.Claim(t.Context(), session.UserID, session.ID); err != nil {
					t.Error(err)
				}
			})
		}
		renewed, next := d.renew(t, cookie)
		wg.Wait()
		if n := d.count(t, "SELECT count(*) FROM places"); n != 0 {
			t.Fatalf("%d places are left", n)
		}
		session, cookie = renewed, next
	}
}

// A dead node's places go to whoever asks, and it hears of that when it comes
// back; what nobody has asked for it still has.
func TestPlacesOfDeadNode(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta, carla := d.full(t, "Anna", 2), d.full(t, "Berta", 2), d.full(t, "Carla", 2)
	dead, living := d.store.Places("dead"), d.store.Places("living")
	if beat(t, dead) || beat(t, living) {
		t.Error("a new node was lost")
	}
	if !claim(t, dead, anna[0]) || !claim(t, dead, berta[0]) || !claim(t, living, carla[0]) {
		t.Fatal("refused")
	}
	d.silence(t, "dead", "4 seconds")
	if claim(t, living, anna[1]) {
		t.Fatal("a node died within ten seconds")
	}
	if beat(t, dead) {
		t.Fatal("a node was lost within ten seconds")
	}
	d.silence(t, "dead", "11 seconds")
	if !claim(t, living, anna[1]) {
		t.Fatal("a dead node's place is taken")
	}
	if diff := cmp.Diff(map[rally.SessionID]rally.UserID{anna[1].ID: anna[1].UserID}, d.taken()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if list, err := d.List(t.Context(), berta[0].UserID); err != nil || list[0].Live || list[1].Live {
		t.Errorf("live on a dead node: %+v, %v", list, err)
	}

	// Back to life, it asks again for what it has sockets of.
	if !beat(t, dead) || beat(t, dead) {
		t.Error("that it was dead is told once")
	}
	if claim(t, dead, anna[0]) || !claim(t, dead, berta[0]) || claim(t, living, berta[1]) {
		t.Error("two sessions are live")
	}
	if len(d.taken()) != 1 {
		t.Errorf("published %v", d.taken())
	}
}

// A minute after its last beat nothing is left of a node, until the next.
func TestPlacesOfLostNode(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna := d.full(t, "Anna", 2)
	lost, living := d.store.Places("lost"), d.store.Places("living")
	beat(t, lost)
	claim(t, lost, anna[0])
	d.silence(t, "lost", "45 seconds")
	beat(t, living)
	if n := d.count(t, "SELECT count(*) FROM nodes"); n != 2 {
		t.Errorf("%d nodes are known within a minute", n)
	}
	d.silence(t, "lost", "61 seconds")
	beat(t, living)
	if n := d.count(t, "SELECT count(*) FROM nodes") + d.count(t, "SELECT count(*) FROM places"); n != 1 {
		t.Errorf("%d rows are left, want that of the living", n)
	}
	// Whoever was there first has it again, if they ask first.
	if !beat(t, lost) || !claim(t, lost, anna[0]) || claim(t, living, anna[1]) {
		t.Error("a node that comes back has nothing")
	}
	// The same when the database has lost the table, as in a crash of its own.
	d.exec(t, "TRUNCATE nodes CASCADE")
	if !beat(t, lost) || !beat(t, living) {
		t.Error("a node does not know that it was forgotten")
	}
}

// A claim by a node that is dead itself brings it back, and it still hears
// that it was dead.
func TestPlacesClaimOnDeadNode(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := d.full(t, "Anna", 2), d.full(t, "Berta", 2)
	for name, end := range map[string]string{
		"silent":  "UPDATE nodes SET beat_at = beat_at - interval '11 seconds' WHERE id = $1",
		"cleared": "DELETE FROM nodes WHERE id = $1",
	} {
		p := d.store.Places(name)
		if !claim(t, p, anna[0]) { // its first sign of life
			t.Fatalf("%s: refused", name)
		}
		d.exec(t, end, name)
		if !claim(t, p, berta[0]) || claim(t, d.store.Places("third"), berta[1]) {
			t.Errorf("%s: what was claimed does not count", name)
		}
		if !beat(t, p) || beat(t, p) {
			t.Errorf("%s: it does not hear, once, that it was dead", name)
		}
		if err := p.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A beat whose answer was lost may have hidden that the node was dead, so the
// next says that it may have been.
func TestPlacesBeatUnanswered(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	p := d.store.Places("node")
	beat(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Beat(ctx); err == nil {
		t.Fatal("a beat without time")
	}
	if !beat(t, p) || beat(t, p) {
		t.Error("the doubt is not told once")
	}
}

// However nodes fall silent and come back, those that beat and claim again as
// they are told agree on who is live.
func TestPlacesNeverTwoLive(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	sessions := d.full(t, "Anna", 4)
	holds := make([]bool, len(sessions)) // session i, on node i
	nodes := make([]*store.Places, len(sessions))
	names := make([]string, len(sessions))
	for i := range nodes {
		names[i] = fmt.Sprint("node ", i)
		nodes[i] = d.store.Places(names[i])
		beat(t, nodes[i])
	}
	step := func(i int) {
		lost, err := nodes[i].Beat(t.Context())
		if err != nil {
			t.Error(err)
		}
		if !holds[i] || lost {
			if holds[i], err = nodes[i].Claim(t.Context(), sessions[i].UserID, sessions[i].ID); err != nil {
				t.Error(err)
			}
		}
	}
	for round := range 20 {
		for i, name := range names {
			if (round+i)%3 == 0 {
				d.silence(t, name, "11 seconds")
			}
		}
		var wg sync.WaitGroup
		for i := range nodes {
			wg.Go(func() { step(i) })
		}
		wg.Wait()
		// Now all have beaten: what was lost has been told, or is with the next.
		for i := range nodes {
			step(i)
		}
		live := 0
		for _, h := range holds {
			if h {
				live++
			}
		}
		if live != 1 {
			t.Fatalf("round %d: %v are live", round, holds)
		}
	}
}

func TestPlacesAlone(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	annas := d.full(t, "Anna", 2)
	killed, again := d.store.Places("killed"), d.store.Places("again")
	if !claim(t, killed, annas[0]) || claim(t, again, annas[1]) {
		t.Fatal("the first session is not the live one")
	}
	if err := again.Alone(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !claim(t, again, annas[1]) {
		t.Error("a node that is gone has the place")
	}
	// Had it not been gone, it would learn that its places may be others'.
	if !beat(t, killed) || claim(t, killed, annas[0]) {
		t.Error("it does not")
	}
}
