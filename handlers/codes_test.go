package handlers_test

import (
	"bytes"
	"encoding/base32"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/net/html"

	"rally"
	"rally/auth"
	"rally/live"
)

// app is somebody's, and makes one-time codes: each once, as they come.
type app struct {
	t      *testing.T
	site   *site
	secret string
	last   int64 // step of the newest code
}

// code gives one that has not been given yet: that of the clock's step or of the
// next one, which counts as well; after those the clock has to move.
func (a *app) code() string {
	a.t.Helper()
	now := a.site.clock.Now().Unix() / 30
	a.last = max(a.last+1, now)
	if a.last > now+1 {
		a.site.clock.forward(30 * time.Second)
	}
	code, err := totp.GenerateCode(a.secret, time.Unix(a.last*30, 0))
	if err != nil {
		a.t.Fatal(err)
	}
	return code
}

// setUp gives the app the secret that the page shows.
func (b *browser) setUp(page *answer) *app {
	b.t.Helper()
	return &app{t: b.t, site: b.site, secret: strings.ReplaceAll(page.textOf(".secret code"), " ", "")}
}

// textOf gives the text of the first element that matches.
func (a *answer) textOf(selector string) string {
	a.t.Helper()
	var text strings.Builder
	if found := a.find(selector); len(found) > 0 {
		for n := range found[0].Descendants() {
			if n.Type == html.TextNode {
				text.WriteString(n.Data)
			}
		}
	}
	return text.String()
}

// turnOn turns one-time codes on as people do, and gives the app and the
// recovery codes.
func (b *browser) turnOn() (*app, []string) {
	b.t.Helper()
	b.prove()
	a := b.setUp(b.get("/settings/codes"))
	res := b.post("/settings/codes", "code", a.code())
	res.wants(http.StatusOK)
	return a, res.recovery()
}

// TestTurnOnCodes (4, 5, 10, 17, 18, 19, 39).
func TestTurnOnCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	s.verify(t, b)
	other := b.again()
	socket := b.open()
	b.get("/settings/codes").leadsTo("/settings/proof?next=%2Fsettings%2Fcodes")
	b.prove()

	page := b.get("/settings/codes")
	page.wants(http.StatusOK)
	a := b.setUp(page)
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(a.secret)
	if err != nil || len(secret) < 20 { // 17
		t.Fatalf("the secret is %q: %v", a.secret, err)
	}
	page.has("svg.qr[role=img] path")
	link := page.attr(`a[href^="otpauth://"]`, "href")
	if !strings.Contains(link, "secret="+a.secret) || !strings.Contains(link, "issuer=Rally") {
		t.Errorf("the link is %q", link)
	}
	// It stays the same, and nothing is kept (18).
	if again := b.setUp(b.get("/settings/codes")); again.secret != a.secret {
		t.Error("a reload shows another secret")
	}
	for _, wrong := range []string{"000000", "", "abcdef", "1234567", strings.Repeat("1", 60_000)} {
		res := b.post("/settings/codes", "code", wrong)
		res.wants(http.StatusUnprocessableEntity)
		res.has(`input[name=code][aria-invalid=true]`)
		if b.setUp(res).secret != a.secret {
			t.Error("a wrong code shows another secret")
		}
	}
	if _, err := s.store.FindFactor(t.Context(), b.user.ID); rally.ErrorCode(err) != rally.ENotFound {
		t.Errorf("something is kept before it is confirmed: %v", err)
	}
	if s.userNow(t, b.user.ID).Codes {
		t.Fatal("codes are on without a right one")
	}

	oldSession := b.cookie(sessionCookie)
	first := a.code()
	res := b.post("/settings/codes", "code", first[:3]+" "+first[3:], "secret", "AAAA", "user", "1")
	res.wants(http.StatusOK)
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the recovery codes may be kept: %q", got)
	}
	socket.closesAtOnce(live.CodeSessionEnded) // it was opened under the old id
	other.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	if b.cookie(sessionCookie) == oldSession {
		t.Error("the own session goes on under the old id")
	}
	s.happened(t, b.user.ID, rally.SecurityCodesOn)
	if got := s.letters.of(rally.LetterCodesOn); len(got) != 1 || got[0].To != b.user.Email {
		t.Errorf("letters: %+v", got)
	}

	// 19: ten, each its own, kept only as hashes; 17: the secret is sealed.
	recovery := res.recovery()
	unique := map[string]bool{}
	for _, code := range recovery {
		unique[code] = true
	}
	if len(unique) != 10 {
		t.Errorf("%d recovery codes", len(unique))
	}
	factor, err := s.store.FindFactor(t.Context(), b.user.ID)
	if err != nil || factor.Recovery != 10 {
		t.Fatalf("%+v, %v", factor, err)
	}
	if bytes.Contains(factor.Sealed, secret) || bytes.Contains(factor.Sealed, []byte(a.secret)) {
		t.Error("the secret is kept as it is")
	}
	if log := s.log.text(); strings.Contains(log, a.secret) || strings.Contains(log, recovery[0]) || strings.Contains(log, first) {
		t.Error("a secret is in the log") // 39
	}
	b.get("/settings/codes").hasNot(".secret")
	// The code that turned them on does not sign in; the next one does.
	c := s.browser(t)
	c.signIn("Ada").leadsTo("/sign-in/code")
	c.post("/sign-in/code", "code", first).wants(http.StatusUnauthorized)
	c.post("/sign-in/code", "code", a.code()).wants(http.StatusSeeOther)
	b.post("/settings/codes", "code", a.code()).wants(http.StatusSeeOther) // they are on already
}

