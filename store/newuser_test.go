package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

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
		Rating: rally.NewRating(), CreatedAt: created.CreatedAt, HasPassword: true,
	}
	if diff := cmp.Diff(want, created); diff != "" || created.ID <= 0 || created.CreatedAt.IsZero() {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	found, err := s.FindUser(t.Context(), created.ID)
	if diff := cmp.Diff(created, found); err != nil || diff != "" {
		t.Errorf("found: %v (-want +got):\n%s", err, diff)
	}
	candidates, err := s.FindCandidates(t.Context(), "aDA@eXample.com ")
	if diff := cmp.Diff([]rally.Credentials{{User: created, Hash: "secret hash"}}, candidates); err != nil || diff != "" {
		t.Errorf("by e-mail: %v (-want +got):\n%s", err, diff)
	}
}

// A name is one person's, and so is whatever looks like it.
func TestCreateUserNameTaken(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	for _, name := range []string{"Anna", "Öykü", "한글이름", "Bob Moss", "0scar", "Ivan", "alice", "Bill", "illia", "All"} {
		newUser(t, s, name)
	}
	want := map[string]string{"name": "field.name_taken"}
	for _, name := range []string{
		"aNNA",
		"\uff21nna",             // fullwidth A
		"O\u0308YKU\u0308",      // capital, decomposed
		"\u1112\u1161\u11ab글이름", // decomposed jamo
		"\u0410nna",             // Cyrillic A
		"Ann\u0430",             // Cyrillic a
		"B\u043eb M\u043ess",    // Cyrillic o
		"Bob Mo\u0455s",         // Cyrillic dze
		"Oscar",                 // with the letter
		"lvan",                  // with a small l
		"\u0410LICE",            // in capitals, Cyrillic A
		"\u0391LIC\u0415",       // Greek A, Cyrillic E
		"AIice",                 // with a capital I
		"\u0412ILL",             // Cyrillic V
		"\u0432ill",             // a small one
		"\u0406LLI\u0410",       // Cyrillic I, A
	} {
		_, err := s.CreateUser(t.Context(), rally.NewUser{Name: name, Email: "other@example.com"})
		if diff := cmp.Diff(want, fields(t, err, rally.EConflict)); diff != "" {
			t.Errorf("%+q (-want +got):\n%s", name, diff)
		}
	}
	for _, name := range []string{"Anne", "Hanna", "Oskar", "Иван", "한글 이름", "Ali", "ILLA"} {
		if _, err := s.CreateUser(t.Context(), rally.NewUser{Name: name, Email: "other@example.com"}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Nobody keeps somebody from their own name in capitals.
func TestNameInCapitals(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	u := newUser(t, s, "illia")
	if _, err := s.CreateUser(t.Context(), rally.NewUser{Name: "\u0406LLI\u0410", Email: "other@example.com"}); err == nil {
		t.Error("another has what looks like it")
	}
	if _, err := s.Rename(t.Context(), u.ID, "ILLIA"); err != nil {
		t.Error(err)
	}
}

// Whose an address is, or whether anybody's, sign-up does not tell.
func TestCreateUserEmailClaimed(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	for _, u := range []struct {
		name, email string
		verified    bool // by a provider
		want        string
	}{
		{"Anna", "anna@example.com", false, "anna@example.com"},
		{"Berta", "ANNA@example.com", false, "ANNA@example.com"},
		{"Carla", "anna@Example.com", true, "anna@example.com"},
		{"Doris", "anna@example.com", false, "anna@example.com"},
		{"Erika", "Anna@example.com", true, ""},
		{"Frieda", "", true, ""},
		{"Grete", "", false, ""},
	} {
		created, err := s.CreateUser(t.Context(), rally.NewUser{
			Name: u.name, Email: u.email, EmailVerified: u.verified,
			Identity: &rally.Identity{Issuer: "https://id.example", Subject: u.name, Provider: "oidc"},
		})
		if err != nil || created.Email != u.want || created.EmailVerified != (u.verified && u.want != "") {
			t.Errorf("%s: %q, verified %v, %v; want %q", u.name, created.Email, created.EmailVerified, err, u.want)
		}
		if created.HasPassword {
			t.Errorf("%s has a password", u.name)
		}
	}
}

// An identity is linked to the account that is made for it, or there is none.
func TestCreateUserIdentity(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := rally.Identity{Issuer: "https://id.example", Subject: "7", Provider: "oidc", Label: "anna"}
	create := func(name string, id rally.Identity) error {
		_, err := d.store.CreateUser(t.Context(), rally.NewUser{Name: name, Identity: &id})
		return err
	}
	if err := create("Anna", id); err != nil {
		t.Fatal(err)
	}
	if n := d.count(t, "SELECT count(*) FROM identities WHERE subject = '7' AND label = 'anna' AND used_at = linked_at"); n != 1 {
		t.Errorf("%d identities", n)
	}
	err := create("Berta", id)
	if e, ok := errors.AsType[*rally.Error](err); !ok || e.Code != rally.EConflict || e.Message != "oauth.taken" {
		t.Errorf("the same again: %v", err)
	}
	for _, bad := range []rally.Identity{
		{Issuer: "\x00", Subject: "8"},
		{Issuer: "x", Subject: "\xff"},
		{Subject: "8"},
		{Issuer: "x"},
		{Issuer: "x", Subject: strings.Repeat("8", 256)},
	} {
		fields(t, create("Carla", bad), rally.EInvalid)
	}
	for _, other := range []rally.Identity{
		{Issuer: "https://other.example", Subject: "7", Provider: "google"}, {Issuer: id.Issuer, Subject: "77", Provider: "oidc"},
	} {
		if err := create("D"+other.Subject, other); err != nil {
			t.Errorf("%+v: %v", other, err)
		}
	}
	if n := d.count(t, "SELECT count(*) FROM users"); n != 3 {
		t.Errorf("there are %d accounts", n)
	}
	if err := create("Anna", rally.Identity{Issuer: "x", Subject: "9"}); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("a taken name: %v", err)
	}
}

func TestCreateUserInvalid(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	for _, c := range []struct {
		user rally.NewUser
		want map[string]string
	}{
		{
			rally.NewUser{Name: "x", Email: "not an address"},
			map[string]string{"name": "field.name_short", "email": "field.email_invalid"},
		},
		{rally.NewUser{Name: "Anna"}, map[string]string{"email": "field.email_empty"}},
		{rally.NewUser{Name: "Anna", EmailVerified: true}, map[string]string{"email": "field.email_empty"}},
		{
			rally.NewUser{Name: "An\u202ena", Email: "x", Identity: &rally.Identity{Issuer: "x", Subject: "x"}},
			map[string]string{"name": "field.name_chars", "email": "field.email_invalid"},
		},
	} {
		_, err := s.CreateUser(t.Context(), c.user)
		if diff := cmp.Diff(c.want, fields(t, err, rally.EInvalid)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.user, diff)
		}
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

// Of many who take one name, or verified address, or identity at once, one has it.
func TestCreateUserConcurrently(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	id := &rally.Identity{Issuer: "https://id.example", Subject: "7", Provider: "oidc"}
	for what, user := range map[string]func(i int) rally.NewUser{
		"name":     func(int) rally.NewUser { return rally.NewUser{Name: "Anna", Email: "anna@example.com"} },
		"identity": func(i int) rally.NewUser { return rally.NewUser{Name: fmt.Sprint("Berta ", i), Identity: id} },
	} {
		if made := createMany(t, s, user); len(made) != 1 {
			t.Errorf("made %d accounts of one %s, want 1", len(made), what)
		}
	}
	verified := 0
	made := createMany(t, s, func(i int) rally.NewUser {
		return rally.NewUser{
			Name: fmt.Sprint("Carla ", i), Email: "carla@example.com", EmailVerified: true,
			Identity: &rally.Identity{Issuer: "https://other.example", Subject: fmt.Sprint(i), Provider: "oidc"},
		}
	})
	for _, u := range made {
		if u.EmailVerified {
			verified++
		}
	}
	if verified != 1 || len(made) != 20 {
		t.Errorf("%d of %d accounts have the address, want 1 of 20", verified, len(made))
	}
}

// createMany makes twenty accounts at once and gives those that were made; the
// others must have met a conflict.
func createMany(t *testing.T, s *store.Store, user func(i int) rally.NewUser) (made []rally.User) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			u, err := s.CreateUser(t.Context(), user(i))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made = append(made, u)
			} else if rally.ErrorCode(err) != rally.EConflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return made
}
