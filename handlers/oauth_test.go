package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rally/auth/oidctest"
)

const (
	oauthCookie    = "__Host-rally_oauth"
	newcomerCookie = "__Host-rally_newcomer"
	withSchool     = "/sign-in/with/oidc"
)

// newcomer signs somebody up who comes from the provider.
func (s *site) newcomer(t *testing.T, who oidctest.Account, name string) *browser {
	t.Helper()
	s.provider.Choose(who)
	b := s.browser(t)
	b.arrive(withSchool).leadsTo("/sign-in/name")
	b.post("/sign-in/name", "name", name).leadsTo("/play")
	b.user = s.account(t, name).User
	return b
}

// TestSignInWithAProvider: the first time somebody comes they are asked for a
// name; afterwards they are known.
func TestSignInWithAProvider(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	b := s.browser(t)
	b.get("/sign-in").has(`a[href^="/sign-in/with/oidc"]`)
	b.get("/sign-up").has(`a[href^="/sign-in/with/oidc"]`)
	s.browser(t).post("/sign-up", "name", "Ada", "email", "byron@example.org", "password", password).leadsTo("/play")

	away := b.get(withSchool + "?next=%2Fsettings")
	checkCookie(t, away, oauthCookie)
	b.get(visit(away)).leadsTo("/sign-in/name")
	if b.cookie(oauthCookie) != "" || b.cookie(sessionCookie) != "" {
		t.Error("there is a session before there is an account, or the state is left")
	}
	form := b.get("/sign-in/name")
	form.wants(http.StatusOK)
	if got := form.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	suggested := form.attr("input[name=name]", "value")
	if !strings.HasPrefix(suggested, "ada ") {
		t.Errorf("the name suggested is %q", suggested)
	}
	b.post("/sign-in/name", "name", "ADA").wants(http.StatusConflict)
	b.post("/sign-in/name", "name", "<b>").wants(http.StatusUnprocessableEntity)
	res := b.post("/sign-in/name", "name", suggested)
	res.leadsTo("/settings")
	checkCookies(t, res)
	if b.cookie(newcomerCookie) != "" {
		t.Error("the identity is left in the browser")
	}
	user := s.account(t, suggested).User
	if user.Email != "ada@school.example" || !user.EmailVerified || user.HasPassword {
		t.Errorf("the account is %+v", user)
	}

	again := s.browser(t)
	again.arrive(withSchool).leadsTo("/play")
	again.get("/play").has(`a[href="/players/` + itoa(user.ID) + `"]`)
	again.get(withSchool).leadsTo("/play")
	// Requirement 13: an account without a password is like none.
	s.browser(t).signIn(suggested).wants(http.StatusUnauthorized)
	s.browser(t).get("/sign-in/with/github").wants(http.StatusNotFound)
	b.get("/sign-in/with/nobody/callback?state=x").wants(http.StatusNotFound)
}

// checkCookie holds a cookie against the rules for cookies (requirement 31).
func checkCookie(t *testing.T, res *answer, name string) {
	t.Helper()
	c := res.setsCookie(name)
	if c == nil || c.Value == "" {
		t.Fatalf("%s is not set", name)
	}
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge > 30*60 {
		t.Errorf("%s is set as %q", name, c.Raw)
	}
}

// TestOAuthState: requirement 20. What comes back must have been sent away from
// this browser, not long ago, and not have come back before.
func TestOAuthState(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	refused := func(what string, b *browser, path string) {
		t.Helper()
		before := s.provider.Calls(oidctest.Token)
		res := b.get(path)
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: got %d", what, res.StatusCode)
		}
		if res.setsCookie(sessionCookie) != nil || b.cookie(newcomerCookie) != "" {
			t.Errorf("%s: it led somewhere", what)
		}
		if s.provider.Calls(oidctest.Token) != before {
			t.Errorf("%s: the provider was asked for a token", what)
		}
	}
	callback := withSchool + "/callback"
	begin := func() (b *browser, back *url.URL) {
		b = s.browser(t)
		back, err := url.Parse(visit(b.get(withSchool)))
		if err != nil {
			t.Fatal(err)
		}
		return b, back
	}
	changed := func(u *url.URL, name, value string) string {
		q := u.Query()
		q.Set(name, value)
		return u.Path + "?" + q.Encode()
	}

	refused("nothing at all", s.browser(t), callback)
	refused("a code without a state", s.browser(t), callback+"?code=x")
	_, back := begin()
	refused("another browser's", s.browser(t), back.RequestURI())
	other, _ := begin()
	refused("the state of another browser", other, back.RequestURI())
	b, back := begin()
	refused("another state", b, changed(back, "state", "x"+back.Query().Get("state")))
	refused("no state", b, changed(back, "state", ""))
	b.setCookie(oauthCookie, "A"+b.cookie(oauthCookie))
	refused("a cookie that was changed", b, back.RequestURI())
	b, back = begin()
	refused("an issuer that is another's (RFC 9207)", b, changed(back, "iss", "https://evil.example"))
	b, back = begin()
	s.clock.forward(11 * time.Minute)
	refused("too late", b, back.RequestURI())

	// Replayed, with the cookie put back.
	b, back = begin()
	cookie := b.cookie(oauthCookie)
	b.get(back.RequestURI()).leadsTo("/sign-in/name")
	refused("replayed", s.browser(t), back.RequestURI())
	replayer := s.browser(t)
	replayer.setCookie(oauthCookie, cookie)
	if res := replayer.get(back.RequestURI()); res.StatusCode != http.StatusBadRequest || replayer.cookie(newcomerCookie) != "" {
		t.Errorf("replayed with its cookie: %d", res.StatusCode)
	}
}