// TestForeignSetUp: a secret that was begun in one session can be turned on in
// no other, so nobody can plant one of which they know the codes.
func TestForeignSetUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, eve := s.member(t, "Ada"), s.member(t, "Eve")
	ada.prove()
	eve.prove()
	known := eve.setUp(eve.get("/settings/codes"))
	const cookie = "__Host-rally_codes"
	planted := eve.cookie(cookie)
	if planted == "" {
		t.Fatal("no cookie")
	}
	for _, value := range []string{planted, "AAAA", "!", ""} {
		ada.setCookie(cookie, value)
		res := ada.post("/settings/codes", "code", known.code())
		res.wants(http.StatusConflict)
		if ada.setUp(res).secret == known.secret {
			t.Error("Ada is shown Eve's secret")
		}
	}
	if s.userNow(t, ada.user.ID).Codes {
		t.Error("Ada has Eve's codes")
	}
}

// TestTurnOffCodes (4, 10): with a code, which counts and is used up.
func TestTurnOffCodes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	s.verify(t, b)
	a, recovery := b.turnOn()
	b.get("/settings/codes").has(`form[action="/settings/codes/off"] input[name=code]`)
	for range 4 {
		res := b.post("/settings/codes/off", "code", "000000")
		res.wants(http.StatusUnprocessableEntity)
		res.has(`input[name=code][aria-invalid=true]`)
	}
	s.happened(t, b.user.ID, rally.SecurityCodeFailed)
	b.post("/settings/codes/off").wants(http.StatusUnprocessableEntity)
	other := b.again()
	oldSession := b.cookie(sessionCookie)
	b.post("/settings/codes/off", "code", a.code()).leadsTo("/settings/security?done=codes_off")
	if s.userNow(t, b.user.ID).Codes || b.cookie(sessionCookie) == oldSession {
		t.Error("codes are on, or the session goes on under the old id")
	}
	other.get("/play").leadsTo("/sign-in?next=%2Fplay&reason=needed")
	s.happened(t, b.user.ID, rally.SecurityCodesOff)
	if got := s.letters.of(rally.LetterCodesOff); len(got) != 1 {
		t.Errorf("letters: %+v", got)
	}
	s.browser(t).signIn("Ada").leadsTo("/play")
	// What belonged to them is gone.
	b.post("/settings/codes/recovery").leadsTo("/settings/codes")
	b.post("/settings/codes/recovery/file", "recovery", recovery[0]).wants(http.StatusUnprocessableEntity)
}

// TestCodesAreThrottledTogether (16): tries at the proof and at turning codes
// off count like those at sign-in.
func TestCodesAreThrottledTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	a, recovery := b.turnOn()
	other := b.again()
	other.get("/settings/proof").has(`input[name=code][autocomplete=one-time-code]`)
	for range 3 {
		other.post("/settings/proof", "code", "000000").wants(http.StatusUnauthorized)
	}
	for range 2 {
		b.post("/settings/codes/off", "code", "000000").wants(http.StatusUnprocessableEntity)
	}
	for _, code := range []string{"000000", a.code(), recovery[0]} {
		other.post("/settings/proof", "code", code).wants(http.StatusTooManyRequests)
		off := b.post("/settings/codes/off", "code", code)
		off.wants(http.StatusTooManyRequests)
		if off.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	// The password still proves it.
	other.post("/settings/proof", "password", password).leadsTo("/settings/security")
}

// TestProofByCodeWorksOnce (15): of twenty requests with one code one is right.
func TestProofByCodeWorksOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	a, recovery := b.turnOn()
	for _, code := range []string{a.code(), recovery[0]} {
		var wait sync.WaitGroup
		statuses := make([]int, 20)
		for i := range statuses {
			other := b.again()
			wait.Go(func() { statuses[i] = other.post("/settings/proof", "code", code).StatusCode })
		}
		wait.Wait()
		count := map[int]int{}
		for _, status := range statuses {
			count[status]++
		}
		if count[http.StatusSeeOther] != 1 || count[http.StatusUnauthorized]+count[http.StatusTooManyRequests] != 19 {
			t.Errorf("%v", count)
		}
		if err := s.store.ForgiveThrottles(t.Context(), auth.CodeCharges(b.user.ID, "127.0.0.1")); err != nil {
			t.Fatal(err)
		}
	}
}
