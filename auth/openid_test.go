package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/auth"
	"rally/auth/oidctest"
)

// Requirement 22: nonce, issuer, audience, end, algorithm and signature of id
// tokens.
func TestOpenIDRefusesTokens(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			tr := newTrip(t, oidctest.Config{Algorithm: alg})
			for _, fault := range []oidctest.Fault{
				oidctest.WrongNonce, oidctest.NoNonce, oidctest.WrongAudience, oidctest.WrongParty, oidctest.WrongIssuer,
				oidctest.Expired, oidctest.NoExpiry, oidctest.NoSubject, oidctest.WrongHash, oidctest.AlgNone, oidctest.HS256,
				oidctest.OtherKey, oidctest.UnknownKey, oidctest.NoIDToken,
			} {
				if fault == oidctest.WrongHash && alg == "EdDSA" {
					continue // it sends none
				}
				tr.provider.Misbehave(fault)
				got, err := tr.walk("oidc", signIn())
				if fault == oidctest.WrongNonce || fault == oidctest.NoNonce {
					tr.refused(string(fault), err, rally.EMalformed, "oauth.state")
				} else {
					tr.refused(string(fault), err, rally.EUnavailable, "oauth.away")
				}
				if got.Identity != (rally.Identity{}) || got.Email != "" {
					t.Errorf("%s: %+v", fault, got)
				}
				tr.provider.Behave()
				if _, err := tr.walk("oidc", signIn()); err != nil {
					t.Fatalf("after %s: %v", fault, err)
				}
			}
		})
	}
}

// Requirement 22: what discovery says of "none" and HS256 is not listened to.
func TestOpenIDWeakAlgorithms(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{Algorithm: "RS256"})
	tr.provider.Misbehave(oidctest.WeakAlgorithms)
	if _, err := tr.walk("oidc", signIn()); err != nil {
		t.Errorf("RS256 is always good: %v", err)
	}
	for _, fault := range []oidctest.Fault{oidctest.HS256, oidctest.AlgNone} {
		tr.provider.Misbehave(fault)
		_, err := tr.walk("oidc", signIn())
		tr.refused(string(fault), err, rally.EUnavailable, "oauth.away")
		tr.provider.Behave()
	}
}

