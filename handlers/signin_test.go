package handlers_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/auth"
	"rally/handlers"
)

// behindProxy has the site believe what the tests say in X-Forwarded-For.
func behindProxy(c *handlers.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// from says what address a request comes from, to a site behind a proxy.
func from(address string) []header { return []header{{"X-Forwarded-For", address}} }

// throttled fails the test unless the answer says how long to wait.
func (a *answer) throttled() {
	a.t.Helper()
	a.wants(http.StatusTooManyRequests)
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		a.t.Errorf("Retry-After is %q", a.Header.Get("Retry-After"))
	}
	a.has("#form-problem")
}

// TestSignInByNameOrAddress: either will do, in any case.
func TestSignInByNameOrAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser(t).post("/sign-up", "name", "Ada Lovelace", "email", "ada@example.org", "password", password).leadsTo("/play")
	for _, login := range []string{"Ada Lovelace", " ada  lovelace", "ada@example.org", " ADA@EXAMPLE.org "} {
		s.browser(t).signIn(login).leadsTo("/play")
	}
}

// TestAnAddressMayBeClaimedTwice: until it is verified an address is nobody's,
// and a password tells which account is meant. A verified one goes first, and
// who else has claimed it is told nothing.
func TestAnAddressMayBeClaimedTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	owner := s.member(t, "Ada")
	s.verify(t, owner)
	second := s.browser(t)
	const other = "another good phrase"
	res := second.post("/sign-up", "name", "Ada the second", "email", "ADA@example.org", "password", other)
	res.leadsTo("/play")

	for _, test := range []struct {
		password string
		user     rally.UserID
	}{{password, owner.user.ID}, {other, s.account(t, "Ada the second").User.ID}} {
		b := s.browser(t)
		b.post("/sign-in", "email", "ada@example.org", "password", test.password).leadsTo("/play")
		b.get("/play").has(`a[href="/players/` + itoa(test.user) + `"]`)
	}
	s.browser(t).post("/sign-in", "email", "ada@example.org", "password", "neither of the two").wants(http.StatusUnauthorized)
}

// TestSignUpTellsNobodyWhoIsHere: requirement 13 for sign-up. That an address is
// taken is told in a letter to it; the answer is the same.
func TestSignUpTellsNobodyWhoIsHere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	owner := s.member(t, "Ada")
	s.verify(t, owner)
	before := len(s.letters.of(rally.LetterVerify))

	free, taken := s.browser(t), s.browser(t)
	a := free.post("/sign-up", "name", "Bea", "email", "bea@example.org", "password", password)
	b := taken.post("/sign-up", "name", "Cea", "email", "ada@example.org", "password", password)
	a.leadsTo("/play")
	b.leadsTo("/play")
	if a.text != b.text || len(a.Cookies()) != len(b.Cookies()) {
		t.Error("the answers differ")
	}
	for _, name := range []string{"Content-Type", "Cache-Control", "Content-Length"} {
		if a.Header.Get(name) != b.Header.Get(name) {
			t.Errorf("%s differs", name)
		}
	}
	if got := s.letters.of(rally.LetterVerify)[before:]; len(got) != 1 || got[0].To != "bea@example.org" {
		t.Errorf("letters to verify: %+v", got)
	}
	if got := s.letters.of(rally.LetterTaken); len(got) != 1 || got[0].To != "ada@example.org" || got[0].User != owner.user.ID || got[0].Other != "Cea" {
		t.Errorf("letters about a taken address: %+v", got)
	}
}

// TestSignUpFillsNobodysBox: a few letters go to an address, however many
// accounts are made with it, and the answers stay the same.
func TestSignUpFillsNobodysBox(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for i := range 7 {
		s.browser(t).post("/sign-up", "name", "Mallory "+strconv.Itoa(i), "email", "ada@example.org", "password", password).leadsTo("/play")
	}
	if got := len(s.letters.of(rally.LetterVerify)); got != 5 {
		t.Errorf("%d letters", got)
	}
}

