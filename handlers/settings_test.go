package handlers_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"rally"
)

// userNow reads somebody's account as it is now.
func (s *site) userNow(t *testing.T, id rally.UserID) rally.User {
	t.Helper()
	user, err := s.store.FindUser(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// history gives the kinds in somebody's security log, the newest first.
func (s *site) history(t *testing.T, id rally.UserID) []rally.SecurityKind {
	t.Helper()
	events, err := s.store.ListSecurity(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make([]rally.SecurityKind, len(events))
	for i, e := range events {
		kinds[i] = e.Kind
	}
	return kinds
}

// happened fails the test unless the newest line of somebody's security log is
// of this kind, and gives it.
func (s *site) happened(t *testing.T, id rally.UserID, kind rally.SecurityKind) rally.SecurityEvent {
	t.Helper()
	events, err := s.store.ListSecurity(t.Context(), id, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 || events[0].Kind != kind {
		t.Fatalf("the newest event is %+v, not %s", events, kind)
	}
	return events[0]
}

func TestRename(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	page := b.get("/settings")
	page.wants(http.StatusOK)
	if got := page.attr(`form[action="/settings/name"] input[name=name]`, "value"); got != "Ada" {
		t.Errorf("the form starts with %q", got)
	}
	// 37: what else the form says changes nothing.
	b.post("/settings/name", "name", "  Ada   Lovelace ", "id", "1", "user", "1", "email", "x@example.org",
		"rating", "3000", "email_verified", "true").leadsTo("/settings?done=name")
	after := s.userNow(t, b.user.ID)
	if after.Name != "Ada Lovelace" || after.Email != b.user.Email || after.Rating != b.user.Rating || after.EmailVerified {
		t.Errorf("the account is %+v", after)
	}
	if e := s.happened(t, b.user.ID, rally.SecurityRenamed); e.Detail != "Ada" || e.Address == "" {
		t.Errorf("the log says %+v", e)
	}
	done := b.get("/settings?done=name")
	done.has("p.notice")
	// Language and theme forms lead back without the notice.
	if got := done.attr(`form[action="/preferences"] input[name=next]`, "value"); got != "/settings" {
		t.Errorf("the forms lead back to %q", got)
	}
	b.get("/settings?done=%3Cscript%3E").hasNot("p.notice")

	n := len(s.history(t, b.user.ID))
	b.post("/settings/name", "name", "Ada Lovelace").leadsTo("/settings")
	if len(s.history(t, b.user.ID)) != n {
		t.Error("the same name counts as a change")
	}
	b.post("/settings/name", "name", "ADA LOVELACE").leadsTo("/settings?done=name")
}

// TestRenameProblems (30, and the names that look like another): the
// problem stands at the field, with what was typed.
func TestRenameProblems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Paul")
	b := s.member(t, "Ada")
	tests := []struct {
		what, name string
		status     int
	}{
		{"nothing", "", http.StatusUnprocessableEntity},
		{"short", "x", http.StatusUnprocessableEntity},
		{"long", "abcdefghijklmnopqrstu", http.StatusUnprocessableEntity},
		{"markup", `<img src=x onerror=1>`, http.StatusUnprocessableEntity},
		{"an attribute", `" autofocus x="`, http.StatusUnprocessableEntity},
		{"right to left", "ab\u202edc", http.StatusUnprocessableEntity},
		{"zero width", "Pa\u200bul", http.StatusUnprocessableEntity},
		{"line break", "Ada\r\nX: y\x1b[2J", http.StatusUnprocessableEntity},
		{"NUL", "Ada\x00", http.StatusUnprocessableEntity},
		{"not UTF-8", "Ada\xff", http.StatusUnprocessableEntity},
		{"taken", "paul", http.StatusConflict},
		{"Cyrillic", "Р\u0430ul", http.StatusConflict},
		{"full width", "Ｐａｕｌ", http.StatusConflict},
	}
	for _, test := range tests {
		t.Log(test.what)
		res := b.post("/settings/name", "name", test.name)
		res.wants(test.status)
		res.has(`input[name=name][aria-invalid=true][aria-describedby~=name-problem]`)
		res.hasNot("main img[onerror]")
		if test.status == http.StatusConflict {
			if got := res.attr(`form[action="/settings/name"] input[name=name]`, "value"); got != test.name {
				t.Errorf("the name became %q", got)
			}
		}
	}
	// htmx gets the form alone, and is led on when all is well.
	part := b.postWith(partial(), "/settings/name", "name", "paul")
	part.wants(http.StatusConflict)
	part.has(`form#name-form`)
	part.hasNot("header.site-header")
	if got := b.get("/settings").attr(`input[name=name]`, "value"); got != "Ada" {
		t.Errorf("the account is called %q", got)
	}
}

// Every new name is shown on all friends' pages, so nobody has them by the
// hundred.
func TestRenamingIsThrottled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	for n := range 10 {
		b.post("/settings/name", "name", "Ada "+strconv.Itoa(n)).leadsTo("/settings?done=name")
	}
	res := b.post("/settings/name", "name", "Ada once more")
	res.wants(http.StatusTooManyRequests)
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 30 {
		t.Errorf("Retry-After is %q", res.Header.Get("Retry-After"))
	}
	res.has("#name-form #form-problem")
	if got := res.attr("#name-form input[name=name]", "value"); got != "Ada once more" {
		t.Errorf("what was typed became %q", got)
	}
	if got := s.userNow(t, b.user.ID).Name; got != "Ada 9" {
		t.Errorf("the account is called %q", got)
	}
	s.clock.forward(time.Hour)
	b.post("/settings/name", "name", "Ada once more").leadsTo("/settings?done=name")
}

func TestSettingsKeepLanguageAndTheme(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	b.post("/preferences", "locale", "ko", "next", "/settings").leadsTo("/settings")
	b.post("/preferences", "theme", "dark", "next", "/settings").leadsTo("/settings")
	if got := s.userNow(t, b.user.ID); got.Locale != "ko" || got.Theme != "dark" {
		t.Errorf("the account has %q and %q", got.Locale, got.Theme)
	}
	// Another browser of the same person shows the same.
	other := b.again()
	other.get("/settings").has(`html[lang=ko][data-theme=dark]`)
	b.post("/preferences", "locale", "xx", "next", "/settings").wants(http.StatusUnprocessableEntity)
	b.post("/preferences", "theme", "<script>", "next", "/settings").wants(http.StatusUnprocessableEntity)
}
