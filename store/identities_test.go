package store_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/store"
)

// atOnce calls fn n times at once, and says for how many of them it was true.
func atOnce(n int, fn func(i int) bool) int {
	var yes atomic.Int64
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			if fn(i) {
				yes.Add(1)
			}
		})
	}
	done.Wait()
	return int(yes.Load())
}

// hashOf gives a SHA-256.
func hashOf(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// isError checks the code and the message of a *rally.Error.
func isError(t *testing.T, err error, code rally.Code, message string) {
	t.Helper()
	if e, ok := errors.AsType[*rally.Error](err); !ok || e.Code != code || e.Message != message {
		t.Errorf("got %v, want %s: %s", err, code, message)
	}
}

// atGitHub gives an identity there.
func atGitHub(subject string) rally.Identity {
	return rally.Identity{Issuer: "https://github.com", Subject: subject, Provider: "github", Label: subject + "@example.com"}
}

// link links an identity to an account.
func link(t *testing.T, s *store.Store, user rally.UserID, id rally.Identity) {
	t.Helper()
	if err := s.LinkIdentity(t.Context(), user, id); err != nil {
		t.Fatal(err)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	one, two := atGitHub("1"), rally.Identity{Issuer: "https://id.example.com", Subject: "1", Provider: "oidc"}

	_, err := s.FindIdentity(t.Context(), one.Issuer, one.Subject)
	isError(t, err, rally.ENotFound, "error.not_found")
	link(t, s, anna.ID, one)
	d.move(time.Minute)
	link(t, s, anna.ID, two)

	// Issuer and subject together name it: each alone names nothing.
	for _, id := range []rally.Identity{{Issuer: one.Issuer, Subject: "2"}, {Issuer: "https://other", Subject: "1"}, {}, {Issuer: "\x00", Subject: "\xff"}} {
		_, err := s.FindIdentity(t.Context(), id.Issuer, id.Subject)
		fields(t, err, rally.ENotFound)
	}
	d.move(time.Minute)
	found, err := s.FindIdentity(t.Context(), one.Issuer, one.Subject)
	if err != nil || found.ID != anna.ID || found.Name != "Anna" {
		t.Errorf("found %+v, %v", found, err)
	}
	list, err := s.ListIdentities(t.Context(), anna.ID)
	if err != nil || len(list) != 2 {
		t.Fatalf("listed %+v, %v", list, err)
	}
	if got := list[0].UsedAt.Sub(list[0].LinkedAt); got != 2*time.Minute {
		t.Errorf("used %s after it was linked", got)
	}
	one.LinkedAt, one.UsedAt, two.LinkedAt = list[0].LinkedAt, list[0].UsedAt, list[1].LinkedAt
	if diff := cmp.Diff([]rally.Identity{one, two}, list); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if list, err := s.ListIdentities(t.Context(), berta.ID); err != nil || len(list) != 0 {
		t.Errorf("another's: %+v, %v", list, err)
	}

	// One's own may be linked again, which changes what it is known by.
	renamed := one
	renamed.Label = strings.Repeat("é", 300) + "\x00"
	link(t, s, anna.ID, renamed)
	if list, err := s.ListIdentities(t.Context(), anna.ID); err != nil || len(list) != 2 || list[0].Label != strings.Repeat("é", 254) {
		t.Errorf("linked again: %+v, %v", list, err)
	}
	// Nobody gets another's.
	isError(t, s.LinkIdentity(t.Context(), berta.ID, one), rally.EConflict, "oauth.taken")
	isError(t, s.LinkIdentity(t.Context(), 12345, atGitHub("9")), rally.ENotFound, "error.not_found")
	for _, id := range []rally.Identity{
		{},
		{Issuer: "i", Provider: "oidc"},
		{Subject: "s", Provider: "oidc"},
		{Issuer: "i", Subject: "s"},
		{Issuer: "i", Subject: strings.Repeat("s", 256), Provider: "oidc"},
		{Issuer: "\x00", Subject: "s", Provider: "oidc"},
		{Issuer: "i", Subject: "\xff", Provider: "oidc"},
	} {
		fields(t, s.LinkIdentity(t.Context(), berta.ID, id), rally.EInvalid)
	}
}

// Of many accounts that claim one identity at once, one gets it.
func TestLinkIdentityConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	users := make([]rally.User, 10)
	for i := range users {
		users[i] = newUser(t, d.store, "User "+string(rune('a'+i)))
	}
	got := atOnce(20, func(i int) bool {
		err := d.store.LinkIdentity(t.Context(), users[i%10].ID, atGitHub("1"))
		if err != nil {
			isError(t, err, rally.EConflict, "oauth.taken")
		}
		return err == nil
	})
	if got != 2 { // the same account twice
		t.Errorf("linked %d times", got)
	}
	if n := d.count(t, `SELECT count(*) FROM identities`); n != 1 {
		t.Errorf("there are %d identities", n)
	}
}

// The last way in cannot be removed: not one after the other, and not at once.
func TestUnlinkIdentity(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	one, two := atGitHub("1"), atGitHub("2")
	unlink := func(u rally.User, id rally.Identity) error {
		return s.UnlinkIdentity(t.Context(), u.ID, id.Issuer, id.Subject)
	}

	// With a password every one may go.
	link(t, s, anna.ID, one)
	fields(t, unlink(berta, one), rally.ENotFound)
	fields(t, unlink(anna, two), rally.ENotFound)
	fields(t, unlink(anna, rally.Identity{Issuer: "\x00"}), rally.ENotFound)
	fields(t, s.UnlinkIdentity(t.Context(), 12345, one.Issuer, one.Subject), rally.ENotFound)
	if err := unlink(anna, one); err != nil {
		t.Error(err)
	}
	_, err := s.FindIdentity(t.Context(), one.Issuer, one.Subject)
	fields(t, err, rally.ENotFound)

	// Without one, one stays.
	d.exec(t, "UPDATE users SET password_hash = NULL WHERE id = $1", int64(anna.ID))
	for range 10 {
		link(t, s, anna.ID, one)
		link(t, s, anna.ID, two)
		gone := atOnce(2, func(i int) bool {
			err := unlink(anna, []rally.Identity{one, two}[i])
			if err != nil {
				isError(t, err, rally.EConflict, "security.last_way")
			}
			return err == nil
		})
		if gone != 1 {
			t.Fatalf("%d of two identities went", gone)
		}
	}
	list, err := s.ListIdentities(t.Context(), anna.ID)
	if err != nil || len(list) != 1 {
		t.Fatalf("left %+v, %v", list, err)
	}
	isError(t, unlink(anna, list[0]), rally.EConflict, "security.last_way")
}

// A state comes back once, also when many bring it at once.
func TestSpendState(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, state := range []string{"one", "another"} {
		first := atOnce(20, func(int) bool {
			first, err := d.store.SpendState(t.Context(), hashOf(state))
			if err != nil {
				t.Error(err)
			}
			return first
		})
		if first != 1 {
			t.Errorf("%q was the first %d times", state, first)
		}
	}

	d.move(30 * time.Minute)
	if first, err := d.store.SpendState(t.Context(), hashOf("late")); err != nil || !first {
		t.Errorf("another: %v, %v", first, err)
	}
	d.move(40 * time.Minute)
	if n, err := d.store.PurgeStates(t.Context()); err != nil || n != 2 {
		t.Errorf("purged %d, %v", n, err)
	}
	if first, err := d.store.SpendState(t.Context(), hashOf("late")); err != nil || first {
		t.Errorf("one that is kept: %v, %v", first, err)
	}
}
