package auth_test

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/auth"
	"rally/auth/oidctest"
)

func TestOAuth(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for name, want := range map[string]auth.Arrival{
		"oidc":   {Identity: rally.Identity{Subject: "7", Label: "ada"}, Email: "Ada@example.org", Name: "ada"},
		"google": {Identity: rally.Identity{Subject: "7", Label: "ada"}, Email: "Ada@example.org", Name: "ada"},
		"github": {Identity: rally.Identity{Subject: "7", Label: "ada"}, Email: "Ada@example.org", Name: "ada"},
		"42":     {Identity: rally.Identity{Subject: "7", Label: "ada"}, Name: "ada"},
	} {
		want.Identity.Provider, want.Identity.Issuer = name, tr.provider.URL()
		for _, request := range []auth.Request{
			signIn(),
			{Purpose: auth.PurposeLink, Session: "s7", Next: "/settings/security?a=b&c=<d>"},
			{Purpose: auth.PurposeProve, Session: "s7"},
		} {
			got, err := tr.walk(name, request)
			if err != nil {
				t.Errorf("%s, %s: %v", name, request.Purpose, err)
				continue
			}
			if got.Identity != want.Identity || got.Email != want.Email || got.Name != want.Name ||
				got.Request != request || len(got.StateHash) != 32 {
				t.Errorf("%s: got %+v", name, got)
			}
		}
	}
	if got := tr.Providers(); len(got) != 4 || got[0] != (auth.Provider{Name: "oidc", Label: "127.0.0.1"}) ||
		got[1].Label != "Google" || got[2].Label != "GitHub" || got[3].Label != "42" {
		t.Errorf("providers %+v", got)
	}
	if p, ok := tr.Find("42"); !ok || p.Label != "42" {
		t.Errorf("found %+v, %v", p, ok)
	}
}

// Requirement 21: PKCE with S256, whomever the browser is sent to; requirement
// 31: no secret in an address.
func TestOAuthAddress(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	seen := map[string]bool{}
	for _, name := range slices.Concat(everybody, everybody) {
		to, cookie, err := tr.Start(t.Context(), name, signIn())
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("response_type") != "code" ||
			q.Get("client_id") != "rally" || q.Has("prompt") ||
			q.Get("redirect_uri") != "https://rally.example.org/sign-in/with/"+name+"/callback" {
			t.Errorf("%s: %s", name, to)
		}
		if openID := name == "oidc" || name == "google"; openID != (len(q.Get("nonce")) >= 22) || openID != strings.Contains(q.Get("scope"), "openid") {
			t.Errorf("%s: nonce %q, scope %q", name, q.Get("nonce"), q.Get("scope"))
		}
		if strings.Contains(to, tr.provider.ClientSecret()) || len(q.Get("state")) < 22 || seen[q.Get("state")] || seen[q.Get("code_challenge")] || seen[cookie] {
			t.Errorf("%s: something is no secret or not new: %s", name, to)
		}
		seen[q.Get("state")], seen[q.Get("code_challenge")], seen[cookie] = true, true, true
		for _, secret := range []string{q.Get("state"), q.Get("nonce"), "/play"} {
			if secret != "" && strings.Contains(cookie, secret) {
				t.Errorf("%s: the cookie can be read: %s", name, cookie)
			}
		}
	}
	for name, prompt := range map[string]string{"oidc": "login", "google": "select_account", "github": "select_account", "42": ""} {
		to, _, err := tr.Start(t.Context(), name, auth.Request{Purpose: auth.PurposeProve})
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(to)
		if got := u.Query().Get("prompt"); got != prompt || (u.Query().Get("max_age") == "0") != (prompt == "login") {
			t.Errorf("%s: to prove, it is sent to %s", name, to)
		}
	}
}

