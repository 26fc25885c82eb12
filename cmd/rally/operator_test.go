package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"rally/store"
)

func TestResetPasswordPrintsALink(t *testing.T) {
	c := testConfig(t)
	r := start(t, c)
	r.person().signUp("Ada", "ada@example.org")
	reset := func(account string) (code int, link, errs string) {
		t.Helper()
		code, out, errs := command(t, "reset-password", account, "--addr="+r.config.Addr, "--data="+c.Data, "--database-url="+c.DatabaseURL)
		return code, regexp.MustCompile(`https://\S+/links/[\w-]{43}`).FindString(out), errs
	}
	for account, want := range map[string]string{
		"Bob":             `nobody here is called "Bob"`,
		"ada@example.org": "nobody has shown that this address is theirs",
	} {
		if code, _, errs := reset(account); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("for %s: exit %d, %q", account, code, errs)
		}
	}
	_, dead, _ := reset("ADA")
	code, link, errs := reset("Ada")
	if code != 0 || !strings.HasPrefix(link, r.url) {
		t.Fatalf("exit %d, link %q, %q", code, link, errs)
	}
	ada := r.person()
	if at, body := ada.visit(dead); at != "/reset" || strings.Contains(body, `name="password"`) {
		t.Errorf("the older link leads to %s:\n%s", at, body)
	}
	ada.newPassword(link, "another horse battery")
	if at := ada.signIn("Ada", "another horse battery"); strings.HasPrefix(at, "/sign-in") {
		t.Errorf("the new password leads to %s", at)
	}
	if at, body := ada.visit(link); at != "/reset" || strings.Contains(body, `name="password"`) {
		t.Errorf("used, the link leads to %s:\n%s", at, body)
	}
	// That somebody handed it over shows nothing about the address.
	if code, _, _ := reset("ada@example.org"); code != 1 {
		t.Error("the address counts as verified")
	}
}

func TestResetPasswordNeedsTheServer(t *testing.T) {
	t.Parallel()
	if code, _, errs := command(t, "reset-password", "Ada", "--data="+t.TempDir()); code != 1 || !strings.Contains(errs, "start the server") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestTurnOffCodes(t *testing.T) {
	c := testConfig(t)
	r := start(t, c)
	berta := r.person()
	berta.signUp("Berta", "berta@example.org")
	off := func() (code int, out, errs string) {
		t.Helper()
		return command(t, "turn-off-codes", "berta", "--data="+c.Data, "--database-url="+c.DatabaseURL)
	}
	if code, _, errs := off(); code != 1 || !strings.Contains(errs, "Berta has not turned one-time codes on") {
		t.Errorf("exit %d, %q", code, errs)
	}
	db, err := store.Open(t.Context(), store.Config{URL: c.DatabaseURL, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	found, err := db.FindCandidates(t.Context(), "Berta")
	if err != nil || len(found) != 1 {
		t.Fatalf("%d accounts, %v", len(found), err)
	}
	if err := db.TurnOnFactor(t.Context(), found[0].User.ID, []byte("sealed"), 1, nil, ""); err != nil {
		t.Fatal(err)
	}
	if at := berta.signIn("Berta", password); !strings.HasPrefix(at, "/sign-in/code") {
		t.Fatalf("with codes, signing in leads to %s", at)
	}
	if code, out, errs := off(); code != 0 || !strings.Contains(out, "Berta signs in without one-time codes now") {
		t.Fatalf("exit %d, %q", code, errs)
	}
	if at := berta.signIn("berta@example.org", password); strings.HasPrefix(at, "/sign-in") {
		t.Errorf("signing in leads to %s", at)
	}
}