// TestNoAnswerBeforeTheFloor: requirement 13. Whoever it is, whatever is wrong,
// and also when nothing is: the answer comes after the same time at least,
// which is more than what the work takes.
func TestNoAnswerBeforeTheFloor(t *testing.T) {
	t.Parallel()
	slow := auth.NewPasswords(auth.PasswordConfig{Memory: 8 * 1024, Iterations: 2})
	s := newSite(t, func(c *handlers.Config) { c.Passwords = slow })
	s.member(t, "Ada")
	var shortest time.Duration
	for i, try := range [][2]string{
		{"ada@example.org", "wrong horse battery"},
		{"nobody@example.org", password},
		{"nobody at all", password},
		{"Ada", password},
		{strings.Repeat("x", 2000), password},
	} {
		begun := time.Now()
		s.browser(t).post("/sign-in", "email", try[0], "password", try[1])
		if took := time.Since(begun); i == 0 || took < shortest {
			shortest = took
		}
	}
	if floor := slow.Floor(0); shortest < floor {
		t.Errorf("one answer came after %v, the floor is %v", shortest, floor)
	}
}

// TestSignInThrottle: requirement 14. Five wrong tries and the sixth waits, the
// right password too; no spoofed header helps, and every one who asks is told
// for how long.
func TestSignInThrottle(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Ada")
	b := s.browser(t)
	for range 5 {
		b.post("/sign-in", "email", "ada@example.org", "password", "wrong horse battery").wants(http.StatusUnauthorized)
	}
	refused := b.signIn("ada@example.org")
	refused.throttled()
	if got := refused.attr("input[name=email]", "value"); got != "ada@example.org" {
		t.Errorf("the address became %q", got)
	}
	for i, spoofed := range [][]header{
		from("203.0.113.9"), {{"X-Real-Ip", "203.0.113.10"}}, {{"Forwarded", "for=203.0.113.11"}}, {{"X-Forwarded-For", "127.0.0.1, 203.0.113.12"}},
	} {
		if res := s.browser(t).postWith(spoofed, "/sign-in", "email", "ada@example.org", "password", password); res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("spoof %d gave %d", i, res.StatusCode)
		}
	}
	// An account that does not exist is throttled alike.
	for range 5 {
		b.post("/sign-in", "email", "nobody@example.org", "password", "x").wants(http.StatusUnauthorized)
	}
	b.signIn("nobody@example.org").throttled()
}

// addresses gives n of them.
func addresses(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = prefix + strconv.Itoa(i+1)
	}
	return out
}

// TestTheOwnerIsNotLockedOut: requirement 14. While somebody tries an account
// from elsewhere, even from everywhere, its owner signs in where they are known.
func TestTheOwnerIsNotLockedOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	owner := s.browser(t)
	owner.postWith(from("198.51.100.1"), "/sign-up", "name", "Ada", "email", "ada@example.org", "password", password).leadsTo("/play")

	counts := map[int]int{}
	for group := range slices.Chunk(addresses("203.0.113.", 130), 10) {
		statuses := make([]int, len(group))
		var wait sync.WaitGroup
		for i, address := range group {
			b := s.browser(t)
			wait.Go(func() {
				statuses[i] = b.postWith(from(address), "/sign-in", "email", "ada@example.org", "password", "wrong horse battery").StatusCode
			})
		}
		wait.Wait()
		for _, status := range statuses {
			counts[status]++
		}
	}
	if counts[http.StatusUnauthorized] > 100 || counts[http.StatusTooManyRequests] == 0 {
		t.Errorf("a hundred addresses were let try: %v", counts)
	}
	s.browser(t).postWith(from("203.0.113.250"), "/sign-in", "email", "ada@example.org", "password", password).throttled()
	s.browser(t).postWith(from("198.51.100.1"), "/sign-in", "email", "ada@example.org", "password", password).leadsTo("/play")
}

// TestManyRightSignInsAtOnce: who is right is never throttled for coming often.
func TestManyRightSignInsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Ada")
	answers := make([]*answer, 20)
	var wait sync.WaitGroup
	for i := range answers {
		b := s.browser(t)
		wait.Go(func() { answers[i] = b.signIn("Ada") })
	}
	wait.Wait()
	for _, res := range answers {
		res.leadsTo("/play")
	}
}

