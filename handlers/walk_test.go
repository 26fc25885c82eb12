package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/handlers"
)

// routeGates is the route table once more, as it is meant to be. A route that
// is added must be added here as well, by someone who has thought about who
// may use it.
var routeGates = map[string]handlers.Gate{
	"GET /":                     handlers.Open,
	"GET /sign-up":              handlers.Open,
	"POST /sign-up":             handlers.Open,
	"GET /sign-in":              handlers.Open,
	"POST /sign-in":             handlers.Open,
	"POST /sign-out":            handlers.Open,
	"GET /play":                 handlers.Member,
	"POST /play":                handlers.Member,
	"POST /play/leave":          handlers.Member,
	"POST /practice":            handlers.Member,
	"GET /matches/:id":          handlers.Open,
	"POST /matches/:id/ready":   handlers.Member,
	"POST /matches/:id/resign":  handlers.Member,
	"POST /matches/:id/rematch": handlers.Member,
	"GET /players/:id":          handlers.Open,
	"POST /preferences":         handlers.Open,
	"GET /live":                 handlers.Socket,
	"GET /static/*":             handlers.Bare,
	"GET /favicon.ico":          handlers.Bare,
	"GET /robots.txt":           handlers.Bare,
	"GET /healthz":              handlers.Bare,
	"GET /readyz":               handlers.Bare,
}

// TestRoutesAreTheTable holds the router against the table: what is not in it
// is no way in.
func TestRoutesAreTheTable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	table := map[string]bool{}
	for _, r := range s.handlers.Routes() {
		key := r.Method + " " + r.Path
		want, known := routeGates[key]
		if !known {
			t.Errorf("%s is not in this test's table", key)
		} else if want != r.Gate {
			t.Errorf("%s has gate %s, want %s", key, r.Gate, want)
		}
		table[key] = true
		if r.Method == http.MethodGet {
			table["HEAD "+r.Path] = true
		}
	}
	if len(s.handlers.Routes()) != len(routeGates) {
		t.Errorf("%d routes, want %d", len(s.handlers.Routes()), len(routeGates))
	}
	for _, r := range s.handlers.Handler().(*echo.Echo).Routes() {
		if !table[r.Method+" "+r.Path] {
			t.Errorf("%s %s is routed and not in the table", r.Method, r.Path)
		}
	}
}

// identity is what a browser holds, and what that is worth.
type identity struct {
	name  string
	give  func(s *site, b *browser)
	stage rally.Stage
	ends  bool // the session ends at the first look
	mints bool
}

func identities() []identity {
	return []identity{
		{name: "nothing", give: func(_ *site, b *browser) {
			b.setCookie(sessionCookie, "")
			b.setCookie(tokenCookie, "")
		}},
		{name: "session only", give: func(_ *site, b *browser) { b.setCookie(tokenCookie, "") }},
		{name: "token only", give: func(_ *site, b *browser) { b.setCookie(sessionCookie, "") }},
		{name: "session with another's token", ends: true, give: func(s *site, b *browser) {
			b.issue(s.tokens(b.t, 0), b.user.ID+1, "another")
		}},
		{name: "session with another's expired token", ends: true, give: func(s *site, b *browser) {
			b.issue(s.tokens(b.t, -time.Hour), b.user.ID+1, "another")
		}},
		{name: "expired token", stage: rally.StageFull, mints: true, give: func(s *site, b *browser) {
			b.issue(s.tokens(b.t, -time.Hour), b.user.ID, b.session())
		}},
		{name: "alg none", ends: true, give: func(s *site, b *browser) {
			forged := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{
				"iss": "rally", "aud": "rally/browser", "sub": "1", "sid": string(b.session()),
				"exp": time.Now().Add(auth.TokenLife).Unix(),
			})
			forged.Header["kid"] = s.keys[0].ID
			token, err := forged.SignedString(jwt.UnsafeAllowNoneSignatureType)
			if err != nil {
				b.t.Fatal(err)
			}
			b.setCookie(tokenCookie, token)
		}},
		{name: "another key", ends: true, give: func(_ *site, b *browser) {
			strange, err := auth.NewTokens(auth.TokenConfig{Keys: auth.Keys{auth.NewKey(time.Now())}})
			if err != nil {
				b.t.Fatal(err)
			}
			b.issue(strange, b.user.ID, b.session())
		}},
		{name: "wrong secret", give: func(_ *site, b *browser) {
			b.setCookie(sessionCookie, string(b.session())+"."+strings.Repeat("A", 43))
		}},
		{name: "otp", stage: rally.StageOTP, give: func(s *site, b *browser) {
			b.setCookie(sessionCookie, s.openSession(b.t, b.user.ID, rally.StageOTP))
			b.setCookie(tokenCookie, "")
		}},
		{name: "full", stage: rally.StageFull, give: func(*site, *browser) {}},
	}
}

