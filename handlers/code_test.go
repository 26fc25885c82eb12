package handlers_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"rally"
	"rally/auth"
)

// codeAt gives the one-time code that an app shows at a time.
func codeAt(t *testing.T, secret []byte, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCodeCustom(auth.CodeSecretText(secret), at, totp.ValidateOpts{
		Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// owing gives a browser that has signed in as far as the code.
func (s *site) owing(t *testing.T, login string) *browser {
	t.Helper()
	b := s.browser(t)
	res := b.signIn(login)
	res.leadsTo("/sign-in/code")
	if token := res.setsCookie(tokenCookie); token == nil || token.Value != "" {
		t.Error("there is a token before the code, or an old one was left")
	}
	return b
}

// TestSignInOwesTheCode: requirements 2 and 4. Between password and code only
// the form for it and signing out are open, no token exists, and the socket
// refuses; with the code the session becomes another one and a full one.
func TestSignInOwesTheCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	secret, _ := ada.codes()
	ada.post("/sign-out").leadsTo("/")

	b := s.browser(t)
	b.signIn("Ada", "next", "/players/1?before=x").leadsTo("/sign-in/code?next=%2Fplayers%2F1%3Fbefore%3Dx")
	first, firstCookie := b.session(), b.cookie(sessionCookie)
	form := b.get("/sign-in/code?next=%2Fplayers%2F1%3Fbefore%3Dx")
	form.wants(http.StatusOK)
	form.has(`input[name=code][autocomplete="one-time-code"]`)
	form.has(`input[name=next][value="/players/1?before=x"]`)
	b.get("/settings/devices").leadsTo("/sign-in/code?next=%2Fsettings%2Fdevices")
	b.postWith([]header{{"Referer", s.URL + "/play"}}, "/play").leadsTo("/sign-in/code?next=%2Fplay")
	b.get("/sign-in/elsewhere?next=%2Fplay").leadsTo("/sign-in/code?next=%2Fplay")
	if _, res, err := b.dial(); err == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("the socket answered %v", err)
	}
	if b.cookie(tokenCookie) != "" {
		t.Error("there is a token")
	}
	if public := b.get("/players/" + itoa(ada.user.ID)); len(public.find(`a[href="/settings"]`)) > 0 {
		t.Error("a public page takes them for signed in")
	}

	wrong := b.post("/sign-in/code", "code", "000000", "next", "/players/1?before=x")
	wrong.wants(http.StatusUnauthorized)
	wrong.has(`input[name=code][value="000000"][aria-invalid=true]`)
	b.post("/sign-in/code", "code", " ").wants(http.StatusUnprocessableEntity)

	code := codeAt(t, secret, time.Now())
	res := b.post("/sign-in/code", "code", code[:3]+" "+code[3:], "next", "/players/1?before=x")
	res.leadsTo("/players/1?before=x")
	checkCookies(t, res)
	if b.session() == first {
		t.Error("the session was not rotated")
	}
	b.get("/settings").wants(http.StatusOK)
	b.get("/sign-in/code").leadsTo("/play")
	thief := s.browser(t)
	thief.setCookie(sessionCookie, firstCookie)
	thief.get("/sign-in/code").leadsTo("/sign-in?reason=needed")
	thief.setCookie(tokenCookie, b.cookie(tokenCookie))
	thief.get("/settings").leadsTo("/sign-in?next=%2Fsettings&reason=needed")

	// Signing out is open before the code as well.
	c := s.owing(t, "Ada")
	owed := c.session()
	c.post("/sign-out").leadsTo("/")
	if alive, _, err := s.sessions.Standing(t.Context(), owed); err != nil || alive {
		t.Errorf("the session is alive: %v, %v", alive, err)
	}
}

// TestACodeWorksOnce: requirement 15. Twenty requests bring the right code at
// the same moment, from twenty browsers; one gets in.
func TestACodeWorksOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	s.clock.stop()
	secret, _ := s.member(t, "Ada").codes()
	code := codeAt(t, secret, s.clock.Now())
	browsers := make([]*browser, 20)
	for i := range browsers {
		browsers[i] = s.owing(t, "Ada")
	}
	statuses := make([]int, len(browsers))
	var wait sync.WaitGroup
	for i, b := range browsers {
		wait.Go(func() { statuses[i] = b.post("/sign-in/code", "code", code).StatusCode })
	}
	wait.Wait()
	in := 0
	for _, status := range statuses {
		switch status {
		case http.StatusSeeOther:
			in++
		case http.StatusUnauthorized, http.StatusTooManyRequests:
		default:
			t.Errorf("one got %d", status)
		}
	}
	if in != 1 {
		t.Errorf("%d got in", in)
	}
	// And not a second time, nor an older one.
	s.clock.forward(30 * time.Second) // it would still be within the skew
	b := s.owing(t, "Ada")
	for _, old := range []string{code, codeAt(t, secret, s.clock.Now().Add(-30*time.Second))} {
		if got := b.post("/sign-in/code", "code", old).StatusCode; got == http.StatusSeeOther {
			t.Errorf("an old code gave %d", got)
		}
	}
}

