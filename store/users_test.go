package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	fields(t, s.SetPreferences(t.Context(), 12345, "en", "dark"), rally.ENotFound)
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

// What is typed at sign-in means one account, or at an address that is claimed
// by several the one whose it is and the newest of the others.
func TestFindCandidates(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	claim := func(name, email string, verified bool) {
		t.Helper()
		_, err := d.store.CreateUser(t.Context(), rally.NewUser{
			Name: name, Email: email, EmailVerified: verified, PasswordHash: "hash of " + name,
		})
		if err != nil {
			t.Fatal(err)
		}
		d.move(time.Second) // so that the next is newer
	}
	claim("Anna", "a@example.com", false)
	claim("Berta", "A@example.com", true)
	claim("Carla", "a@example.com", false)
	claim("Doris", "d@example.com", false)
	claim("Erika", "d@example.com", false)
	claim("Frieda May", "f@example.com", true)
	for login, want := range map[string][]string{
		"a@EXAMPLE.com":                        {"Berta", "Carla"},
		" D@example.com\t":                     {"Erika"},
		"f@example.com":                        {"Frieda May"},
		"  frieda   MAY ":                      {"Frieda May"},
		"\uff21nna":                            {"Anna"}, // fullwidth A
		"\u0410nna":                            nil,      // Cyrillic A: it looks like her and is not
		"Berta@":                               nil,
		"nobody@example.com":                   nil,
		"Nobody":                               nil,
		"":                                     nil,
		" ":                                    nil,
		"@":                                    nil,
		"%":                                    nil,
		"\x00":                                 nil,
		"\xff@example.com":                     nil,
		"' OR true --":                         nil,
		strings.Repeat("a@example.com", 1<<16): nil,
	} {
		found, err := d.store.FindCandidates(t.Context(), login)
		var got []string
		for _, c := range found {
			got = append(got, c.User.Name)
			if c.Hash != "hash of "+c.User.Name || !c.User.HasPassword {
				t.Errorf("%s has the hash %q", c.User.Name, c.Hash)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%.40q means %q, %v; want %q", login, got, err, want)
		}
	}
}

// An account without a password is found all the same, with nothing that could
// be right.
func TestFindCandidatesWithoutPassword(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	_, err := s.CreateUser(t.Context(), rally.NewUser{
		Name: "Anna", Identity: &rally.Identity{Issuer: "https://id.example", Subject: "7", Provider: "oidc"},
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.FindCandidates(t.Context(), "anna")
	if err != nil || len(found) != 1 || found[0].Hash != "" || found[0].User.HasPassword {
		t.Errorf("found %+v, %v", found, err)
	}
	// An empty address is nobody's.
	if found, err := s.FindCandidates(t.Context(), "@"); err != nil || len(found) != 0 {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestRename(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	u := newUser(t, s, "Anna")
	newUser(t, s, "Berta")
	for _, name := range []string{"ANNA", " Änna  B ", "Carla", "Carla"} {
		got, err := s.Rename(t.Context(), u.ID, name)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		u.Name = strings.Join(strings.Fields(name), " ")
		if diff := cmp.Diff(u, got) + cmp.Diff(u, userNow(t, s, u.ID)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", name, diff)
		}
	}
	for _, taken := range []string{"berta", "B\u0435rta", "Be\u0433ta", "\u0412ERT\u0410"} { // Cyrillic ie; ghe, which looks like r; Ve, A
		_, err := s.Rename(t.Context(), u.ID, taken)
		if got := fields(t, err, rally.EConflict); got["name"] != "field.name_taken" {
			t.Errorf("%+q: %v", taken, got)
		}
	}
	for name, want := range map[string]string{"": "field.name_empty", "An\u200bna": "field.name_chars"} {
		_, err := s.Rename(t.Context(), u.ID, name)
		if got := fields(t, err, rally.EInvalid); got["name"] != want {
			t.Errorf("%+q: %v", name, got)
		}
	}
	// Her old names are free.
	newUser(t, s, "Anna")
	_, err := s.Rename(t.Context(), 12345, "Doris")
	fields(t, err, rally.ENotFound)
}
