package store_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// newUser makes an account with this name.
func newUser(t *testing.T, s *store.Store, name string) rally.User {
	t.Helper()
	u, err := s.CreateUser(t.Context(), rally.NewUser{Name: name, Email: name + "@example.com", PasswordHash: "hash of " + name})
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

func TestCreateUser(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	created, err := s.CreateUser(t.Context(), rally.NewUser{
		Name: "  Ada  Lovelace ", Email: " Ada@Example.COM", PasswordHash: "secret hash", Locale: "ko", Theme: "dark",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := rally.User{
		ID: created.ID, Name: "Ada Lovelace", Email: "Ada@example.com", Locale: "ko", Theme: "dark",
		Rating: rally.NewRating(), CreatedAt: created.CreatedAt,
	}
	if diff := cmp.Diff(want, created); diff != "" || created.ID <= 0 || created.CreatedAt.IsZero() {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	found, err := s.FindUser(t.Context(), created.ID)
	if diff := cmp.Diff(created, found); err != nil || diff != "" {
		t.Errorf("found: %v (-want +got):\n%s", err, diff)
	}
	found, hash, err := s.FindCredentials(t.Context(), "aDA@eXample.com ")
	if diff := cmp.Diff(created, found); err != nil || diff != "" || hash != "secret hash" {
		t.Errorf("by e-mail: hash %q, %v (-want +got):\n%s", hash, err, diff)
	}
}

func TestCreateUserTaken(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	for _, name := range []string{"Anna", "Öykü", "한글이름"} {
		newUser(t, s, name)
	}
	name, email := map[string]string{"name": "field.name_taken"}, map[string]string{"email": "field.email_taken"}
	both := map[string]string{"name": "field.name_taken", "email": "field.email_taken"}
	for _, c := range []struct {
		name, email string
		want        map[string]string
	}{
		{"aNNA", "other@example.com", name},
		{"\uff21nna", "other@example.com", name},             // fullwidth A
		{"O\u0308YKU\u0308", "other@example.com", name},      // capital, decomposed
		{"\u1112\u1161\u11ab글이름", "other@example.com", name}, // decomposed jamo
		{"Someone", "ANNA@EXAMPLE.COM", email},
		{"anna", "aNNa@example.com", both},
	} {
		_, err := s.CreateUser(t.Context(), rally.NewUser{Name: c.name, Email: c.email})
		if diff := cmp.Diff(c.want, fields(t, err, rally.EConflict)); diff != "" {
			t.Errorf("%q, %q (-want +got):\n%s", c.name, c.email, diff)
		}
	}
}

func TestCreateUserInvalid(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	_, err := s.CreateUser(t.Context(), rally.NewUser{Name: "x", Email: "not an address"})
	want := map[string]string{"name": "field.name_short", "email": "field.email_invalid"}
	if diff := cmp.Diff(want, fields(t, err, rally.EInvalid)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, u := range []rally.NewUser{
		{Name: "Anna", Email: "a\x00@example.com"},
		{Name: "Anna", Email: "\"a\x00\"@example.com"},
		{Name: "Anna", Email: "\xff@example.com"},
		{Name: "An\x00na", Email: "a@example.com"},
		{Name: "Anna", Email: "a@example.com", Locale: "de"},
		{Name: "Anna", Email: "a@example.com", Theme: "\x00"},
	} {
		_, err := s.CreateUser(t.Context(), u)
		fields(t, err, rally.EInvalid)
	}
}

func TestCreateUserConcurrently(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.CreateUser(t.Context(), rally.NewUser{Name: "Anna", Email: "anna@example.com"})
		})
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else {
			fields(t, err, rally.EConflict)
		}
	}
	if made != 1 {
		t.Errorf("made %d accounts of one name, want 1", made)
	}
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