// issue puts a token into the browser.
func (b *browser) issue(tokens *auth.Tokens, user rally.UserID, session rally.SessionID) {
	b.t.Helper()
	token, err := tokens.Issue(user, session)
	if err != nil {
		b.t.Fatal(err)
	}
	b.setCookie(tokenCookie, token)
}

// TestRoutesByIdentity walks every route with everything a browser may hold.
func TestRoutesByIdentity(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for n, who := range identities() {
		t.Run(who.name, func(t *testing.T) {
			t.Parallel()
			for i, route := range s.handlers.Routes() {
				for _, method := range methods(route.Method) {
					b := s.insider(t, fmt.Sprintf("%s-%d-%d", method, n, i))
					session := b.session()
					who.give(s, b)
					path := strings.NewReplacer(":id", "abcdefghijkl", "*", "x/css/rally.css").Replace(route.Path)
					if strings.HasPrefix(route.Path, "/players/") {
						path = "/players/1"
					}
					var res *answer
					if method == http.MethodPost {
						res = b.post(path)
					} else {
						res = b.do(method, path, nil, header{"Origin", s.URL})
					}
					checkGate(t, s, who, routeGates[route.Method+" "+route.Path], session, b, res)
				}
			}
		})
	}
}

func methods(method string) []string {
	if method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{method}
}

// checkGate holds an answer against the table beside handlers.Gate.
func checkGate(t *testing.T, s *site, who identity, gate handlers.Gate, session rally.SessionID, b *browser, res *answer) {
	t.Helper()
	at := res.Request.Method + " " + res.Request.URL.Path
	toSignIn := res.StatusCode == http.StatusSeeOther && strings.HasPrefix(res.Header.Get("Location"), "/sign-in?")
	reason := ""
	if toSignIn {
		location, err := res.Location()
		if err != nil {
			t.Fatal(err)
		}
		reason = location.Query().Get("reason")
	}
	alive, err := s.sessions.Alive(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	signsOut := at == "POST /sign-out"

	switch {
	case gate == handlers.Bare:
		if toSignIn || !alive || len(res.Cookies()) > 0 {
			t.Errorf("%s looked at who it was", at)
		}
	case who.ends:
		if alive {
			t.Errorf("%s left the session alive", at)
		}
		if gate == handlers.Socket {
			if res.StatusCode != http.StatusForbidden {
				t.Errorf("%s gave %d, want 403", at, res.StatusCode)
			}
		} else if reason != "ended" {
			t.Errorf("%s gave %d with reason %q", at, res.StatusCode, reason)
		}
		if b.cookie(sessionCookie) != "" || b.cookie(tokenCookie) != "" {
			t.Errorf("%s left cookies in the browser", at)
		}
	case gate == handlers.Open || who.stage == rally.StageFull:
		if toSignIn || res.StatusCode == http.StatusForbidden || res.StatusCode >= 500 {
			t.Errorf("%s was not let through: %d", at, res.StatusCode)
		}
		if minted := res.setsCookie(tokenCookie); who.mints && !signsOut && (minted == nil || minted.Value == "") {
			t.Errorf("%s minted no token", at)
		}
	case gate == handlers.Socket:
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s gave %d, want 403", at, res.StatusCode)
		}
	default:
		if reason != "needed" {
			t.Errorf("%s gave %d with reason %q, want the sign-in page", at, res.StatusCode, reason)
		}
	}
	if !alive && !who.ends && !signsOut && !strings.HasPrefix(at, "POST /sign-") {
		t.Errorf("%s ended the session", at)
	}
}
