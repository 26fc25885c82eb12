package handlers_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"rally"
	"rally/auth"
	"rally/handlers"
)

func TestSignUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	form := b.get("/sign-up")
	form.wants(http.StatusOK)
	form.has(`form[method=post][action="/sign-up"] input[name=name]`)

	res := b.post("/sign-up", "name", "  Ada   Lovelace ", "email", "Ada@Example.ORG", "password", password)
	res.leadsTo("/play")
	checkCookies(t, res)
	b.get("/play").has(`a[href^="/players/"]`)
	if user := s.account(t, "ada@example.org").User; user.Name != "Ada Lovelace" || user.EmailVerified {
		t.Errorf("the account is %+v", user)
	}
	if n := len(s.log.with("security", map[string]any{"event": "sign_up"})); n != 1 {
		t.Errorf("%d log lines", n)
	}
	// Signed in, the forms lead on.
	b.get("/sign-up").leadsTo("/play")
	b.get("/sign-in?next=%2Fplayers%2F1").leadsTo("/players/1")
}

// checkCookies holds both cookies of a sign-in against the rules for cookies.
func checkCookies(t *testing.T, res *answer) {
	t.Helper()
	for _, name := range []string{sessionCookie, tokenCookie} {
		c := res.setsCookie(name)
		if c == nil || c.Value == "" {
			t.Fatalf("%s is not set", name)
		}
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s is set as %q", name, c.Raw)
		}
	}
}

func TestSignUpProblems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Taken")
	tests := []struct {
		name                  string
		user, email, password string
		status                int
		bad                   string // names of the fields that are marked
	}{
		{"everything empty", "", "", "", http.StatusUnprocessableEntity, "name email password"},
		{"short name", "x", "a@example.org", password, http.StatusUnprocessableEntity, "name"},
		{"markup in the name", `<script>alert(1)</script>`, "a@example.org", password, http.StatusUnprocessableEntity, "name"},
		{"bidi in the name", "abc\u202edef", "a@example.org", password, http.StatusUnprocessableEntity, "name"},
		{"no address", "Ada", "nonsense", password, http.StatusUnprocessableEntity, "email"},
		{"common password", "Ada", "a@example.org", "password1", http.StatusUnprocessableEntity, "password"},
		{"short password", "Ada", "a@example.org", "short", http.StatusUnprocessableEntity, "password"},
		{"own name as password", "Ada Lovelace", "a@example.org", "ada lovelace", http.StatusUnprocessableEntity, "password"},
		{"name taken", "tAKEN", "a@example.org", password, http.StatusConflict, "name"},
		{"a look-alike of the name", "T\u0430ken", "a@example.org", password, http.StatusConflict, "name"},
		{"invisible sign in the name", "Ta\u200bken", "a@example.org", password, http.StatusUnprocessableEntity, "name"},
		{"name and address taken", "Taken", "taken@example.org", password, http.StatusConflict, "name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := s.browser(t)
			res := b.post("/sign-up", "name", test.user, "email", test.email, "password", test.password, "next", "/players/1")
			res.wants(test.status)
			for _, field := range []string{"name", "email", "password"} {
				marked := len(res.find(`input[name=`+field+`][aria-invalid=true]`)) > 0
				if marked != strings.Contains(test.bad, field) {
					t.Errorf("%s is marked: %v", field, marked)
				}
			}
			first, _, _ := strings.Cut(test.bad, " ")
			res.has(`input[name=` + first + `][autofocus]`)
			if got := res.attr("input[name=email]", "value"); got != test.email {
				t.Errorf("the address became %q", got)
			}
			if got := res.attr("input[name=password]", "value"); got != "" {
				t.Error("the password came back")
			}
			if got := res.attr("form#sign-up input[name=next]", "value"); got != "/players/1" {
				t.Errorf("next became %q", got)
			}
			if strings.Contains(res.text, "<script>alert") {
				t.Error("markup came back as markup")
			}
			if b.cookie(sessionCookie) != "" || b.cookie(tokenCookie) != "" {
				t.Error("there is a session")
			}
		})
	}
	b := s.browser(t)
	part := b.postWith(partial(), "/sign-up", "name", "x")
	part.wants(http.StatusUnprocessableEntity)
	part.has("form#sign-up")
	if strings.Contains(part.text, "<html") {
		t.Error("htmx got the whole page")
	}
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Ada")
	b := s.browser(t)
	b.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	b.get("/sign-in?next=%2Fplay&reason=needed").has(`input[name=next][value="/play"]`)

	res := b.post("/sign-in", "email", " ADA@example.org", "password", password, "next", "/players/1")
	res.leadsTo("/players/1")
	checkCookies(t, res)
	b.get("/play").wants(http.StatusOK)
	session, cookie, token := b.session(), b.cookie(sessionCookie), b.cookie(tokenCookie)

	out := b.post("/sign-out")
	out.leadsTo("/")
	if b.cookie(sessionCookie) != "" || b.cookie(tokenCookie) != "" {
		t.Error("cookies are left")
	}
	if alive, _, err := s.sessions.Standing(t.Context(), session); err != nil || alive {
		t.Errorf("the session is alive: %v, %v", alive, err)
	}
	b.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	// What somebody kept of it opens nothing any more.
	b.setCookie(sessionCookie, cookie)
	b.setCookie(tokenCookie, token)
	b.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	if n := len(s.log.with("security", map[string]any{"event": "sign_out"})); n != 1 {
		t.Errorf("%d log lines", n)
	}
	b.post("/sign-out").leadsTo("/") // twice does no harm
}

func TestSignInTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada").user
	s.insider(t, "bea") // who has no password
	clean := regexp.MustCompile(`[a-z]+@example\.org`)
	try := func(email, password string) (int, string) {
		res := s.browser(t).post("/sign-in", "email", email, "password", password)
		if res.setsCookie(sessionCookie) != nil || res.setsCookie(tokenCookie) != nil {
			t.Errorf("%s: a cookie was set", email)
		}
		return res.StatusCode, clean.ReplaceAllString(res.text, "")
	}
	status, body := try("ada@example.org", "wrong horse battery")
	if status != http.StatusUnauthorized {
		t.Errorf("a wrong password gave %d", status)
	}
	for _, email := range []string{"nobody@example.org", "bea@example.org"} {
		if st, text := try(email, password); st != status || text != body {
			t.Errorf("%s gave %d and another page:\n%s\n%s", email, st, text, body)
		}
	}
	if n := len(s.log.with("security", map[string]any{"event": "sign_in_failed", "user": float64(ada.ID)})); n != 1 {
		t.Errorf("%d log lines for the account that was tried", n)
	}
	for _, secret := range []string{password, "wrong horse battery", "$argon2id$"} {
		if strings.Contains(s.log.text(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	empty := s.browser(t).post("/sign-in", "email", "", "password", "")
	empty.wants(http.StatusUnprocessableEntity)
	empty.has("input[name=email][aria-invalid=true][autofocus]")
	empty.has("input[name=password][aria-invalid=true]")
}

// TestSignInRotates: whatever session a browser had before, also one that
// somebody planted there, is not the one it has afterwards.
func TestSignInRotates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mallory := s.member(t, "Mallory")
	planted, plantedID := mallory.cookie(sessionCookie), mallory.session()
	s.member(t, "Ada")

	b := s.browser(t)
	b.setCookie(sessionCookie, planted)
	b.post("/sign-in", "email", "ada@example.org", "password", password).leadsTo("/play")
	if b.session() == plantedID {
		t.Fatal("the planted session lives on")
	}
	if alive, _, err := s.sessions.Standing(t.Context(), plantedID); err != nil || alive {
		t.Errorf("the planted session is alive: %v, %v", alive, err)
	}

	// The same for one's own: a second sign-in, with the first one's session
	// still in the browser.
	first, firstCookie := b.session(), b.cookie(sessionCookie)
	b.setCookie(tokenCookie, "")
	b.post("/sign-in", "email", "ada@example.org", "password", password).leadsTo("/play")
	if b.session() == first {
		t.Fatal("the session was not rotated")
	}
	thief := s.browser(t)
	thief.setCookie(sessionCookie, firstCookie)
	thief.setCookie(tokenCookie, b.cookie(tokenCookie))
	thief.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	b.get("/play").wants(http.StatusOK)
}

func TestForgedTokenIsLogged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	session := b.session()
	b.setCookie(tokenCookie, "a.b.c")
	b.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=ended")
	lines := s.log.with("security", map[string]any{"event": string(rally.SecurityForgedToken), "user": float64(b.user.ID), "session": string(session)})
	if len(lines) != 1 || lines[0]["address"] != "127.0.0.1" || lines[0]["id"] == "" {
		t.Errorf("log lines: %v", lines)
	}
	b.get("/sign-in?reason=ended").has(".notice")
	// Without a session there is nothing to end: the page is shown, the token
	// taken away and the event logged.
	stranger := s.browser(t)
	stranger.setCookie(tokenCookie, "a.b.c")
	stranger.get("/").wants(http.StatusOK)
	if stranger.cookie(tokenCookie) != "" {
		t.Error("the forged token is left")
	}
}

