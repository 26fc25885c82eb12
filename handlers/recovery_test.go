package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"rally"
	"rally/auth"
)

// recovery gives the recovery codes that the page shows.
func (a *answer) recovery() (codes []string) {
	for _, node := range a.find(".recovery-codes code") {
		codes = append(codes, node.FirstChild.Data)
	}
	return codes
}

// TestNewRecoveryCodes (19): a file of them, and new ones that kill the old.
func TestNewRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	_, codes := b.turnOn()
	file := b.post("/settings/codes/recovery/file", "recovery", strings.Join(codes, " "))
	file.wants(http.StatusOK)
	for name, want := range map[string]string{
		"Content-Type":           "text/plain; charset=UTF-8",
		"Content-Disposition":    `attachment; filename="rally-recovery-codes.txt"`,
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := file.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, code := range codes {
		if !strings.Contains(file.text, code) {
			t.Errorf("%s is not in the file", code)
		}
	}
	strange, _ := auth.NewRecoveryCodes()
	for _, bad := range []string{"", "nonsense", strange[0], codes[0] + " " + strange[0], strings.Repeat(codes[0]+" ", 100)} {
		b.post("/settings/codes/recovery/file", "recovery", bad).wants(http.StatusUnprocessableEntity)
	}

	// Each signs in once.
	c := s.browser(t)
	c.signIn("Ada").leadsTo("/sign-in/code")
	c.post("/sign-in/code", "code", codes[0]).wants(http.StatusSeeOther)
	d := s.browser(t)
	d.signIn("Ada").leadsTo("/sign-in/code")
	d.post("/sign-in/code", "code", codes[0]).wants(http.StatusUnauthorized)

	// 4, 5: drawing new ones is a change like turning codes on.
	oldSession := b.cookie(sessionCookie)
	fresh := b.post("/settings/codes/recovery")
	fresh.wants(http.StatusOK)
	if got := fresh.recovery(); len(got) != 10 || got[0] == codes[0] {
		t.Errorf("the new ones are %q", got)
	}
	if b.cookie(sessionCookie) == oldSession {
		t.Error("the own session goes on under the old id")
	}
	c.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	s.happened(t, b.user.ID, rally.SecurityRecoveryRenewed)
	e := s.browser(t)
	e.signIn("Ada").leadsTo("/sign-in/code")
	e.post("/sign-in/code", "code", codes[1]).wants(http.StatusUnauthorized)
	e.post("/sign-in/code", "code", fresh.recovery()[1]).wants(http.StatusSeeOther)
	b.post("/settings/codes/recovery/file", "recovery", codes[2]).wants(http.StatusUnprocessableEntity)
}
