package store_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"rally"
)

func TestAvatar(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	first, second := []byte("\x89PNG one"), []byte("\x89PNG two")
	gone := func(user rally.UserID, name string) {
		t.Helper()
		_, err := s.FindAvatar(t.Context(), user, name)
		isError(t, err, rally.ENotFound, "error.not_found")
	}
	set := func(png []byte) string {
		t.Helper()
		name, err := s.SetAvatar(t.Context(), anna.ID, png)
		if u := userNow(t, s, anna.ID); err != nil || u.Avatar != name {
			t.Fatalf("set %q, the account has %q, %v", name, u.Avatar, err)
		}
		return name
	}

	one := set(first)
	if want := hex.EncodeToString(hashOf(string(first)))[:32]; one != want {
		t.Errorf("the name is %q, want %q", one, want)
	}
	if png, err := s.FindAvatar(t.Context(), anna.ID, one); err != nil || !bytes.Equal(png, first) {
		t.Errorf("found %q, %v", png, err)
	}
	for _, name := range []string{"", "x", one[:31] + "\x00", one[:31] + "\xff", one + "0"} {
		gone(anna.ID, name)
	}
	gone(berta.ID, one)
	gone(12345, one)

	// Only the present one is shown.
	two := set(second)
	gone(anna.ID, one)
	if png, err := s.FindAvatar(t.Context(), anna.ID, two); err != nil || !bytes.Equal(png, second) {
		t.Errorf("found %q, %v", png, err)
	}
	if name := set(nil); name != "" {
		t.Errorf("the name of none is %q", name)
	}
	gone(anna.ID, two)
	gone(anna.ID, "")
	if n := d.count(t, `SELECT count(*) FROM avatars`); n != 0 {
		t.Errorf("%d pictures are left", n)
	}

	set(make([]byte, 1<<20))
	_, err := s.SetAvatar(t.Context(), anna.ID, make([]byte, 1<<20+1))
	isError(t, err, rally.EInvalid, "field.avatar_large")
	_, err = s.SetAvatar(t.Context(), 12345, first)
	isError(t, err, rally.ENotFound, "error.not_found")
}

// Whatever is uploaded at once, the picture is the one that the name says.
func TestSetAvatarConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna := newUser(t, d.store, "Anna")
	atOnce(20, func(i int) bool {
		png := fmt.Appendf(nil, "picture %d", i)
		if i%5 == 0 {
			png = nil
		}
		if _, err := d.store.SetAvatar(t.Context(), anna.ID, png); err != nil {
			t.Error(err)
		}
		return true
	})
	name := userNow(t, d.store, anna.ID).Avatar
	wrong := d.count(t, `
		SELECT count(*)
		FROM users u
		FULL JOIN avatars a ON a.user_id = u.id
		WHERE u.avatar IS DISTINCT FROM coalesce(left(encode(sha256(a.png), 'hex'), 32), '')`)
	if wrong != 0 {
		t.Errorf("the name %q is not that of the picture", name)
	}
}