func TestRehash(t *testing.T) {
	t.Parallel()
	stronger := auth.NewPasswords(auth.PasswordConfig{Memory: 128, Iterations: 1})
	s := newSite(t, func(c *handlers.Config) { c.Passwords = stronger })
	old, err := s.passwords.Hash(t.Context(), password) // with yesterday's parameters
	if err != nil {
		t.Fatal(err)
	}
	ada := rally.NewUser{Name: "Ada", Email: "ada@example.org", PasswordHash: old}
	if _, err := s.store.CreateUser(t.Context(), ada); err != nil {
		t.Fatal(err)
	}
	s.browser(t).post("/sign-in", "email", "ada@example.org", "password", password).leadsTo("/play")
	hash := s.account(t, "ada@example.org").Hash
	if ok, rehash, err := stronger.Verify(t.Context(), password, hash, nil); err != nil || !ok || rehash {
		t.Errorf("the hash is not today's: %v, %v, %v", ok, rehash, err)
	}
}

func TestNextStaysHere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Ada")
	tests := map[string]string{
		"":                      "/play",
		"/players/1?before=x":   "/players/1?before=x",
		"//e.example":           "/",
		`/\e.example`:           "/",
		"https:e.example":       "/",
		"https://e.example/":    "/",
		"%2f%2fe.example":       "/",
		"/%2f%2fe.example":      "/",
		"/a\r\nSet-Cookie: x=y": "/",
		"javascript:alert(1)":   "/",
		"/\t/e.example":         "/",
		"play":                  "/",
	}
	for next, want := range tests {
		b := s.browser(t)
		res := b.post("/sign-in", "email", "ada@example.org", "password", password, "next", next)
		res.leadsTo(want)
		if got := len(res.Header.Values("Set-Cookie")); got != 2 {
			t.Errorf("%q: %d cookies are set", next, got)
		}
		if next == "" {
			want = "/"
		}
		b.post("/preferences", "theme", "dark", "next", next).leadsTo(want)
	}
	// htmx is told the same way.
	b := s.browser(t)
	res := b.postWith(partial(), "/sign-in", "email", "ada@example.org", "password", password, "next", "//e.example")
	res.wants(http.StatusOK)
	if got := res.Header.Get("HX-Redirect"); got != "/" {
		t.Errorf("HX-Redirect is %q", got)
	}
}

// TestBusyPasswords: when too many sign in at once the rest is told so, with
// what they typed still there.
func TestBusyPasswords(t *testing.T) {
	t.Parallel()
	slow := auth.NewPasswords(auth.PasswordConfig{Memory: 64 * 1024, Iterations: 3, Workers: 1, Queue: 1})
	s := newSite(t, func(c *handlers.Config) { c.Passwords = slow })
	const people = 12
	name := func(i int) string { return fmt.Sprintf("ada%d@example.org", i) }
	answers := make([]*answer, people)
	var wait sync.WaitGroup
	for i := range people {
		b := s.browser(t)
		wait.Go(func() { answers[i] = b.signIn(name(i)) })
	}
	wait.Wait()
	refused := 0
	for i, res := range answers {
		if res.StatusCode != http.StatusServiceUnavailable {
			res.wants(http.StatusUnauthorized)
			continue
		}
		refused++
		if res.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		if got := res.attr("input[name=email]", "value"); got != name(i) {
			t.Errorf("the address became %q", got)
		}
	}
	if refused == 0 {
		t.Error("nobody was refused")
	}
}
