package handlers_test

import (
	"net/http"
	"testing"

	"rally/auth/oidctest"
)

// Who signs in at the provider in these tests.
func accounts() (ada, bea, mallory oidctest.Account) {
	return oidctest.Account{ID: 1, Username: "ada", Name: "Ada Byron", Email: "ada@school.example", EmailVerified: true},
		oidctest.Account{ID: 2, Username: "bea", Name: "Bea"},
		oidctest.Account{ID: 3, Username: "mallory", Name: "Mallory", Email: "ada@example.org", EmailVerified: true}
}

// withProvider lets people sign in at a provider as well, named "oidc"; it is
// Ada who sits before its page.
func withProvider(t *testing.T) func(*site) {
	t.Helper()
	return func(s *site) {
		p, err := oidctest.New(oidctest.Config{Now: s.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		ada, _, _ := accounts()
		p.Choose(ada)
		s.provider = p
	}
}

// visit follows an answer to the provider's page, where somebody says yes at
// once, and gives the path that the browser is sent back to.
func visit(res *answer) (back string) {
	res.t.Helper()
	res.wants(http.StatusSeeOther)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	there, err := client.Get(res.Header.Get("Location"))
	if err != nil {
		res.t.Fatal(err)
	}
	defer there.Body.Close()
	location, err := there.Location()
	if err != nil {
		res.t.Fatalf("the provider answered %d: %v", there.StatusCode, err)
	}
	return location.RequestURI()
}

// arrive goes to the provider and comes back.
func (b *browser) arrive(start string) *answer {
	b.t.Helper()
	return b.get(visit(b.get(start)))
}