// TestOAuthStateOnce: requirement 20, at the same moment.
func TestOAuthStateOnce(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	b := s.browser(t)
	back := visit(b.get(withSchool))
	answers := make([]*answer, 10)
	var wait sync.WaitGroup
	for i := range answers {
		twin := s.browser(t)
		twin.setCookie(oauthCookie, b.cookie(oauthCookie))
		wait.Go(func() { answers[i] = twin.get(back) })
	}
	wait.Wait()
	in := 0
	for _, res := range answers {
		if res.StatusCode == http.StatusSeeOther {
			in++
		} else if res.StatusCode != http.StatusBadRequest {
			t.Errorf("one got %d", res.StatusCode)
		}
	}
	if in != 1 {
		t.Errorf("%d got in", in)
	}
}

// TestPKCE: requirement 21. The challenge is always sent, S256, and a code does
// nothing twice.
func TestPKCE(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	s.browser(t).arrive(withSchool).leadsTo("/sign-in/name")
	begun, err := s.browser(t).get(withSchool).Location()
	if err != nil {
		t.Fatal(err)
	}
	q := begun.Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("nonce")) < 20 || len(q.Get("state")) < 20 {
		t.Errorf("the provider was asked with %v", q)
	}
	if got := q.Get("redirect_uri"); got != s.URL+withSchool+"/callback" {
		t.Errorf("it sends people back to %q", got)
	}
	// Somebody else's code, in the place of one's own.
	victim := s.browser(t)
	stolen, err := url.Parse(visit(victim.get(withSchool)))
	if err != nil {
		t.Fatal(err)
	}
	thief := s.browser(t)
	own, err := url.Parse(visit(thief.get(withSchool)))
	if err != nil {
		t.Fatal(err)
	}
	mixed := url.Values{"state": {own.Query().Get("state")}, "code": {stolen.Query().Get("code")}}
	if res := thief.get(own.Path + "?" + mixed.Encode()); res.StatusCode < 400 || thief.cookie(newcomerCookie) != "" {
		t.Errorf("a stolen code gave %d", res.StatusCode)
	}
}