// Requirement 20: a state comes back to the browser that asked, within ten
// minutes, from whom it asked, once.
func TestOAuthState(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	stranger := newTrip(t, oidctest.Config{}, func(c *auth.OAuthConfig) {
		var err error
		if c.Sealer, err = auth.NewSealer(bytes.Repeat([]byte{9}, auth.SecretKeySize)); err != nil {
			t.Fatal(err)
		}
	})
	foreignCookie, _ := stranger.there("oidc", signIn())
	otherCookie, otherAnswer := tr.there("oidc", signIn())
	flipped := func(s string) string { return s[:len(s)/2] + flip(s[len(s)/2:]) }
	for name, change := range map[string]func(cookie string, answer url.Values) (string, url.Values){
		"no cookie":           func(_ string, a url.Values) (string, url.Values) { return "", a },
		"a made-up cookie":    func(_ string, a url.Values) (string, url.Values) { return "eyJwIjoib2lkYyJ9", a },
		"a changed cookie":    func(c string, a url.Values) (string, url.Values) { return flipped(c), a },
		"a cut cookie":        func(c string, a url.Values) (string, url.Values) { return c[:len(c)-8], a },
		"a huge cookie":       func(c string, a url.Values) (string, url.Values) { return strings.Repeat(c, 100), a },
		"another site's":      func(_ string, a url.Values) (string, url.Values) { return foreignCookie, a },
		"another browser's":   func(_ string, a url.Values) (string, url.Values) { return otherCookie, a },
		"a stranger's answer": func(c string, _ url.Values) (string, url.Values) { return c, otherAnswer },
		"no state":            func(c string, a url.Values) (string, url.Values) { a.Del("state"); return c, a },
		"an empty state":      func(c string, a url.Values) (string, url.Values) { a.Set("state", ""); return c, a },
		"a changed state": func(c string, a url.Values) (string, url.Values) {
			a.Set("state", flipped(a.Get("state")))
			return c, a
		},
		"two states":           func(c string, a url.Values) (string, url.Values) { a.Add("state", "x"); return c, a },
		"nothing at all":       func(string, url.Values) (string, url.Values) { return "", nil },
		"after ten minutes":    func(c string, a url.Values) (string, url.Values) { tr.wait(auth.StateLife); return c, a },
		"before it was asked":  func(c string, a url.Values) (string, url.Values) { tr.wait(-time.Hour); return c, a },
		"refused by a forgery": func(string, url.Values) (string, url.Values) { return "", url.Values{"error": {"access_denied"}} },
	} {
		cookie, answer := change(tr.there("oidc", signIn()))
		got, err := tr.Finish(t.Context(), "oidc", cookie, answer)
		tr.refused(name, err, rally.EMalformed, "oauth.state")
		if got.StateHash != nil || got.Identity != (rally.Identity{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, change := range map[string]func(url.Values){
		"no code":     func(a url.Values) { a.Del("code") },
		"two codes":   func(a url.Values) { a.Add("code", "x") },
		"other code":  func(a url.Values) { a.Set("code", otherAnswer.Get("code")) }, // PKCE: of another browser
		"a huge code": func(a url.Values) { a.Set("code", strings.Repeat("x", 1<<20)) },
	} {
		cookie, answer := tr.there("oidc", signIn())
		change(answer)
		got, err := tr.Finish(t.Context(), "oidc", cookie, answer)
		tr.refused(name, err, rally.EMalformed, "oauth.state")
		if len(got.StateHash) != 32 || got.Request != signIn() || got.Identity != (rally.Identity{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Requirements 20 and 21: the same answer once more is refused, and its state
// can be told to be the same.
func TestOAuthReplay(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for _, name := range everybody {
		cookie, answer := tr.there(name, signIn())
		first, err := tr.Finish(t.Context(), name, cookie, answer)
		if err != nil {
			t.Fatal(err)
		}
		again, err := tr.Finish(t.Context(), name, cookie, answer)
		tr.refused(name+" again", err, rally.EMalformed, "oauth.state")
		if !bytes.Equal(first.StateHash, again.StateHash) || again.Identity != (rally.Identity{}) {
			t.Errorf("%s again: %+v", name, again)
		}
		other, err := tr.walk(name, signIn())
		if err != nil || bytes.Equal(first.StateHash, other.StateHash) {
			t.Errorf("%s: another state's hash is %x, %v", name, other.StateHash, err)
		}
	}
}

func TestOAuthTakesItsTime(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	tr.wait(-48 * time.Hour) // by the clock that Rally was given, not the machine's
	to, cookie, err := tr.Start(t.Context(), "oidc", signIn())
	if err != nil {
		t.Fatal(err)
	}
	tr.wait(auth.StateLife - time.Second) // at the provider's form
	response, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	back, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Finish(t.Context(), "oidc", cookie, back.Query()); err != nil {
		t.Error(err)
	}
}

// Requirement 22: a state is bound to its provider, and so is an answer.
func TestOAuthMixUp(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for _, from := range everybody {
		for _, to := range everybody {
			if from == to {
				continue
			}
			cookie, answer := tr.there(from, signIn())
			got, err := tr.Finish(t.Context(), to, cookie, answer)
			tr.refused(from+" answers for "+to, err, rally.EMalformed, "oauth.state")
			if got.StateHash != nil {
				t.Errorf("%s answers for %s: %+v", from, to, got)
			}
		}
	}
	if n := tr.provider.Calls(oidctest.Token); n != 0 {
		t.Errorf("%d codes were shown to the wrong provider", n)
	}
	for _, fault := range []oidctest.Fault{oidctest.WrongAnswerIssuer, oidctest.WrongState} {
		for _, name := range everybody {
			tr.provider.Misbehave(fault)
			_, err := tr.walk(name, signIn())
			tr.refused(name+": "+string(fault), err, rally.EMalformed, "oauth.state")
			tr.provider.Behave()
		}
	}
	// Who announces their name has to say it.
	tr.provider.Misbehave(oidctest.NoAnswerIssuer)
	_, err := tr.walk("oidc", signIn())
	tr.refused("no name", err, rally.EMalformed, "oauth.state")
	tr.provider.Behave()
	cookie, answer := tr.there("oidc", signIn())
	answer.Add("iss", "https://accounts.example.org")
	_, err = tr.Finish(t.Context(), "oidc", cookie, answer)
	tr.refused("two names", err, rally.EMalformed, "oauth.state")
	// GitHub names itself, a little differently.
	cookie, answer = tr.there("github", signIn())
	answer.Set("iss", tr.provider.URL()+"/login/oauth")
	if _, err := tr.Finish(t.Context(), "github", cookie, answer); err != nil {
		t.Error(err)
	}
}

func TestOAuthDeclined(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for _, name := range everybody {
		tr.provider.Misbehave(oidctest.Denied)
		got, err := tr.walk(name, signIn())
		tr.refused(name, err, rally.EUnauthorized, "sign_in.reason_declined")
		if !errors.Is(err, auth.ErrDeclined) || got.Request != signIn() || len(got.StateHash) != 32 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		tr.provider.Behave()
		tr.provider.Misbehave(oidctest.RefusesAuthorize)
		_, err = tr.walk(name, signIn())
		tr.refused(name, err, rally.EUnavailable, "oauth.away")
		if errors.Is(err, auth.ErrDeclined) {
			t.Errorf("%s: %v", name, err)
		}
		tr.provider.Behave()
	}
	_, _, err := tr.Start(t.Context(), "nobody", signIn())
	tr.refused("an unknown provider", err, rally.ENotFound, "error.not_found")
	_, err = tr.Finish(t.Context(), "nobody", "", nil)
	tr.refused("an unknown provider", err, rally.ENotFound, "error.not_found")
}

func TestNewOAuthRefuses(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "rally.example.org"}
	good := auth.ProviderConfig{Name: "oidc", Issuer: "https://accounts.example.org", ClientID: "rally", ClientSecret: "secret"}
	changed := func(change func(*auth.ProviderConfig)) auth.OAuthConfig {
		p := good
		change(&p)
		return auth.OAuthConfig{Providers: []auth.ProviderConfig{p}, BaseURL: base, Sealer: newSealer(t)}
	}
	for name, c := range map[string]auth.OAuthConfig{
		"no issuer":           changed(func(p *auth.ProviderConfig) { p.Issuer = "" }),
		"no address":          changed(func(p *auth.ProviderConfig) { p.Issuer = "accounts.example.org" }),
		"an open address":     changed(func(p *auth.ProviderConfig) { p.Issuer = "http://accounts.example.org" }),
		"an address of mail":  changed(func(p *auth.ProviderConfig) { p.Issuer = "mailto:a@example.org" }),
		"a query":             changed(func(p *auth.ProviderConfig) { p.Issuer += "?tenant=1" }),
		"no id":               changed(func(p *auth.ProviderConfig) { p.ClientID = "" }),
		"no secret":           changed(func(p *auth.ProviderConfig) { p.ClientSecret = "" }),
		"no name":             changed(func(p *auth.ProviderConfig) { p.Name = "" }),
		"a name with a slash": changed(func(p *auth.ProviderConfig) { p.Name = "a/b" }),
		"twice the same":      {Providers: []auth.ProviderConfig{good, good}, BaseURL: base, Sealer: newSealer(t)},
		"no sealer":           {Providers: []auth.ProviderConfig{good}, BaseURL: base},
		"no base":             {Providers: []auth.ProviderConfig{good}, Sealer: newSealer(t)},
	} {
		if _, err := auth.NewOAuth(c); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "secret\"") {
			t.Errorf("%s: the error has the secret: %v", name, err)
		}
	}
	none, err := auth.NewOAuth(auth.OAuthConfig{})
	if err != nil || len(none.Providers()) != 0 {
		t.Errorf("without providers: %v", err)
	}
	if _, ok := none.Find("oidc"); ok {
		t.Error("found one of none")
	}
	known, err := auth.NewOAuth(auth.OAuthConfig{BaseURL: base, Sealer: newSealer(t), Providers: []auth.ProviderConfig{
		{Name: "42", ClientID: "a", ClientSecret: "b"},
		{Name: "github", ClientID: "a", ClientSecret: "b"},
		{Name: "google", ClientID: "a", ClientSecret: "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"42": "https://api.intra.42.fr/oauth/authorize?", "github": "https://github.com/login/oauth/authorize?",
	} {
		if to, _, err := known.Start(t.Context(), name, signIn()); err != nil || !strings.HasPrefix(to, want) {
			t.Errorf("%s: %s, %v", name, to, err)
		}
	}
}

func TestOAuthNextIsTooLong(t *testing.T) {
	t.Parallel()
	tr := newTrip(t, oidctest.Config{})
	for _, next := range []string{"/" + strings.Repeat("x", 1500), "/" + strings.Repeat("<&\"", 1000), "/" + strings.Repeat("x", 1<<20)} {
		_, cookie, err := tr.Start(t.Context(), "oidc", auth.Request{Purpose: auth.PurposeLink, Session: "s7", Next: next})
		if err != nil || len(cookie) > 4000 {
			t.Errorf("the cookie has %d bytes, %v", len(cookie), err)
		}
		got, err := tr.walk("oidc", auth.Request{Purpose: auth.PurposeLink, Session: "s7", Next: next})
		if err != nil || got.Session != "s7" || (got.Next != "" && got.Next != next) || (got.Next == "") != (len(next) > 2000) {
			t.Errorf("%d bytes came back as %d, %v", len(next), len(got.Next), err)
		}
	}
}