// TestSecurityLogOfSignIns: what happened to an account is kept with it, also
// what failed.
func TestSecurityLogOfSignIns(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	s.browser(t).do(http.MethodPost, "/sign-in", strings.NewReader("email=ada&password=wrong"),
		header{"Content-Type", "application/x-www-form-urlencoded"}, header{"Origin", s.URL},
		header{"User-Agent", "Mozilla/5.0 \u202e evil \xff"}).wants(http.StatusUnauthorized)
	b.post("/sign-out").leadsTo("/")
	events, err := s.store.ListSecurity(t.Context(), b.user.ID, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []rally.SecurityKind
	for _, e := range events {
		kinds = append(kinds, e.Kind)
		if e.Address != "127.0.0.1" {
			t.Errorf("%s is from %q", e.Kind, e.Address)
		}
	}
	want := []rally.SecurityKind{rally.SecuritySignOut, rally.SecuritySignInFailed, rally.SecuritySignIn, rally.SecuritySignUp}
	if len(kinds) != len(want) {
		t.Fatalf("the log says %v", kinds)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Fatalf("the log says %v", kinds)
		}
	}
	// Requirement 39: nothing in the server's log can pass for more than it is.
	for _, raw := range []string{"\xff", "\n\n"} {
		if strings.Contains(s.log.text(), raw) {
			t.Errorf("the log holds %q", raw)
		}
	}
}

// TestBadSignIns: what no form of ours sends is answered plainly.
func TestBadSignIns(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.member(t, "Ada")
	b := s.browser(t)
	huge := strings.Repeat("p", 10<<20)
	b.post("/sign-in", "email", "ada@example.org", "password", huge).wants(http.StatusRequestEntityTooLarge)
	b.post("/sign-up", "name", "Bea", "email", "bea@example.org", "password", huge).wants(http.StatusRequestEntityTooLarge)
	b.post("/sign-in", "email", "ada@example.org", "password", strings.Repeat("p", 60_000)).wants(http.StatusUnauthorized)
	b.post("/sign-up", "name", "Bea", "email", "bea@example.org", "password", strings.Repeat("p", 60_000)).wants(http.StatusUnprocessableEntity)
	for _, login := range []string{
		"ada@example.org\r\nSet-Cookie: a=b", "ada\x00@example.org", "ada\xff@example.org", "' OR 1=1 --", "\u202eada", strings.Repeat("a@", 10_000),
	} {
		res := b.post("/sign-in", "email", login, "password", password)
		res.wants(http.StatusUnauthorized)
		if len(res.Cookies()) > 0 {
			t.Errorf("%q set a cookie", login)
		}
	}
	for _, email := range []string{"bea@example.org\r\nBcc: all@example.org", "bea@example.org\x00", "Bea <bea@example.org>", "bea@example.org, cea@example.org"} {
		b.post("/sign-up", "name", "Bea", "email", email, "password", password).wants(http.StatusUnprocessableEntity)
	}
	// Not a form at all.
	for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain"} {
		b.do(http.MethodPost, "/sign-in", strings.NewReader(`{"email":"ada"}`), header{"Content-Type", kind}, header{"Origin", s.URL}).
			wants(http.StatusUnprocessableEntity)
	}
}

// meanwhile has something happen between what a sign-in is decided by and the
// session that it opens.
type meanwhile struct {
	handlers.Sessions
	do func()
}

func (m *meanwhile) Open(w http.ResponseWriter, r *http.Request, user rally.UserID, stage rally.Stage) (rally.Session, error) {
	m.do()
	return m.Sessions.Open(w, r, user, stage)
}

// TestNoSessionSlipsThrough: requirement 5. Who signs in with the old password
// while it is being changed, or without a code while codes are turned on, is
// not signed in.
func TestNoSessionSlipsThrough(t *testing.T) {
	t.Parallel()
	between := &meanwhile{do: func() {}}
	s := newSite(t, func(c *handlers.Config) { between.Sessions, c.Sessions = c.Sessions, between })
	ada := s.member(t, "Ada")
	hash, err := s.passwords.Hash(t.Context(), newPassword)
	if err != nil {
		t.Fatal(err)
	}
	thief := s.browser(t)
	between.do = func() {
		if err := s.store.ChangePassword(t.Context(), ada.user.ID, hash, ada.session()); err != nil {
			t.Error(err)
		}
	}
	thief.signIn("Ada").leadsTo("/sign-in?reason=ended")
	if thief.cookie(sessionCookie) != "" {
		t.Error("the old password opened a session")
	}
	between.do = func() { ada.codes() }
	thief.post("/sign-in", "email", "Ada", "password", newPassword).leadsTo("/sign-in?reason=ended")
	between.do = func() {}
	thief.post("/sign-in", "email", "Ada", "password", newPassword).leadsTo("/sign-in/code")
}
