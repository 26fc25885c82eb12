package store_test

import (
	"errors"
	"strings"
	"testing"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// newUser makes an account with this name.
func newUser(t *testing.T, s *store.Store, name string) rally.User {
	t.Helper()
	u, err := s.CreateUser(t.Context(), rally.NewUser{Name: name, Email: strings.ReplaceAll(name, " ", ".") + "@example.com", PasswordHash: "hash of " + name})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// fields gives the Fields of a *rally.Error with this code, or fails the test.
func fields(t *testing.T, err error, code rally.Code) map[string]string {
	t.Helper()
	e, ok := errors.AsType[*rally.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("got %v, want a *rally.Error with code %s", err, code)
	}
	return e.Fields
}

func TestFindUserMissing(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	_, err := s.FindUser(t.Context(), 12345)
	fields(t, err, rally.ENotFound)
	for _, email := range []string{"nobody@example.com", "", "\x00", "\xff\xfe", "%", "' OR true --"} {
		_, hash, err := s.FindCredentials(t.Context(), email)
		if fields(t, err, rally.ENotFound); hash != "" {
			t.Errorf("%q has hash %q", email, hash)
		}
	}
	fields(t, s.SetPasswordHash(t.Context(), 12345, "x"), rally.ENotFound)
	fields(t, s.SetPreferences(t.Context(), 12345, "en", "dark"), rally.ENotFound)
}

func TestSetPasswordHash(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	u := newUser(t, s, "Anna")
	for _, want := range []string{"another", ""} {
		if err := s.SetPasswordHash(t.Context(), u.ID, want); err != nil {
			t.Fatal(err)
		}
		if _, got, err := s.FindCredentials(t.Context(), u.Email); err != nil || got != want {
			t.Errorf("hash %q, %v; want %q", got, err, want)
		}
	}
}

func TestSetPreferences(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	u := newUser(t, s, "Anna")
	for _, c := range [][2]string{{"ko", "light"}, {"", ""}} {
		if err := s.SetPreferences(t.Context(), u.ID, c[0], c[1]); err != nil {
			t.Fatal(err)
		}
		if got, err := s.FindUser(t.Context(), u.ID); err != nil || got.Locale != c[0] || got.Theme != c[1] {
			t.Errorf("%q, %q, %v; want %q", got.Locale, got.Theme, err, c)
		}
	}
	fields(t, s.SetPreferences(t.Context(), u.ID, "xx", ""), rally.EInvalid)
	fields(t, s.SetPreferences(t.Context(), u.ID, "", "\xff"), rally.EInvalid)
}
