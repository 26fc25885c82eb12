package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/store/storetest"
)

// A password changes, and with it everything that the old one had opened ends.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	own, ownCookie := d.open(t, "", anna.ID, rally.StageFull)
	full, _ := d.open(t, "", anna.ID, rally.StageFull)
	otp, _ := d.open(t, "", anna.ID, rally.StageOTP)
	_, bertas := d.open(t, "", berta.ID, rally.StageFull)
	for i, user := range []rally.User{anna, berta} {
		for j, kind := range []string{"reset", "email"} {
			d.exec(t, "INSERT INTO links VALUES (sha256($1), $2, $3, 'x@example.com', now() + interval '1 hour')",
				[]byte{byte(i), byte(j)}, int64(user.ID), kind)
		}
	}
	if err := d.store.ChangePassword(t.Context(), anna.ID, "another", own.ID); err != nil {
		t.Fatal(err)
	}
	if hash, err := d.store.FindPasswordHash(t.Context(), anna.ID); err != nil || hash != "another" {
		t.Errorf("hash %q, %v", hash, err)
	}
	if hash, err := d.store.FindPasswordHash(t.Context(), berta.ID); err != nil || hash != "hash of Berta" {
		t.Errorf("Berta's hash %q, %v", hash, err)
	}
	want := map[rally.SessionID]string{full.ID: "password_changed", otp.ID: "password_changed"}
	if diff := cmp.Diff(want, d.ended()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if d.opens(t, ownCookie) != own.ID || d.opens(t, bertas) == "" {
		t.Error("a session that was to stay has ended")
	}
	if n := d.count(t, "SELECT count(*) FROM links"); n != 2 {
		t.Errorf("%d links are left, want Berta's", n)
	}
	if n := d.count(t, "SELECT count(*) FROM links l JOIN users u ON u.id = l.user_id WHERE name = 'Anna'"); n != 0 {
		t.Error("Anna's link to a new password or another address still opens")
	}

	fields(t, d.store.ChangePassword(t.Context(), 12345, "x", ""), rally.ENotFound)
	if err := d.store.ChangePassword(t.Context(), anna.ID, "", ""); err == nil {
		t.Error("the password was taken away")
	}
	_, err := d.store.FindPasswordHash(t.Context(), 12345)
	fields(t, err, rally.ENotFound)
}

// A better hash of a password never brings an old password back.
func TestRehash(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	u := newUser(t, s, "Anna")
	for _, c := range []struct{ before, after, want string }{
		{"hash of Anna", "better", "better"},
		{"hash of Anna", "best", "better"},
		{"", "best", "better"},
	} {
		if err := s.Rehash(t.Context(), u.ID, c.before, c.after); err != nil {
			t.Fatal(err)
		}
		if got, err := s.FindPasswordHash(t.Context(), u.ID); err != nil || got != c.want {
			t.Errorf("%q for %q: %q, %v; want %q", c.after, c.before, got, err, c.want)
		}
	}
	if err := s.Rehash(t.Context(), u.ID, "better", ""); err == nil {
		t.Error("the password was taken away")
	}
}
