package handlers_test

import (
	"archive/zip"
	"encoding/json"
	"image/color"
	"io"
	"net/http"
	"strings"
	"testing"

	"rally"
)

// files unpacks what was downloaded.
func (a *answer) files() map[string]string {
	a.t.Helper()
	archive, err := zip.NewReader(strings.NewReader(a.text), int64(len(a.text)))
	if err != nil {
		a.t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			a.t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			a.t.Fatal(err)
		}
		_ = r.Close()
		files[f.Name] = string(data)
	}
	return files
}

// TestExport (30, 37, 39): everything about oneself, nothing about anybody
// else, and no secret.
func TestExport(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, eve := s.member(t, "Ada"), s.member(t, "Eve")
	s.linked(t, b, "ada-at-school", `<script>"label"</script>`)
	a, recovery := b.turnOn()
	b.upload("/settings/avatar", "avatar", pngOf(t, painted(8, 8, color.White))).wants(http.StatusSeeOther)
	other := b.again()
	b.get("/settings/data").has(`form[method=post][action="/settings/data"]`)
	other.post("/settings/data").wants(http.StatusSeeOther)

	res := b.post("/settings/data", "user", itoa(eve.user.ID), "id", itoa(eve.user.ID))
	res.wants(http.StatusOK)
	for name, want := range map[string]string{
		"Content-Type":        "application/zip",
		"Content-Disposition": `attachment; filename="rally-data.zip"`,
		"Cache-Control":       "no-store",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	s.happened(t, b.user.ID, rally.SecurityExported)
	var all strings.Builder
	for name, content := range res.files() {
		if strings.ContainsAny(name, `\:`) || strings.HasPrefix(name, "/") || strings.Contains(name, "..") {
			t.Errorf("there is a file %q", name)
		}
		if strings.HasSuffix(name, ".json") && !json.Valid([]byte(content)) {
			t.Errorf("%s is not JSON", name)
		}
		all.WriteString(content)
	}
	for _, mine := range []string{"Ada", b.user.Email, "ada-at-school", "codes_on", "127.0.0.1"} {
		if !strings.Contains(all.String(), mine) {
			t.Errorf("%q is not in it", mine)
		}
	}
	_, secret, _ := strings.Cut(b.cookie(sessionCookie), ".")
	for _, not := range []string{eve.user.Email, "argon2", a.secret, recovery[0], secret, "sealed"} {
		if strings.Contains(all.String(), not) {
			t.Errorf("%q is in it", not)
		}
	}
}

// TestDeleteAccount (10): by name and proof, everywhere signed out, and seven
// days to change one's mind.
func TestDeleteAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Lovelace")
	s.verify(t, b)
	eve := s.member(t, "Eve")
	other := b.again()
	b.post("/settings/delete", "name", "Lovelace").leadsTo("/settings/proof?next=%2Fsettings%2Fdelete")
	b.prove()
	b.get("/settings/delete").has(`form[action="/settings/delete"] input[name=name]`)
	for _, wrong := range []string{"", "Love lace", "<script>", "Eve"} {
		res := b.post("/settings/delete", "name", wrong, "user", itoa(eve.user.ID))
		res.wants(http.StatusUnprocessableEntity)
		res.has(`input[name=name][aria-invalid=true]`)
		res.hasNot("main script")
	}
	if !s.userNow(t, b.user.ID).DeleteAt.IsZero() {
		t.Fatal("the account goes without its name")
	}
	b.post("/settings/delete", "name", " lovelace ", "user", itoa(eve.user.ID)).leadsTo("/sign-in?reason=account_deleted")
	due := s.userNow(t, b.user.ID).DeleteAt
	if left := due.Sub(s.clock.Now()); left > rally.DeletionDelay || left < rally.DeletionDelay-rally.ProofLife {
		t.Errorf("it goes in %v", left)
	}
	if b.cookie(sessionCookie) != "" || b.cookie(tokenCookie) != "" {
		t.Error("cookies are left")
	}
	other.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	s.happened(t, b.user.ID, rally.SecurityDeletionAsked)
	if got := s.letters.of(rally.LetterDeletion); len(got) != 1 || got[0].To != b.user.Email {
		t.Errorf("letters: %+v", got)
	}
	if !s.userNow(t, eve.user.ID).DeleteAt.IsZero() {
		t.Error("Eve goes as well")
	}

	b.signIn("Lovelace").wants(http.StatusSeeOther)
	b.get("/play").has(`form[action="/settings/delete/stop"]`)
	eve.post("/settings/delete/stop", "user", itoa(b.user.ID)).wants(http.StatusSeeOther)
	if s.userNow(t, b.user.ID).DeleteAt.IsZero() {
		t.Error("Eve has stopped it")
	}
	b.post("/settings/delete/stop").leadsTo("/settings?done=kept")
	if !s.userNow(t, b.user.ID).DeleteAt.IsZero() {
		t.Error("it still goes")
	}
	s.happened(t, b.user.ID, rally.SecurityDeletionStopped)
	b.get("/settings?done=kept").hasNot(`form[action="/settings/delete/stop"]`)
}

// TestForeignOrigins (27): no form of the settings can be sent from another
// site, and no GET changes anything.
func TestForeignOrigins(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	b.prove()
	before := s.userNow(t, b.user.ID)
	lines := len(s.history(t, b.user.ID))
	for _, r := range s.handlers.Routes() {
		if !strings.HasPrefix(r.Path, "/settings") {
			continue
		}
		path := strings.NewReplacer(":id", string(b.session()), ":provider", "oidc").Replace(r.Path)
		if r.Method == http.MethodGet {
			if !strings.Contains(path, "/with/") {
				b.get(path + "?name=Eve&email=x@example.org&password=" + "another-password&code=000000")
			}
			continue
		}
		for _, from := range [][]header{
			{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}},
			{{"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}},
			{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", ""}, {"HX-Request", "true"}},
			{{"Origin", strings.Replace(s.URL, "https:", "http:", 1)}, {"Sec-Fetch-Site", ""}},
		} {
			b.postWith(from, path, "name", "Ada", "email", "x@example.org", "password", "another-password").
				wants(http.StatusForbidden)
		}
	}
	if after := s.userNow(t, b.user.ID); after != before {
		t.Errorf("the account is %+v, was %+v", after, before)
	}
	if got := len(s.history(t, b.user.ID)); got != lines {
		t.Errorf("%d lines in the log, there were %d", got, lines)
	}
	b.get("/settings").wants(http.StatusOK)
}
