package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"rally"
	"rally/handlers"
)

// TestChangeEmail (10): nothing changes until the new address has answered, and
// both are told.
func TestChangeEmail(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	s.verify(t, b)
	b.post("/settings/email", "email", "new@example.org").leadsTo("/settings/proof?next=%2Fsettings%2Femail")
	b.prove()
	b.get("/settings/email").has(`input[name=email][autocomplete=email]`)
	b.post("/settings/email", "email", " new@EXAMPLE.org ", "user", "1", "email_verified", "true").
		leadsTo("/settings/security?done=email")
	if got := s.userNow(t, b.user.ID); got.Email != b.user.Email || !got.EmailVerified {
		t.Errorf("the address is already %q", got.Email)
	}
	if e := s.happened(t, b.user.ID, rally.SecurityEmailAsked); e.Detail != "new@example.org" {
		t.Errorf("the log says %+v", e)
	}
	asked := s.letters.of(rally.LetterVerify)
	if n := len(asked); n == 0 || asked[n-1].To != "new@example.org" || asked[n-1].User != b.user.ID {
		t.Errorf("the new address gets %+v", asked)
	}
	told := s.letters.of(rally.LetterEmailAsked)
	if len(told) != 1 || told[0].To != b.user.Email || told[0].Other != "new@example.org" {
		t.Errorf("the present address gets %+v", told)
	}

	b.get(s.link(t, "new@example.org")).wants(http.StatusSeeOther)
	if got := s.userNow(t, b.user.ID); got.Email != b.user.Email {
		t.Error("a GET has changed the address")
	}
	b.post("/confirm-email").wants(http.StatusSeeOther)
	if got := s.userNow(t, b.user.ID); got.Email != "new@example.org" || !got.EmailVerified {
		t.Errorf("the address is %q", got.Email)
	}
	both := s.letters.of(rally.LetterEmailChanged)
	if len(both) != 2 || both[0].To != b.user.Email || both[0].Other != "new@example.org" ||
		both[1].To != "new@example.org" || both[1].Other != b.user.Email {
		t.Errorf("those told of the change are %+v", both)
	}
}

// TestChangeEmailFromAnothers: an address that was only claimed may be a
// stranger's, who is not told where the account's letters go now.
func TestChangeEmailFromAnothers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	b.prove()
	b.post("/settings/email", "email", "new@example.org").leadsTo("/settings/security?done=email")
	b.get(s.link(t, "new@example.org")).leadsTo("/confirm-email")
	b.post("/confirm-email").leadsTo("/settings/security")
	if got := s.userNow(t, b.user.ID); got.Email != "new@example.org" || !got.EmailVerified {
		t.Errorf("the address is %q", got.Email)
	}
	if told := s.letters.of(rally.LetterEmailChanged); len(told) > 0 {
		t.Errorf("those told of the change are %+v", told)
	}
}

// TestChangeEmailToAnothers: the answer is the same as for an address that
// nobody has, and only its owner learns that it is taken.
func TestChangeEmailToAnothers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	eve, ada := s.member(t, "Eve"), s.member(t, "Ada")
	s.verify(t, ada)
	eve.prove()
	free := eve.post("/settings/email", "email", "nobody@example.org")
	taken := eve.post("/settings/email", "email", "ADA@example.org")
	free.leadsTo("/settings/security?done=email")
	taken.leadsTo("/settings/security?done=email")
	if free.text != taken.text || len(free.Header) != len(taken.Header) {
		t.Error("the answers differ")
	}
	told := s.letters.of(rally.LetterTaken)
	if len(told) != 1 || told[0].User != ada.user.ID || told[0].To != ada.user.Email || told[0].Other != "Eve" {
		t.Errorf("the owner gets %+v", told)
	}
	for _, l := range s.letters.of(rally.LetterVerify) {
		if l.User == eve.user.ID && l.To == ada.user.Email {
			t.Error("Ada is asked whether Eve's account is hers")
		}
	}
	// An address that another has only claimed is still free to show.
	eve.post("/settings/email", "email", s.member(t, "Bob").user.Email).leadsTo("/settings/security?done=email")
	if got := len(s.letters.of(rally.LetterTaken)); got != 1 {
		t.Errorf("%d letters", got)
	}
}

func TestChangeEmailProblems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	b.prove()
	for _, bad := range []string{
		"", "nonsense", "ADA@example.org", "a@b\r\nBcc: x@example.org", "<script>@example.org", `"><script>"@example.org`,
		"x\x00@example.org",
	} {
		res := b.post("/settings/email", "email", bad)
		res.wants(http.StatusUnprocessableEntity)
		res.has(`input[name=email][aria-invalid=true]`)
		res.hasNot("main script")
	}
	// Letters to strangers are few.
	for range 5 {
		b.post("/settings/email", "email", "x@example.org").wants(http.StatusSeeOther)
	}
	res := b.post("/settings/email", "email", "x@example.org")
	res.wants(http.StatusTooManyRequests)
	if res.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	again := b.post("/settings/email/again")
	again.wants(http.StatusTooManyRequests)
	for what, page := range map[string]*answer{"form": res, "button": again} {
		if !strings.Contains(page.text, "Please try again in 60 minutes.") {
			t.Errorf("the %s does not say when to try again", what)
		}
	}
}

// TestSendVerification: the letter of sign-up comes again, a few times, until
// it is answered.
func TestSendVerification(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	before := len(s.letters.of(rally.LetterVerify))
	b.get("/settings/security").has(`form[action="/settings/email/again"]`)
	b.post("/settings/email/again", "email", "x@example.org", "user", "1").leadsTo("/settings/security?done=verification")
	letters := s.letters.of(rally.LetterVerify)
	if len(letters) != before+1 || letters[before].To != b.user.Email || letters[before].User != b.user.ID {
		t.Errorf("the letters are %+v", letters)
	}
	s.verify(t, b)
	b.get("/settings/security").hasNot(`form[action="/settings/email/again"]`)
	b.post("/settings/email/again").leadsTo("/settings/security")
	if got := len(s.letters.of(rally.LetterVerify)); got != before+1 {
		t.Errorf("%d letters", got)
	}
}

// TestWithoutMail: where letters cannot be sent nothing is asked for in vain.
func TestWithoutMail(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.Mailer = nil })
	b := s.member(t, "Ada")
	b.prove()
	b.get("/settings/email").wants(http.StatusOK)
	b.post("/settings/email", "email", "new@example.org").wants(http.StatusNotFound)
	b.get("/settings/security").hasNot(`form[action="/settings/email/again"]`)
	b.post("/settings/email/again").wants(http.StatusNotFound)
}
