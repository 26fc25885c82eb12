package handlers_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/handlers"
	"rally/live"
)

const (
	linkCookie  = "__Host-rally_link"
	newPassword = "another good phrase"
)

// TestForgottenPassword: a letter leads to a new password, once; every session
// ends, nobody is signed in by it, and the one-time code is still owed.
func TestForgottenPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	s.verify(t, ada)
	secret, _ := ada.codes()
	socket := ada.open()

	b := s.browser(t)
	b.get("/sign-in").has(`a[href="/forgot"]`)
	b.get("/forgot").has("form#forgot input[name=email]")
	sent := b.post("/forgot", "email", " ADA@example.org ")
	sent.wants(http.StatusOK)
	sent.hasNot("form#forgot")
	path := s.link(t, "ada@example.org")

	followed := b.get(path)
	followed.leadsTo("/reset")
	checkCookie(t, followed, linkCookie)
	b.do(http.MethodHead, path, nil).leadsTo("/reset") // some mail programs look
	form := b.get("/reset")
	form.wants(http.StatusOK)
	form.has(`input[name=password][autocomplete="new-password"]`)
	if got := form.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	if strings.Contains(form.text, strings.TrimPrefix(path, "/links/")) {
		t.Error("the token stands in the page")
	}
	b.post("/reset", "password", "short").wants(http.StatusUnprocessableEntity)
	b.post("/reset", "password", "ada@example.org").wants(http.StatusUnprocessableEntity)

	b.post("/reset", "password", newPassword).leadsTo("/sign-in?reason=reset")
	socket.closesAtOnce(live.CodeSessionEnded)
	if b.cookie(sessionCookie) != "" || b.cookie(linkCookie) != "" {
		t.Error("somebody is signed in, or the link is left")
	}
	b.get("/sign-in?reason=reset").has(".notice")
	ada.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	b.signIn("Ada").wants(http.StatusUnauthorized)
	b.post("/sign-in", "email", "Ada", "password", newPassword).leadsTo("/sign-in/code")
	b.post("/sign-in/code", "code", codeAt(t, secret, time.Now())).leadsTo("/play")
	if got := s.letters.of(rally.LetterPasswordChanged); len(got) != 1 || got[0].To != "ada@example.org" {
		t.Errorf("letters about it: %+v", got)
	}

	// The link is dead.
	thief := s.browser(t)
	thief.get(path).leadsTo("/reset")
	dead := thief.get("/reset")
	dead.wants(http.StatusGone)
	dead.has(`a[href="/forgot"]`)
	thief.post("/reset", "password", "a third good phrase").wants(http.StatusGone)
	if strings.Contains(s.log.text(), strings.TrimPrefix(path, "/links/")) {
		t.Error("the token is in the log")
	}
}

// TestForgotHandsOverNothing: an account that somebody has made with another's
// address, with a way in of their own, does not become that other's by a reset,
// to be entered by both. The answer does not tell.
func TestForgotHandsOverNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mallory := s.member(t, "Mallory")
	plain := s.browser(t).post("/forgot", "email", "mallory@example.org")
	if err := s.store.LinkIdentity(t.Context(), mallory.user.ID,
		rally.Identity{Issuer: "https://id.example", Subject: "7", Provider: "oidc"}); err != nil {
		t.Fatal(err)
	}
	link := s.link(t, "mallory@example.org")
	victim := s.browser(t)
	prepared := victim.post("/forgot", "email", "mallory@example.org")
	if prepared.StatusCode != plain.StatusCode || prepared.text != plain.text {
		t.Error("the answers differ")
	}
	if got := s.letters.of(rally.LetterReset); len(got) != 2 || got[1].User != 0 {
		t.Errorf("letters: %+v", got)
	}
	// Nor does the letter that was under way.
	victim.get(link).leadsTo("/reset")
	victim.post("/reset", "password", "another horse battery").wants(http.StatusGone)
	if s.userNow(t, mallory.user.ID).EmailVerified {
		t.Error("the address is verified for them")
	}
}

