package store_test

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"rally"
	"rally/store/storetest"
)

func TestBenchAccounts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna := newUser(t, d.store, "Anna")
	begin := time.Now()
	accounts, err := d.store.BenchCreate(t.Context(), "t1", 2000)
	if err != nil || len(accounts) != 2000 {
		t.Fatalf("made %d accounts, %v", len(accounts), err)
	}
	t.Logf("made %d accounts in %s", len(accounts), time.Since(begin))
	others, err := d.store.BenchCreate(t.Context(), "t12", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []int{0, 1, 1999} {
		session, user, err := d.Load(httptest.NewRecorder(), request(t, accounts[a].Cookie))
		if err != nil || session == nil || session.Stage != rally.StageFull || session.ID != accounts[a].Session ||
			user.ID != accounts[a].User {
			t.Errorf("account %d: %+v, %+v, %v", a, session, user, err)
		}
	}
	m := played(rally.User{ID: accounts[0].User, Rating: rally.NewRating()}, rally.User{ID: accounts[1].User})
	keep(t, d.store, m)

	begin = time.Now()
	if err := d.store.BenchDelete(t.Context(), "t1"); err != nil {
		t.Fatal(err)
	}
	t.Logf("removed them in %s", time.Since(begin))
	if users, matches := d.count(t, "SELECT count(*) FROM users"), d.count(t, "SELECT count(*) FROM matches"); users != 3 || matches != 0 {
		t.Errorf("%d users and %d matches are left, want 3 and 0", users, matches)
	}
	userNow(t, d.store, anna.ID)
	if d.opens(t, others[0].Cookie) == "" || d.opens(t, accounts[0].Cookie) != "" {
		t.Error("the wrong sessions are open")
	}
	for _, tag := range []string{"", "%", "a_b", "ninechars"} {
		if _, err := d.store.BenchCreate(t.Context(), tag, 1); err == nil {
			t.Errorf("the tag %q was accepted", tag)
		}
		if err := d.store.BenchDelete(t.Context(), tag); err == nil {
			t.Errorf("the tag %q was accepted", tag)
		}
	}
}

func TestBenchFriends(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	accounts, err := d.store.BenchCreate(t.Context(), "t", 4)
	if err != nil {
		t.Fatal(err)
	}
	a, b, c := accounts[0].User, accounts[1].User, accounts[2].User
	if err := d.store.BenchBefriend(t.Context(), [][2]rally.UserID{{a, b}, {c, a}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]rally.UserID{{b, c}, {a}, {a}, {}} {
		friends, err := d.store.FriendIDs(t.Context(), accounts[i].User)
		if slices.Sort(friends); err != nil || !slices.Equal(friends, want) {
			t.Errorf("account %d has the friends %v, %v; want %v", i, friends, err, want)
		}
	}
	if err := d.store.BenchDelete(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if n := d.count(t, "SELECT count(*) FROM friendships"); n != 0 {
		t.Errorf("%d friendships are left", n)
	}
}

func BenchmarkSessionLoad(b *testing.B) {
	s := storetest.New(b)
	accounts, err := s.BenchCreate(b.Context(), "b", 100)
	if err != nil {
		b.Fatal(err)
	}
	ss := s.Sessions()
	for i := 0; b.Loop(); i++ {
		r := httptest.NewRequestWithContext(b.Context(), "GET", "/", nil)
		r.Header.Set("Cookie", "__Host-rally_session="+accounts[i%len(accounts)].Cookie)
		if session, _, err := ss.Load(nil, r); err != nil || session == nil {
			b.Fatal(session, err)
		}
	}
}

func BenchmarkKeepMatch(b *testing.B) {
	s := storetest.New(b)
	accounts, err := s.BenchCreate(b.Context(), "b", 100)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		m := played(rally.User{ID: accounts[i%100].User}, rally.User{ID: accounts[(i+1)%100].User})
		m.Recording = make([]byte, 4000)
		if err := s.KeepMatch(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkListMatches(b *testing.B) {
	s := storetest.New(b)
	accounts, err := s.BenchCreate(b.Context(), "b", 2)
	if err != nil {
		b.Fatal(err)
	}
	for range 200 {
		if err := s.KeepMatch(b.Context(), played(rally.User{ID: accounts[0].User}, rally.User{ID: accounts[1].User})); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, _, err := s.ListMatches(b.Context(), accounts[0].User, "", 20); err != nil {
			b.Fatal(err)
		}
	}
}