func TestOpenIDFollowsKeys(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for range 3 {
		for range 2 {
			if _, err := tr.walk("oidc", signIn()); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.provider.RotateKey(); err != nil {
			t.Fatal(err)
		}
	}
	if n := tr.provider.Calls(oidctest.Keys); n != 3 {
		t.Errorf("keys were asked for %d times", n)
	}
}

// Requirement 23: an e-mail address counts only if the provider vouches for it.
func TestOAuthEmail(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for _, test := range []struct {
		name  string
		fault oidctest.Fault
		want  string
	}{
		{"oidc", oidctest.UnverifiedEmail, ""},
		{"google", oidctest.UnverifiedEmail, ""},
		{"github", oidctest.UnverifiedEmail, ""},
		{"github", oidctest.NoEmailScope, ""},
		{"42", oidctest.UnverifiedEmail, ""},
		{"oidc", oidctest.NoProfile, "Ada@example.org"},
	} {
		tr.provider.Misbehave(test.fault)
		got, err := tr.walk(test.name, signIn())
		if err != nil || got.Email != test.want || got.Identity.Subject != "7" || got.Name != "ada" {
			t.Errorf("%s, %s: %+v, %v", test.name, test.fault, got, err)
		}
		tr.provider.Behave()
	}
	tr.provider.Misbehave(oidctest.NoProfile)
	tr.provider.Misbehave(oidctest.WrongSubject)
	_, err := tr.walk("oidc", signIn())
	tr.refused("user info of somebody else", err, rally.EUnavailable, "oauth.away")
	tr.provider.Behave()
	for _, account := range []oidctest.Account{
		{ID: 8, Username: "grace", EmailVerified: true},
		{ID: 8, Username: "grace", Email: "no address", EmailVerified: true},
		{ID: 8, Username: "grace", Email: "grace@example.org\r\nBcc: all@example.org", EmailVerified: true},
	} {
		tr.provider.Choose(account)
		for _, name := range everybody {
			if got, err := tr.walk(name, signIn()); err != nil || got.Email != "" || got.Identity.Subject != "8" {
				t.Errorf("%s, %+v: %+v, %v", name, account, got, err)
			}
		}
	}
}

// Requirement 23: who somebody is does not hang on names and addresses.
func TestOAuthIdentity(t *testing.T) {
	t.Parallel()
	tr, other := newTrip(t, oidctest.Config{}), newTrip(t, oidctest.Config{})
	for _, name := range everybody {
		tr.provider.Choose(ada)
		before, err := tr.walk(name, signIn())
		if err != nil {
			t.Fatal(err)
		}
		tr.provider.Choose(oidctest.Account{ID: 7, Username: "countess", Name: "A. King", Email: "king@example.org"})
		renamed, err := tr.walk(name, signIn())
		if err != nil {
			t.Fatal(err)
		}
		if before.Identity.Issuer != renamed.Identity.Issuer || before.Identity.Subject != renamed.Identity.Subject {
			t.Errorf("%s: renamed, %+v is %+v", name, before.Identity, renamed.Identity)
		}
		tr.provider.Choose(oidctest.Account{ID: 8, Username: ada.Username, Name: ada.Name, Email: ada.Email, EmailVerified: true})
		heir, err := tr.walk(name, signIn())
		if err != nil {
			t.Fatal(err)
		}
		elsewhere, err := other.walk(name, signIn())
		if err != nil {
			t.Fatal(err)
		}
		if heir.Identity.Subject == before.Identity.Subject || elsewhere.Identity.Issuer == before.Identity.Issuer ||
			elsewhere.Identity.Subject != before.Identity.Subject {
			t.Errorf("%s: %+v, %+v and %+v", name, before.Identity, heir.Identity, elsewhere.Identity)
		}
	}
}

func TestOAuthNames(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for _, test := range []struct {
		account     oidctest.Account
		name, label string
	}{
		{oidctest.Account{ID: 9, Username: "ada@example.org", Name: "Ada"}, "ada", "ada@example.org"},
		{oidctest.Account{ID: 9, Name: " Ada\t Lovelace\n"}, "Ada Lovelace", "Ada Lovelace"},
		{oidctest.Account{ID: 9, Username: "\u202eada\x1b[31m\u200b", Name: "Ada"}, "ada[31m", "ada[31m"},
		{oidctest.Account{ID: 9, Name: "<script>alert(1)</script>"}, "<script>alert(1)</script>", "<script>alert(1)</script>"},
		{oidctest.Account{ID: 9, Username: strings.Repeat("다", 5000)}, strings.Repeat("다", 100), strings.Repeat("다", 100)},
		{oidctest.Account{ID: 9}, "", ""},
	} {
		tr.provider.Choose(test.account)
		got, err := tr.walk("oidc", signIn())
		if err != nil || got.Name != test.name || got.Identity.Label != test.label {
			t.Errorf("%+v: name %q, label %q, %v", test.account, got.Name, got.Identity.Label, err)
		}
	}
}

// To prove who one is, one has to sign in there again.
func TestOAuthProves(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	tr.provider.Misbehave(oidctest.StaleLogin)
	_, err := tr.walk("oidc", auth.Request{Purpose: auth.PurposeProve, Session: "s7"})
	tr.refused("an old sign-in", err, rally.EUnauthorized, "proof.wrong")
	if _, err := tr.walk("oidc", signIn()); err != nil {
		t.Errorf("to sign in, an old sign-in there will do: %v", err)
	}
}

// What providers can answer instead of what they should: nobody gets in, the
// log stays short, and the next one who tries can succeed.
func TestOAuthProviderIsAway(t *testing.T) {
	t.Parallel()
	endpoints := map[string][]oidctest.Endpoint{
		"oidc":   {oidctest.Token, oidctest.Keys, oidctest.UserInfo},
		"github": {oidctest.Token, oidctest.UserInfo},
		"42":     {oidctest.Token, oidctest.UserInfo},
	}
	for _, fault := range []oidctest.Fault{
		oidctest.ServerError, oidctest.Garbage, oidctest.Huge, oidctest.Hang, oidctest.RedirectAway,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			for name, endpoints := range endpoints {
				for _, endpoint := range endpoints {
					t.Run(name+" "+string(endpoint), func(t *testing.T) {
						t.Parallel()
						var change []func(*auth.OAuthConfig)
						if fault == oidctest.Hang {
							change = append(change, impatient)
						}
						tr := newTrip(t, oidctest.Config{}, change...)
						cookie, answer := tr.there(name, signIn())
						tr.provider.Misbehave(oidctest.NoProfile) // so that user info is needed
						tr.provider.Misbehave(fault, endpoint)
						got, err := tr.Finish(t.Context(), name, cookie, answer)
						tr.refused("finish", err, rally.EUnavailable, "oauth.away")
						if got.Identity != (rally.Identity{}) || len(got.StateHash) != 32 {
							t.Errorf("got %+v", got)
						}
						if n := tr.provider.Calls(oidctest.Away); n != 0 {
							t.Error("what was for one host was sent to another")
						}
					})
				}
			}
		})
	}
}