// TestBadProviders: requirement 22, and a provider that answers garbage, fails
// or says nothing. Each is a plain page and lets nobody in.
func TestBadProviders(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	s.browser(t).arrive(withSchool) // so that the provider has been found once
	refused := func(name string, status int, back string, b *browser) {
		t.Helper()
		res := b.get(back)
		if res.StatusCode != status {
			t.Errorf("%s: got %d, want %d", name, res.StatusCode, status)
		}
		res.has("h1")
		if b.cookie(sessionCookie) != "" || b.cookie(newcomerCookie) != "" || strings.Contains(res.text, "out of order") {
			t.Errorf("%s: it led somewhere", name)
		}
	}
	for fault, status := range map[oidctest.Fault]int{
		oidctest.WrongNonce: http.StatusBadRequest, oidctest.NoNonce: http.StatusBadRequest,
		oidctest.WrongAudience: http.StatusServiceUnavailable, oidctest.WrongIssuer: http.StatusServiceUnavailable,
		oidctest.Expired: http.StatusServiceUnavailable, oidctest.NoExpiry: http.StatusServiceUnavailable,
		oidctest.NoSubject: http.StatusServiceUnavailable, oidctest.AlgNone: http.StatusServiceUnavailable,
		oidctest.HS256: http.StatusServiceUnavailable, oidctest.OtherKey: http.StatusServiceUnavailable,
		oidctest.UnknownKey: http.StatusServiceUnavailable, oidctest.NoIDToken: http.StatusServiceUnavailable,
		oidctest.WrongState: http.StatusBadRequest, oidctest.WrongAnswerIssuer: http.StatusBadRequest,
		oidctest.RefusesAuthorize: http.StatusServiceUnavailable,
		oidctest.ServerError:      http.StatusServiceUnavailable, oidctest.Garbage: http.StatusServiceUnavailable,
		oidctest.Hang: http.StatusServiceUnavailable,
		oidctest.Huge: http.StatusServiceUnavailable, oidctest.RedirectAway: http.StatusServiceUnavailable,
	} {
		s.provider.Misbehave(fault, oidctest.Token)
		b := s.browser(t)
		refused(string(fault), status, visit(b.get(withSchool)), b)
		s.provider.Behave()
	}
	for _, secret := range s.provider.Secrets() {
		if strings.Contains(s.log.text(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	// Somebody says no there, signing in or linking.
	s.provider.Misbehave(oidctest.Denied)
	s.browser(t).arrive(withSchool).leadsTo("/sign-in?reason=declined")
	ada := s.member(t, "Ada")
	ada.prove()
	ada.arrive("/settings/identities/with/oidc").leadsTo("/settings/security")
	s.provider.Behave()
}

// TestNothingMergesByAddress: requirement 23. An identity is issuer and subject.
// That its address is an account's opens nothing.
func TestNothingMergesByAddress(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	ada := s.member(t, "Ada")
	s.verify(t, ada)
	_, bea, thief := accounts()
	s.provider.Choose(thief)
	b := s.browser(t)
	b.arrive(withSchool).leadsTo("/sign-in/name")
	b.post("/sign-in/name", "name", "Mallory").leadsTo("/play")
	mallory := s.account(t, "Mallory").User
	if mallory.ID == ada.user.ID || mallory.Email != "" {
		t.Errorf("the account is %+v", mallory)
	}
	if owner := s.account(t, "ada@example.org").User; owner.ID != ada.user.ID {
		t.Error("the address has changed hands")
	}
	// One that the provider does not vouch for is not kept at all.
	bea.Email = "bea@example.org"
	s.provider.Choose(bea)
	c := s.browser(t)
	c.arrive(withSchool).leadsTo("/sign-in/name")
	c.post("/sign-in/name", "name", "Bea").leadsTo("/play")
	if user := s.account(t, "Bea").User; user.Email != "" {
		t.Errorf("the account is %+v", user)
	}
}

// TestProviderSignInOwesTheCode: requirement 24.
func TestProviderSignInOwesTheCode(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	ada, _, _ := accounts()
	secret, _ := s.newcomer(t, ada, "Ada").codes()
	b := s.browser(t)
	b.arrive(withSchool + "?next=%2Fsettings").leadsTo("/sign-in/code?next=%2Fsettings")
	if b.cookie(tokenCookie) != "" {
		t.Error("there is a token")
	}
	b.get("/settings").leadsTo("/sign-in/code?next=%2Fsettings")
	b.post("/sign-in/code", "code", codeAt(t, secret, time.Now()), "next", "/settings").leadsTo("/settings")
}

// TestNewcomerOnce: what somebody has brought from a provider makes one account,
// however often the form is sent, and none after half an hour.
func TestNewcomerOnce(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	b := s.browser(t)
	b.arrive(withSchool).leadsTo("/sign-in/name")
	twin := s.browser(t)
	twin.setCookie(newcomerCookie, b.cookie(newcomerCookie))
	b.post("/sign-in/name", "name", "Ada").leadsTo("/play")
	twin.post("/sign-in/name", "name", "Ada again").leadsTo("/sign-in")
	if twin.cookie(sessionCookie) != "" {
		t.Error("a copy of the cookie signs in")
	}
	_, bea, _ := accounts()
	s.provider.Choose(bea)
	late := s.browser(t)
	late.arrive(withSchool).leadsTo("/sign-in/name")
	s.clock.forward(31 * time.Minute)
	late.get("/sign-in/name").leadsTo("/sign-in")
	late.post("/sign-in/name", "name", "Bea").leadsTo("/sign-in")
	late.setCookie(newcomerCookie, "nonsense")
	late.get("/sign-in/name").leadsTo("/sign-in")
}
