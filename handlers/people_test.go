package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/auth"
)

// insider gives the browser of somebody new, signed in without the forms.
func (s *site) insider(t *testing.T, name string) *browser {
	t.Helper()
	b := s.browser(t)
	var err error
	b.user, err = s.store.CreateUser(t.Context(), rally.NewUser{Name: name, Email: name + "@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	b.enter(rally.StageFull)
	return b
}

// enter gives the browser a session of its user's, and with a full one the
// token beside it, without the forms.
func (b *browser) enter(stage rally.Stage) {
	b.t.Helper()
	b.setCookie(sessionCookie, b.site.openSession(b.t, b.user.ID, stage))
	b.setCookie(tokenCookie, "")
	if stage != rally.StageFull {
		return
	}
	b.issue(b.site.tokens(b.t, 0), b.user.ID, b.session())
	if err := b.site.sessions.TokenIssued(b.t.Context(), b.session(), time.Now().Add(auth.TokenLife)); err != nil {
		b.t.Fatal(err)
	}
}

// again gives another browser of the same person's, signed in without the
// forms.
func (b *browser) again() *browser {
	b.t.Helper()
	other := b.site.browser(b.t)
	other.user = b.user
	other.enter(rally.StageFull)
	return other
}

// prove has the session's owner prove who they are, without the form.
func (b *browser) prove() {
	b.t.Helper()
	if err := b.site.sessions.Prove(b.t.Context(), b.session()); err != nil {
		b.t.Fatal(err)
	}
}

// account gives the account that a name or an address means first.
func (s *site) account(t *testing.T, login string) rally.Credentials {
	t.Helper()
	found, err := s.store.FindCandidates(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatalf("%q means nobody", login)
	}
	return found[0]
}

// signIn sends the form.
func (b *browser) signIn(login string, more ...string) *answer {
	b.t.Helper()
	return b.post("/sign-in", append([]string{"email", login, "password", password}, more...)...)
}

// codes turns one-time codes on for the browser's user, without the forms, and
// gives the secret and the recovery codes. No session ends.
func (b *browser) codes() (secret []byte, recovery []string) {
	b.t.Helper()
	secret = auth.NewCodeSecret()
	recovery, hashes := auth.NewRecoveryCodes()
	ctx, s := b.t.Context(), b.site.store
	sealed := b.site.sealer.Seal(secret, "factor:"+itoa(b.user.ID))
	if err := s.TurnOnFactor(ctx, b.user.ID, sealed, 1, hashes, b.session()); err != nil {
		b.t.Fatal(err)
	}
	return secret, recovery
}

// member signs somebody up and gives their browser.
func (s *site) member(t *testing.T, name string) *browser {
	t.Helper()
	b := s.browser(t)
	email := strings.ToLower(name) + "@example.org"
	res := b.post("/sign-up", "name", name, "email", email, "password", password)
	res.wants(http.StatusSeeOther)
	b.user = s.account(t, email).User
	return b
}

// openSession opens a session of a stage and gives its cookie's value.
func (s *site) openSession(t *testing.T, user rally.UserID, stage rally.Stage) string {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/sign-in", nil)
	if _, err := s.sessions.Open(w, r, user, stage); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.Result().Cookies() {
		if c.Name == sessionCookie {
			return c.Value
		}
	}
	t.Fatal("no cookie")
	return ""
}