// TestCodeThrottle: requirement 16. Five tries for an account, however many
// sessions and addresses they are spread over; after a reset of the password
// and with a recovery code as well.
func TestCodeThrottle(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	secret, recovery := s.member(t, "Ada").codes()
	for i := range 5 {
		b := s.owing(t, "Ada")
		b.postWith(from("203.0.113."+itoa(rally.UserID(i+1))), "/sign-in/code", "code", "12345"+itoa(rally.UserID(i))).wants(http.StatusUnauthorized)
	}
	b := s.owing(t, "Ada")
	right := codeAt(t, secret, time.Now())
	for _, code := range []string{right, recovery[0]} {
		res := b.postWith(from("203.0.113.99"), "/sign-in/code", "code", code)
		res.throttled()
	}
	events, err := s.store.ListSecurity(t.Context(), s.account(t, "Ada").User.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, e := range events {
		if e.Kind == rally.SecurityCodeFailed {
			failed++
		}
	}
	if failed != 5 {
		t.Errorf("%d failures are in the account's log", failed)
	}
	if strings.Contains(s.log.text(), right) || strings.Contains(s.log.text(), recovery[0]) {
		t.Error("a code is in the log")
	}
}

// TestSkew: requirement 17. One step before and after the present one will do.
func TestSkew(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.clock.stop()
	for name, test := range map[string]struct {
		steps int
		in    bool
	}{"two early": {2, false}, "one early": {1, true}, "one late": {-1, true}, "two late": {-2, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := strings.ReplaceAll(name, " ", "-")
			secret, _ := s.member(t, who).codes()
			code := codeAt(t, secret, s.clock.Now().Add(time.Duration(test.steps)*30*time.Second))
			res := s.owing(t, who).post("/sign-in/code", "code", code)
			if got := res.StatusCode == http.StatusSeeOther; got != test.in {
				t.Errorf("got %d", res.StatusCode)
			}
		})
	}
}

// TestRecoveryCodes: requirement 19. Each takes the place of a code once, and
// says how many are left.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.member(t, "Ada")
	_, recovery := ada.codes()
	if len(recovery) != 10 {
		t.Fatalf("%d recovery codes", len(recovery))
	}
	typed := strings.ToUpper(strings.ReplaceAll(recovery[3], "-", " "))
	s.owing(t, "Ada").post("/sign-in/code", "code", typed).leadsTo("/play")
	again := s.owing(t, "Ada").post("/sign-in/code", "code", recovery[3])
	again.wants(http.StatusUnauthorized)
	again.has(`details[open] input[name=code][value="` + recovery[3] + `"]`)
	s.owing(t, "Ada").post("/sign-in/code", "code", recovery[4]).leadsTo("/play")
	events, err := s.store.ListSecurity(t.Context(), ada.user.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range events {
		if e.Kind == rally.SecurityRecoveryUsed {
			left = append(left, e.Detail)
		}
	}
	if strings.Join(left, " ") != "8 9" {
		t.Errorf("left are %q", left)
	}
}
