package handlers_test

import (
	"crypto/ed25519"
	"encoding/json"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rally"
	"rally/auth"
)

// identity is what a browser holds, and what that is worth.
type identity struct {
	name   string
	give   func(b *browser)
	column func(walked) string // of the table
	ends   bool                // the session ends at the first look
	mints  bool
}

func anonymousColumn(l walked) string { return l.anonymous }
func otpColumn(l walked) string       { return l.otp }
func elsewhereColumn(l walked) string { return l.elsewhere }
func fullColumn(l walked) string      { return l.full }
func provenColumn(l walked) string    { return l.proven }

// identities gives everything that a browser may hold. Each is put in place of
// a proper session with its token.
func identities() []identity {
	stranger := auth.NewKey(time.Now())
	forged := func(name string, token func(b *browser) string) identity {
		return identity{name: name, column: anonymousColumn, ends: true, give: func(b *browser) {
			b.setCookie(tokenCookie, token(b))
		}}
	}
	signed := func(change map[string]any) func(*browser) string {
		return func(b *browser) string {
			claims := b.claims()
			for name, value := range maps.All(change) {
				if claims[name] = value; value == nil {
					delete(claims, name)
				}
			}
			return b.forge(jwt.SigningMethodEdDSA, b.site.private(b.t), b.site.keys[0].ID, claims)
		}
	}
	return []identity{
		{name: "nothing", column: anonymousColumn, give: func(b *browser) {
			b.setCookie(sessionCookie, "")
			b.setCookie(tokenCookie, "")
		}},
		{name: "session only", column: anonymousColumn, give: func(b *browser) { b.setCookie(tokenCookie, "") }},
		{name: "token only", column: anonymousColumn, give: func(b *browser) { b.setCookie(sessionCookie, "") }},
		{name: "wrong secret", column: anonymousColumn, give: func(b *browser) {
			b.setCookie(sessionCookie, string(b.session())+"."+strings.Repeat("A", 43))
		}},

		{name: "otp", column: otpColumn, give: func(b *browser) { b.enter(rally.StageOTP) }},
		{name: "full", column: fullColumn, give: func(*browser) {}},
		{name: "expired token", column: fullColumn, mints: true, give: func(b *browser) {
			b.issue(b.site.tokens(b.t, -time.Hour), b.user.ID, b.session())
		}},
		{name: "proven", column: provenColumn, give: func(b *browser) { b.prove() }},
		{name: "elsewhere", column: elsewhereColumn, give: func(b *browser) {
			if ok, err := b.node.Claim(b.t.Context(), b.user.ID, b.again().session()); err != nil || !ok {
				b.t.Fatalf("the other device is not live: %v", err)
			}
		}},

		forged("another's token", func(b *browser) string {
			return b.token(b.site.tokens(b.t, 0), b.user.ID+1, "another")
		}),
		forged("another's expired token", func(b *browser) string {
			return b.token(b.site.tokens(b.t, -time.Hour), b.user.ID+1, "another")
		}),
		forged("own token of another session", func(b *browser) string { return b.again().cookie(tokenCookie) }),
		forged("alg none", func(b *browser) string {
			return b.forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, b.site.keys[0].ID, b.claims())
		}),
		forged("HS256 with the public key", func(b *browser) string {
			public := b.site.private(b.t).Public().(ed25519.PublicKey)
			return b.forge(jwt.SigningMethodHS256, []byte(public), b.site.keys[0].ID, b.claims())
		}),
		forged("unknown kid", func(b *browser) string {
			return b.forge(jwt.SigningMethodEdDSA, b.site.private(b.t), "0123456789abcdef", b.claims())
		}),
		forged("another key", func(b *browser) string {
			tokens, err := auth.NewTokens(auth.TokenConfig{Keys: auth.Keys{stranger}})
			if err != nil {
				b.t.Fatal(err)
			}
			return b.token(tokens, b.user.ID, b.session())
		}),
		forged("wrong iss", signed(map[string]any{"iss": "https://evil.example"})),
		forged("wrong aud", signed(map[string]any{"aud": "rally/api"})),
		forged("no exp", signed(map[string]any{"exp": nil})),
		forged("rubbish", func(*browser) string { return "a.b.c" }),
		{name: "otp with a token", column: otpColumn, ends: true, give: func(b *browser) {
			b.enter(rally.StageOTP)
			b.issue(b.site.tokens(b.t, 0), b.user.ID, b.session())
		}},
	}
}

// claims gives those of a proper token for the browser's session.
func (b *browser) claims() jwt.MapClaims {
	now := time.Now()
	return jwt.MapClaims{
		"iss": "rally", "aud": []string{"rally/browser"}, "sub": strconv.FormatInt(int64(b.user.ID), 10), "sid": string(b.session()),
		"iat": now.Unix(), "exp": now.Add(auth.TokenLife).Unix(),
	}
}

// forge signs claims in whatever way.
func (b *browser) forge(method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	b.t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = kid
	s, err := token.SignedString(key)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// token issues one.
func (b *browser) token(tokens *auth.Tokens, user rally.UserID, session rally.SessionID) string {
	b.t.Helper()
	token, err := tokens.Issue(user, session)
	if err != nil {
		b.t.Fatal(err)
	}
	return token
}

// issue puts a token into the browser.
func (b *browser) issue(tokens *auth.Tokens, user rally.UserID, session rally.SessionID) {
	b.t.Helper()
	b.setCookie(tokenCookie, b.token(tokens, user, session))
}

// private reads the site's signing key as somebody who stole the file would.
func (s *site) private(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(s.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	var stored []struct {
		Seed []byte `json:"seed"`
	}
	if err := json.Unmarshal(text, &stored); err != nil || len(stored) == 0 {
		t.Fatalf("the key file: %v", err)
	}
	return ed25519.NewKeyFromSeed(stored[0].Seed)
}

// TestForgeryWouldPass: what the forged tokens differ from is a token that is
// good, so that each is refused for what its name says.
func TestForgeryWouldPass(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.insider(t, "Ada")
	b.setCookie(tokenCookie, b.forge(jwt.SigningMethodEdDSA, s.private(t), s.keys[0].ID, b.claims()))
	b.get("/play").wants(200)
}
