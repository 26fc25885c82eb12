package auth_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rally"
	"rally/auth"
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// fixture is a Tokens whose key file the test can read, to forge with.
type fixture struct {
	*auth.Tokens
	now     time.Time
	kid     string
	private ed25519.PrivateKey
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{now: start}
	path := filepath.Join(t.TempDir(), "keys.json")
	keys, err := auth.LoadKeys(path, start)
	if err != nil {
		t.Fatal(err)
	}
	f.kid = keys[0].ID
	f.private = privateKeys(t, path)[f.kid]
	f.Tokens = newTokens(t, keys, func() time.Time { return f.now })
	return f
}

func newTokens(t *testing.T, keys auth.Keys, now func() time.Time) *auth.Tokens {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokenConfig{Keys: keys, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// privateKeys reads a key file as somebody who stole it would.
func privateKeys(t *testing.T, path string) map[string]ed25519.PrivateKey {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var stored []struct {
		Kid  string `json:"kid"`
		Seed []byte `json:"seed"`
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	keys := map[string]ed25519.PrivateKey{}
	for _, s := range stored {
		keys[s.Kid] = ed25519.NewKeyFromSeed(s.Seed)
	}
	return keys
}

// good gives the claims of a proper token of user 7 and session "s7".
func good() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "rally", "aud": []string{"rally/browser"}, "sub": "7", "sid": "s7",
		"iat": start.Unix(), "exp": start.Add(auth.TokenLife).Unix(),
	}
}

func without(name string) jwt.MapClaims {
	c := good()
	delete(c, name)
	return c
}

func with(name string, value any) jwt.MapClaims {
	c := good()
	c[name] = value
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTokensVerify(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, strange, _ := ed25519.GenerateKey(nil)
	public := f.private.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	eddsa := func(claims jwt.MapClaims) string { return sign(t, jwt.SigningMethodEdDSA, f.private, f.kid, claims) }
	issued, err := f.Issue(7, "s7")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(issued, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	expired := start.Add(-time.Second).Unix()
	wrongAndExpired := with("aud", "rally/api")
	wrongAndExpired["exp"] = expired

	tests := []struct {
		name  string
		token string
		want  error
	}{
		{"issued", issued, nil},
		{"same claims by hand", eddsa(good()), nil},
		{"expired", eddsa(with("exp", expired)), auth.ErrTokenExpired},
		{"expires now", eddsa(with("exp", start.Unix())), auth.ErrTokenExpired},
		{"expired and of another audience", eddsa(wrongAndExpired), auth.ErrTokenForged},
		{"alg none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, f.kid, good()), auth.ErrTokenForged},
		{"alg NonE", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"NonE","typ":"JWT","kid":"`+f.kid+`"}`)) + "." + payload + ".", auth.ErrTokenForged},
		{"HS256 with the public key", sign(t, jwt.SigningMethodHS256, []byte(public), f.kid, good()), auth.ErrTokenForged},
		{"HS256 with the public key in DER", sign(t, jwt.SigningMethodHS256, der, f.kid, good()), auth.ErrTokenForged},
		{"another key", sign(t, jwt.SigningMethodEdDSA, strange, f.kid, good()), auth.ErrTokenForged},
		{"unknown kid", sign(t, jwt.SigningMethodEdDSA, f.private, "0123456789abcdef", good()), auth.ErrTokenForged},
		{"no kid", sign(t, jwt.SigningMethodEdDSA, f.private, "", good()), auth.ErrTokenForged},
		{"wrong iss", eddsa(with("iss", "https://evil.example")), auth.ErrTokenForged},
		{"no iss", eddsa(without("iss")), auth.ErrTokenForged},
		{"wrong aud", eddsa(with("aud", "rally/api")), auth.ErrTokenForged},
		{"no aud", eddsa(without("aud")), auth.ErrTokenForged},
		{"no exp", eddsa(without("exp")), auth.ErrTokenForged},
		{"exp as text", eddsa(with("exp", "tomorrow")), auth.ErrTokenForged},
		{"no sid", eddsa(without("sid")), auth.ErrTokenForged},
		{"no sub", eddsa(without("sub")), auth.ErrTokenForged},
		{"sub of nobody", eddsa(with("sub", "0")), auth.ErrTokenForged},
		{"sub in words", eddsa(with("sub", "admin")), auth.ErrTokenForged},
		{"not valid yet", eddsa(with("nbf", start.Add(time.Hour).Unix())), auth.ErrTokenForged},
		{"signature cut off", head + "." + payload + ".", auth.ErrTokenForged},
		{"signature changed", head + "." + payload + "." + flip(signature), auth.ErrTokenForged},
		{"payload changed", head + "." + flip(payload) + "." + signature, auth.ErrTokenForged},
		{"rubbish", "rubbish", auth.ErrTokenForged},
		{"dots", "..", auth.ErrTokenForged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, err := f.Verify(test.token); !errors.Is(err, test.want) {
				t.Fatalf("at the first look: %v, want %v", err, test.want)
			}
			claims, err := f.Verify(test.token) // now it may be known
			if !errors.Is(err, test.want) {
				t.Fatalf("got error %v, want %v", err, test.want)
			}
			if !errors.Is(test.want, auth.ErrTokenForged) && (claims.User != 7 || claims.Session != "s7") {
				t.Fatalf("got claims %+v", claims)
			}
			if errors.Is(test.want, auth.ErrTokenForged) && (claims != auth.Claims{}) {
				t.Fatalf("a forged token gave claims %+v", claims)
			}
		})
	}
}

// flip changes the first character of a base64 text.
func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, err := f.Issue(7, "s7")
	if err != nil {
		t.Fatal(err)
	}
	f.now = start.Add(auth.TokenLife - time.Second)
	if _, err := f.Verify(token); err != nil {
		t.Fatalf("a second before its end: %v", err)
	}
	f.now = start.Add(auth.TokenLife)
	if _, err := f.Verify(token); !errors.Is(err, auth.ErrTokenExpired) {
		t.Fatalf("at its end: %v", err)
	}
	f.now = start.Add(-time.Hour) // the machine's clock was set back
	if _, err := f.Verify(token); err != nil {
		t.Fatalf("after the clock was set back: %v", err)
	}
}

func TestNewTokensNeedsAKey(t *testing.T) {
	t.Parallel()
	if _, err := auth.NewTokens(auth.TokenConfig{}); err == nil {
		t.Fatal("no error without a key")
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	eddsa := func(claims jwt.MapClaims) string { return sign(t, jwt.SigningMethodEdDSA, f.private, f.kid, claims) }
	past := start.Add(-time.Minute).Unix()
	foreignExpired := with("sid", "s8")
	foreignExpired["exp"] = past

	live := eddsa(good())
	expired := eddsa(with("exp", past))
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, f.kid, good())
	session := func(stage rally.Stage) *rally.Session { return &rally.Session{ID: "s7", UserID: 7, Stage: stage} }

	var (
		nothing = auth.Verdict{}
		otp     = auth.Verdict{Stage: rally.StageOTP}
		full    = auth.Verdict{Stage: rally.StageFull}
		mint    = auth.Verdict{Stage: rally.StageFull, Mint: true}
		forged  = auth.Verdict{End: true, Alarm: rally.SecurityForgedToken}
		foreign = auth.Verdict{End: true, Alarm: rally.SecurityForeignToken}
	)
	tests := []struct {
		name    string
		session *rally.Session
		token   string
		want    auth.Verdict
	}{
		{"nothing", nil, "", nothing},
		{"live token alone", nil, live, nothing},
		{"expired token alone", nil, expired, nothing},
		{"forged token alone", nil, none, auth.Verdict{Alarm: rally.SecurityForgedToken}},
		{"otp", session(rally.StageOTP), "", otp},
		{"otp with a token of it", session(rally.StageOTP), live, foreign},
		{"otp with an expired token of it", session(rally.StageOTP), expired, foreign},
		{"otp with a forged token", session(rally.StageOTP), none, forged},
		{"full without a token", session(rally.StageFull), "", nothing},
		{"full", session(rally.StageFull), live, full},
		{"full with an expired token", session(rally.StageFull), expired, mint},
		{"full with another session's token", session(rally.StageFull), eddsa(with("sid", "s8")), foreign},
		{"full with another session's expired token", session(rally.StageFull), eddsa(foreignExpired), foreign},
		{"full with another user's token", session(rally.StageFull), eddsa(with("sub", "8")), foreign},
		{"full with alg none", session(rally.StageFull), none, forged},
		{"full with rubbish", session(rally.StageFull), "x.y.z", forged},
		{"an unknown stage opens nothing", session(rally.Stage(9)), "", nothing},
		{"an unknown stage with a token", session(rally.Stage(9)), live, foreign},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := f.Decide(test.session, test.token); got != test.want {
				t.Fatalf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
