package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// verify has the browser's user show that their address is theirs, without the
// letter.
func (s *site) verify(t *testing.T, b *browser) {
	t.Helper()
	token, err := s.store.NewLink(t.Context(), b.user.ID, rally.LinkEmail, b.user.Email)
	if err == nil {
		b.user, _, err = s.store.UseEmailLink(t.Context(), token)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestChangePassword (4, 5, 10): every other session ends within a second, the
// own one goes on under another id.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	s.verify(t, b)
	other := b.again()
	socket := b.open()
	oldSession, oldToken := b.cookie(sessionCookie), b.cookie(tokenCookie)
	b.prove()
	b.get("/settings/password").has(`input[name=password][autocomplete=new-password]`)

	const better = "a better horse battery"
	b.post("/settings/password", "password", better, "user", "1", "email", "x@example.org").
		leadsTo("/settings/security?done=password")
	socket.closesAtOnce(live.CodeSessionEnded) // it was opened under the old id
	other.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")

	if b.cookie(sessionCookie) == oldSession || b.cookie(tokenCookie) == oldToken {
		t.Error("the own session goes on under the old id")
	}
	b.get("/settings/security?done=password").has("p.notice")
	thief := s.browser(t)
	thief.setCookie(sessionCookie, oldSession)
	thief.setCookie(tokenCookie, oldToken)
	thief.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")

	s.browser(t).post("/sign-in", "email", "Ada", "password", password).wants(http.StatusUnauthorized)
	s.browser(t).post("/sign-in", "email", "Ada", "password", better).wants(http.StatusSeeOther)
	if got := s.userNow(t, b.user.ID); got.Email != b.user.Email {
		t.Errorf("the address is %q", got.Email)
	}
	if !strings.Contains(strings.Join(kinds(s.history(t, b.user.ID)), " "), "password_changed") {
		t.Error("the change is not in the log")
	}
	// 39: neither password is in any log.
	if log := s.log.text(); strings.Contains(log, better) || strings.Contains(log, password) {
		t.Error("a password is in the log")
	}
}

func kinds(of []rally.SecurityKind) (names []string) {
	for _, k := range of {
		names = append(names, string(k))
	}
	return names
}

// TestPasswordProblems (12): length and commonness, nothing else.
func TestPasswordProblems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Lovelace")
	b.prove()
	session := b.session()
	for _, bad := range []string{
		"", "short", strings.Repeat("x", 129), "password1", "lovelace", "lovelace@example.org", "bad\xffutf-8 text",
	} {
		res := b.post("/settings/password", "password", bad)
		res.wants(http.StatusUnprocessableEntity)
		res.has(`input[name=password][aria-invalid=true]`)
		if bad != "" && strings.Contains(res.text, bad) && len(bad) > 5 && !strings.HasPrefix(bad, "lovelace") {
			t.Errorf("%q came back", bad)
		}
	}
	b.post("/settings/password", "password", strings.Repeat("x", 10<<20)).wants(http.StatusRequestEntityTooLarge)
	if b.session() != session {
		t.Error("the session was renewed for nothing")
	}
	for _, good := range []string{"zqzqzqzq", "only lower case words", strings.Repeat("éa", 64), "사용자비밀번호여덟"} {
		b.post("/settings/password", "password", good).leadsTo("/settings/security?done=password")
		b.post("/sign-out").wants(http.StatusSeeOther)
		b.post("/sign-in", "email", "Lovelace", "password", good).wants(http.StatusSeeOther)
		b.post("/settings/proof", "password", good).wants(http.StatusSeeOther)
	}
}

// TestFirstPassword: an account without a password gets one, once it is proved
// whose it is.
func TestFirstPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.insider(t, "Ada")
	b.post("/settings/password", "password", password).wants(http.StatusSeeOther)
	if s.userNow(t, b.user.ID).HasPassword {
		t.Fatal("set without a proof")
	}
	b.prove()
	b.post("/settings/password", "password", password).leadsTo("/settings/security?done=password")
	if !s.userNow(t, b.user.ID).HasPassword {
		t.Error("there is none")
	}
}

// linked links an identity to somebody's account.
func (s *site) linked(t *testing.T, b *browser, subject, label string) rally.Identity {
	t.Helper()
	id := rally.Identity{
		Issuer: "https://issuer.example", Subject: subject, Provider: "oidc", Label: label, LinkedAt: time.Now(),
	}
	if err := s.store.LinkIdentity(t.Context(), b.user.ID, id); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestUnlink (10, 25, 37): only one's own, only after a proof, and never the
// last way in.
func TestUnlink(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, eve := s.insider(t, "Ada"), s.insider(t, "Eve")
	first := s.linked(t, ada, "ada-1", "ada")
	ada.prove()
	eve.prove()
	eve.post("/settings/identities/unlink", "issuer", first.Issuer, "subject", first.Subject).wants(http.StatusNotFound)
	ada.get("/settings/security").hasNot(`form[action="/settings/identities/unlink"]`)
	last := ada.post("/settings/identities/unlink", "issuer", first.Issuer, "subject", first.Subject)
	last.wants(http.StatusConflict)
	last.has(".notice.problem")

	s.linked(t, ada, "ada-2", "ada's other")
	ada.get("/settings/security").has(`form[action="/settings/identities/unlink"] input[value="ada-1"]`)
	ada.post("/settings/identities/unlink", "issuer", first.Issuer, "subject", first.Subject).
		leadsTo("/settings/security?done=unlinked")
	if e := s.happened(t, ada.user.ID, rally.SecurityUnlinked); e.Detail != "oidc" {
		t.Errorf("the log says %+v", e)
	}
	ada.post("/settings/identities/unlink", "issuer", first.Issuer, "subject", first.Subject).wants(http.StatusNotFound)
	ada.post("/settings/identities/unlink", "issuer", first.Issuer, "subject", "ada-2").wants(http.StatusConflict)
	ada.post("/settings/identities/unlink", "issuer", "\x00", "subject", "\xff").wants(http.StatusNotFound)
	left, err := s.store.ListIdentities(t.Context(), ada.user.ID)
	if err != nil || len(left) != 1 || left[0].Subject != "ada-2" {
		t.Errorf("left are %+v, %v", left, err)
	}
}

// TestPayloadsInIdentities (30): what a provider says about somebody is text.
func TestPayloadsInIdentities(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	const payload = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	s.linked(t, b, `"><b>`, payload)
	s.linked(t, b, "bidi", "\u202egnp.\u2066exe")
	page := b.get("/settings/security")
	page.wants(http.StatusOK)
	page.hasNot("main script")
	page.hasNot("main img[onerror]")
	page.hasNot("main b")
	page.has(`input[name=subject][value="\"><b>"]`)
	if strings.ContainsAny(page.text, "\u202e\u2066") {
		t.Error("what changes direction is in the page")
	}
}
