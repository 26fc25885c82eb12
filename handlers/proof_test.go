package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/handlers"
)

// provenRoutes gives the routes that want a fresh proof, as they are asked for.
func provenRoutes(s *site) (routes []handlers.Route) {
	for _, r := range s.handlers.Routes() {
		if r.Gate == handlers.Proven {
			r.Path = strings.ReplaceAll(r.Path, ":provider", "oidc")
			routes = append(routes, r)
		}
	}
	return routes
}

// TestProofIsAsked (10): signing in is no proof, and a proof lasts ten minutes.
func TestProofIsAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	refused := func() {
		t.Helper()
		for _, r := range provenRoutes(s) {
			res := b.do(r.Method, r.Path, nil, header{"Origin", s.URL}, header{"Referer", s.URL + "/settings/security"})
			res.wants(http.StatusSeeOther)
			if to := res.Header.Get("Location"); !strings.HasPrefix(to, "/settings/proof?next=%2Fsettings%2F") {
				t.Errorf("%s %s leads to %q", r.Method, r.Path, to)
			}
		}
	}
	if len(provenRoutes(s)) < 13 {
		t.Fatalf("%d routes want a proof", len(provenRoutes(s)))
	}
	refused()
	// Nothing was changed by the forms that were refused.
	if got := s.userNow(t, b.user.ID); got != b.user {
		t.Errorf("the account is %+v, was %+v", got, b.user)
	}

	b.get("/settings/password").leadsTo("/settings/proof?next=%2Fsettings%2Fpassword")
	form := b.get("/settings/proof?next=%2Fsettings%2Fpassword")
	form.has(`form[action="/settings/proof"] input[name=password][autocomplete=current-password]`)
	form.hasNot(`input[name=code]`)
	session := b.session()
	b.post("/settings/proof", "password", password, "next", "/settings/password").leadsTo("/settings/password")
	if b.session() != session {
		t.Error("a proof gives another session")
	}
	b.get("/settings/password").wants(http.StatusOK)
	b.get("/settings/proof?next=%2Fsettings%2Fpassword").leadsTo("/settings/password")

	// 10 minutes later it is asked for again; and it is the session's own.
	other := s.browser(t)
	other.signIn("Ada").wants(http.StatusSeeOther)
	other.get("/settings/password").leadsTo("/settings/proof?next=%2Fsettings%2Fpassword")
	s.clock.forward(rally.ProofLife - time.Minute)
	b.get("/settings/password").wants(http.StatusOK)
	s.clock.forward(2 * time.Minute)
	refused()
}

// TestProofWrong: it counts, is written down, and after five tries one waits.
func TestProofWrong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	s.member(t, "Eve")
	empty := b.post("/settings/proof", "password", "")
	empty.wants(http.StatusUnprocessableEntity)
	empty.has(`input[name=password][aria-invalid=true]`)
	for range 5 {
		res := b.post("/settings/proof", "password", "not my password", "next", "/settings/email", "user", "2")
		res.wants(http.StatusUnauthorized)
		res.has(`#form-problem`)
		if got := res.attr(`input[name=next]`, "value"); got != "/settings/email" {
			t.Errorf("the form leads on to %q", got)
		}
		if strings.Contains(res.text, "not my password") {
			t.Error("the password came back")
		}
	}
	s.happened(t, b.user.ID, rally.SecurityProofFailed)
	res := b.post("/settings/proof", "password", password)
	res.wants(http.StatusTooManyRequests)
	if res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	b.get("/settings/password").leadsTo("/settings/proof?next=%2Fsettings%2Fpassword")
	if n := len(s.history(t, b.user.ID)); n != 7 { // sign-up, sign-in and five failures
		t.Errorf("%d lines in the log", n)
	}
}

// TestProofLeadsNowhereElse (26).
func TestProofLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	for next, want := range map[string]string{
		"/settings/codes":                  "/settings/codes",
		"/settings":                        "/settings",
		"/settings/log?before=7":           "/settings/log?before=7",
		"":                                 "/settings/security",
		"/play":                            "/settings/security",
		"/settings/proof":                  "/settings/security",
		"/settings/proof?next=/settings/x": "/settings/security",
		"/settings/../play":                "/settings/security",
		"/settings/%2e%2e/play":            "/settings/security",
		"/settingsx":                       "/settings/security",
		"//e.example":                      "/settings/security",
		"//e.example/settings/codes":       "/settings/security",
		`/\e.example`:                      "/settings/security",
		"https:e.example":                  "/settings/security",
		"%2f%2fe.example":                  "/settings/security",
		"javascript:alert(1)":              "/settings/security",
		"/settings/codes\r\nX-Evil: 1":     "/settings/security",
	} {
		b.post("/settings/proof", "password", password, "next", next).leadsTo(want)
		if want == "/settings/security" || next == want {
			b.get("/settings/proof?next=" + url.QueryEscape(next)).leadsTo(want)
		}
	}
}

// TestProofWithoutPassword: who has neither password nor codes proves it where
// they sign in; guessing a password that there is not gets nobody anywhere.
func TestProofWithoutPassword(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	b := s.insider(t, "Ada")
	s.linked(t, b, "ada", "")
	page := b.get("/settings/proof?next=%2Fsettings%2Fpassword")
	page.wants(http.StatusOK)
	page.hasNot(`#proof input[name=password]`)
	page.hasNot(`#proof input[name=code]`)
	page.has(`#proof a[href="/settings/proof/with/oidc?next=%2Fsettings%2Fpassword"]`)
	b.post("/settings/proof", "password", "anything at all").wants(http.StatusUnauthorized)
	b.post("/settings/proof", "code", "000000").wants(http.StatusUnauthorized)
	b.get("/settings/password").leadsTo("/settings/proof?next=%2Fsettings%2Fpassword")
	// A provider that is not linked would prove nothing.
	other := s.insider(t, "Eve")
	other.get("/settings/proof").hasNot(`#proof a[href^="/settings/proof/with/"]`)
	other.get("/settings/security").has(`a[href="/settings/identities/with/oidc"]`)
}