// TestForgotTellsNothing: whoever is asked for, the answer is the same and
// comes after the same time; letters go out three times an hour at most.
func TestForgotTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	s.verify(t, ada)
	b := s.browser(t)
	known := b.post("/forgot", "email", "ada@example.org")
	unknown := b.post("/forgot", "email", "nobody@example.org")
	known.wants(http.StatusOK)
	if known.StatusCode != unknown.StatusCode || known.text != unknown.text {
		t.Errorf("the answers differ:\n%s\n%s", known.text, unknown.text)
	}
	// As much is queued for nobody as for somebody, and dropped later.
	if got := s.letters.of(rally.LetterReset); len(got) != 2 || got[0].User != ada.user.ID || got[1].User != 0 {
		t.Errorf("letters: %+v", got)
	}
	mails, _ := s.mail.Mails()
	for _, m := range mails {
		if m.To == "nobody@example.org" {
			t.Error("a letter went to nobody")
		}
	}
	for range 5 {
		b.post("/forgot", "email", "ada@example.org").wants(http.StatusOK)
	}
	if got := s.letters.of(rally.LetterReset); len(got) != 4 {
		t.Errorf("%d letters, want three to Ada and one to nobody", len(got))
	}
	b.post("/forgot", "email", "nonsense").wants(http.StatusUnprocessableEntity)
	b.post("/forgot", "email", "ada@example.org\r\nBcc: all@example.org").wants(http.StatusUnprocessableEntity)
	var last *answer
	for range 30 {
		last = b.post("/forgot", "email", "somebody@example.org")
	}
	last.throttled()
}

// TestLinksExpire: half an hour for a new password, and each new letter kills
// the link before.
func TestLinksExpire(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	s.verify(t, ada)
	b := s.browser(t)
	b.post("/forgot", "email", "ada@example.org")
	first := s.link(t, "ada@example.org")
	b.post("/forgot", "email", "ada@example.org")
	second := s.link(t, "ada@example.org")
	b.get(first)
	b.get("/reset").wants(http.StatusGone)
	b.get(second)
	b.get("/reset").wants(http.StatusOK)
	s.clock.forward(rally.ResetLinkLife)
	b.get("/reset").wants(http.StatusGone)
	b.post("/reset", "password", newPassword).wants(http.StatusGone)
	for _, nonsense := range []string{"/links/x", "/links/" + strings.Repeat("A", 43), "/links/%00", "/links/" + strings.Repeat("A", 5000), "/links/%2e%2e"} {
		b.get(nonsense).leadsTo("/reset")
	}
	b.setCookie(linkCookie, "nonsense")
	b.get("/reset").wants(http.StatusGone)
	b.get("/confirm-email").wants(http.StatusGone)
}

// TestALinkWorksOnce: also when ten requests bring it at the same moment.
func TestALinkWorksOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Ada")
	b := s.browser(t)
	b.post("/forgot", "email", "ada@example.org")
	path := s.link(t, "ada@example.org")
	answers := make([]*answer, 10)
	var wait sync.WaitGroup
	for i := range answers {
		one := s.browser(t)
		one.get(path).leadsTo("/reset")
		wait.Go(func() { answers[i] = one.post("/reset", "password", newPassword+string(rune('a'+i))) })
	}
	wait.Wait()
	done := 0
	for _, res := range answers {
		if res.StatusCode == http.StatusSeeOther {
			done++
		} else if res.StatusCode != http.StatusGone {
			t.Errorf("one got %d", res.StatusCode)
		}
	}
	if done != 1 {
		t.Errorf("it worked %d times", done)
	}
}

// TestConfirmingAnAddress: a press on the page that the letter's link opens, and
// nothing less, verifies the address.
func TestConfirmingAnAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	path := s.link(t, "ada@example.org")
	stranger := s.browser(t)
	stranger.get(path).leadsTo("/confirm-email")
	page := stranger.get("/confirm-email")
	page.wants(http.StatusOK)
	if !strings.Contains(page.text, "ada@example.org") {
		t.Error("the page does not say which address")
	}
	stranger.get("/reset").wants(http.StatusGone) // a link opens what it is for
	if s.account(t, "Ada").User.EmailVerified {
		t.Error("looking was enough")
	}
	ada.get(path).leadsTo("/confirm-email")
	ada.post("/confirm-email").leadsTo("/settings/security")
	if !s.account(t, "Ada").User.EmailVerified {
		t.Error("the address is not verified")
	}
	stranger.get(path).leadsTo("/reset")

	// Of two who claim an address, one gets it.
	const shared = "shared@example.org"
	var paths []string
	for _, name := range []string{"Bea", "Cea"} {
		s.browser(t).post("/sign-up", "name", name, "email", shared, "password", password).leadsTo("/play")
		paths = append(paths, s.link(t, shared))
	}
	late := s.browser(t)
	late.get(paths[1])
	first := s.browser(t)
	first.get(paths[0])
	first.post("/confirm-email").leadsTo("/sign-in?reason=confirmed")
	late.post("/confirm-email").wants(http.StatusConflict)
}

// TestForgotWithoutMail: a site that sends no letters offers none.
func TestForgotWithoutMail(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.Mailer = nil })
	s.member(t, "Ada")
	b := s.browser(t)
	b.get("/forgot").hasNot("form#forgot")
	b.post("/forgot", "email", "ada@example.org").hasNot("form#forgot")
	if len(s.letters.of(rally.LetterVerify))+len(s.letters.of(rally.LetterReset)) > 0 {
		t.Error("letters were queued")
	}
}