func TestOAuthDiscovery(t *testing.T) {
	t.Parallel()
	for fault, change := range map[oidctest.Fault]func(*auth.OAuthConfig){
		oidctest.ServerError:      func(*auth.OAuthConfig) {},
		oidctest.Garbage:          func(*auth.OAuthConfig) {},
		oidctest.Huge:             func(*auth.OAuthConfig) {},
		oidctest.RedirectAway:     func(*auth.OAuthConfig) {},
		oidctest.ForeignDiscovery: func(*auth.OAuthConfig) {},
		oidctest.Hang:             impatient,
	} {
		tr := newTrip(t, oidctest.Config{}, change)
		tr.provider.Misbehave(fault, oidctest.Discovery)
		_, _, err := tr.Start(t.Context(), "oidc", signIn())
		tr.refused(string(fault), err, rally.EUnavailable, "oauth.away")
		for _, name := range []string{"github", "42"} { // they do without
			if _, _, err := tr.Start(t.Context(), name, signIn()); err != nil {
				t.Errorf("%s, %s: %v", fault, name, err)
			}
		}
		tr.provider.Behave()
		cookie, answer := tr.there("oidc", signIn()) // it is asked again
		if fault == oidctest.Hang {
			continue // and has no patience for all the rest
		}
		if _, err := tr.Finish(t.Context(), "oidc", cookie, answer); err != nil {
			t.Errorf("after %s: %v", fault, err)
		}
		if n := tr.provider.Calls(oidctest.Discovery); n != 2 {
			t.Errorf("%s: discovery was asked for %d times", fault, n)
		}
	}
}

func TestOAuthAtOnce(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			to, cookie, err := tr.Start(context.Background(), "oidc", signIn())
			if err != nil {
				t.Error(err)
				return
			}
			response, err := browser.Get(to)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			back, err := response.Location()
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := tr.Finish(context.Background(), "oidc", cookie, back.Query()); err != nil || got.Identity.Subject != "7" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	wait.Wait()
	if n := tr.provider.Calls(oidctest.Discovery); n != 1 {
		t.Errorf("discovery was asked for %d times", n)
	}
}

// Who goes away does not end the question of those who stay.
func TestOAuthStartGivesUpWithTheContext(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := tr.Start(ctx, "oidc", signIn())
	if err != nil { // it may have been quick enough
		tr.refused("gone", err, rally.EUnavailable, "oauth.away")
	}
	if _, _, err := tr.Start(t.Context(), "oidc", signIn()); err != nil {
		t.Error(err)
	}
}

// Nothing is asked of an address that others can listen to.
func TestOpenIDInsecureEndpoints(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"} {
		for _, address := range []string{"http://accounts.example.org/x", "javascript:alert(1)", "/relative", ""} {
			if name == "userinfo_endpoint" && address == "" {
				continue // there need be none
			}
			tr := newTrip(t, oidctest.Config{}, func(c *auth.OAuthConfig) {
				c.Client = &http.Client{Transport: rewrite{name, address}}
			})
			_, _, err := tr.Start(t.Context(), "oidc", signIn())
			tr.refused(name+" "+address, err, rally.EUnavailable, "oauth.away")
		}
	}
}

// rewrite changes an address in discovery documents.
type rewrite struct{ name, address string }

// RoundTrip implements http.RoundTripper.
func (w rewrite) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		return response, err
	}
	defer response.Body.Close()
	var document map[string]any
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		return nil, err
	}
	document[w.name] = w.address
	text, err := json.Marshal(document)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return response, err
}

func TestOAuthTimes(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{}, impatient)
	cookie, answer := tr.there("42", signIn())
	tr.provider.Misbehave(oidctest.Hang)
	begin := time.Now()
	_, err := tr.Finish(t.Context(), "42", cookie, answer)
	tr.refused("no answer", err, rally.EUnavailable, "oauth.away")
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	if !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("the log would say %v", err)
	}
}
