package oidctest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rally/auth/oidctest"
)

const (
	callback = "https://rally.example.org/callback"
	verifier = "a-verifier-that-is-as-long-as-it-has-to-be-43"
)

var ada = oidctest.Account{ID: 7, Username: "ada", Name: "Ada Lovelace", Email: "ada@example.org", EmailVerified: true}

func newProvider(t *testing.T, c oidctest.Config) *oidctest.Provider {
	t.Helper()
	c.Algorithm = "ES256" // its keys are quickly made
	p, err := oidctest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// request gives the parameters of a proper request, with changes; "" takes one away.
func request(p *oidctest.Provider, changes map[string]string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {p.ClientID()}, "redirect_uri": {callback}, "scope": {"openid email"},
		"state": {"s1"}, "nonce": {"n1"}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	return change(q, changes)
}

func change(q url.Values, changes map[string]string) url.Values {
	for name, value := range changes {
		if q.Set(name, value); value == "" {
			q.Del(name)
		}
	}
	return q
}

// browse follows no redirect.
var browse = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func do(t *testing.T, r *http.Response, err error) (status int, location *url.URL, body string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	location, _ = r.Location()
	return r.StatusCode, location, string(text)
}

// authorize asks as a browser does and gives what it brings back.
func authorize(t *testing.T, p *oidctest.Provider, changes map[string]string) url.Values {
	t.Helper()
	r, err := browse.Get(p.URL() + "/authorize?" + request(p, changes).Encode())
	status, location, body := do(t, r, err)
	if status != http.StatusSeeOther || location.Host != "rally.example.org" || location.Path != "/callback" {
		t.Fatalf("%d, to %v: %s", status, location, body)
	}
	return location.Query()
}

// exchange asks as a client does.
func exchange(t *testing.T, p *oidctest.Provider, code string, changes map[string]string) (status int, answer map[string]any) {
	t.Helper()
	form := change(url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier},
		"client_id": {p.ClientID()}, "client_secret": {p.ClientSecret()},
	}, changes)
	r, err := http.PostForm(p.URL()+"/token", form)
	status, _, body := do(t, r, err)
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	return status, answer
}

func TestProvider(t *testing.T) {
	t.Parallel()
	p := newProvider(t, oidctest.Config{Redirects: []string{callback}})
	p.Choose(ada)
	q := authorize(t, p, nil)
	if q.Get("state") != "s1" || q.Get("iss") != p.URL() || q.Get("error") != "" {
		t.Errorf("the browser brings back %v", q)
	}
	status, answer := exchange(t, p, q.Get("code"), nil)
	if status != http.StatusOK || answer["token_type"] != "Bearer" {
		t.Fatalf("%d: %v", status, answer)
	}
	parts := strings.Split(answer["id_token"].(string), ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["iss"] != p.URL() || claims["sub"] != "7" || claims["aud"] != "rally" || claims["nonce"] != "n1" ||
		claims["email"] != "ada@example.org" || claims["email_verified"] != true {
		t.Errorf("claims %v", claims)
	}
	for _, secret := range []string{p.ClientSecret(), q.Get("code"), verifier, answer["access_token"].(string), answer["id_token"].(string)} {
		if !slices.Contains(p.Secrets(), secret) {
			t.Errorf("%.10s… is no secret", secret)
		}
	}
}

// Requirement 21: what a provider has to check, this one does.
func TestProviderRefuses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	p := newProvider(t, oidctest.Config{Redirects: []string{callback}, Now: func() time.Time { return now }})
	p.Choose(ada)
	for name, test := range map[string]struct {
		changes map[string]string
		want    string
	}{
		"no PKCE":         {map[string]string{"code_challenge": "", "code_challenge_method": ""}, "invalid_request"},
		"plain PKCE":      {map[string]string{"code_challenge_method": "plain"}, "invalid_request"},
		"no scope openid": {map[string]string{"scope": "email"}, "invalid_scope"},
		"another flow":    {map[string]string{"response_type": "token"}, "unsupported_response_type"},
		"no flow":         {map[string]string{"response_type": ""}, "unsupported_response_type"},
	} {
		if q := authorize(t, p, test.changes); q.Get("error") != test.want || q.Has("code") || q.Get("state") != "s1" {
			t.Errorf("%s: %v", name, q)
		}
	}
	for name, changes := range map[string]map[string]string{
		"another client":  {"client_id": "somebody"},
		"another address": {"redirect_uri": "https://rally.example.org/elsewhere"},
		"no address":      {"redirect_uri": ""},
	} {
		r, err := browse.Get(p.URL() + "/authorize?" + request(p, changes).Encode())
		if status, location, _ := do(t, r, err); status != http.StatusBadRequest || location != nil {
			t.Errorf("%s: %d, to %v", name, status, location)
		}
	}
	for name, test := range map[string]struct {
		changes map[string]string
		status  int
		want    string
	}{
		"a wrong password":  {map[string]string{"client_secret": "guess"}, http.StatusUnauthorized, "invalid_client"},
		"no verifier":       {map[string]string{"code_verifier": ""}, http.StatusBadRequest, "invalid_grant"},
		"another verifier":  {map[string]string{"code_verifier": verifier + "x"}, http.StatusBadRequest, "invalid_grant"},
		"another address":   {map[string]string{"redirect_uri": callback + "/"}, http.StatusBadRequest, "invalid_grant"},
		"another code":      {map[string]string{"code": "guess"}, http.StatusBadRequest, "invalid_grant"},
		"another grant":     {map[string]string{"grant_type": "password"}, http.StatusBadRequest, "unsupported_grant_type"},
		"nothing but these": {nil, http.StatusOK, ""},
	} {
		code := authorize(t, p, nil).Get("code")
		status, answer := exchange(t, p, code, test.changes)
		if got, _ := answer["error"].(string); status != test.status || got != test.want {
			t.Errorf("%s: %d %v", name, status, answer)
		}
		if test.want == "invalid_client" || test.changes["code"] != "" || test.changes["grant_type"] != "" {
			continue // the code was not used
		}
		if status, answer := exchange(t, p, code, nil); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
			t.Errorf("%s: the code once more: %d %v", name, status, answer)
		}
	}
	code := authorize(t, p, nil).Get("code")
	now = now.Add(2 * time.Minute)
	if status, answer := exchange(t, p, code, nil); status != http.StatusBadRequest {
		t.Errorf("an old code: %d %v", status, answer)
	}
	r, err := http.Get(p.URL() + "/userinfo")
	if status, _, _ := do(t, r, err); status != http.StatusUnauthorized {
		t.Errorf("user info for everybody: %d", status)
	}
}

func TestProviderAsks(t *testing.T) {
	t.Parallel()
	p := newProvider(t, oidctest.Config{Accounts: []oidctest.Account{ada}})
	address := p.URL() + "/authorize?" + request(p, nil).Encode()
	r, err := browse.Get(address)
	status, _, body := do(t, r, err)
	if status != http.StatusOK || !strings.Contains(body, `name="name"`) || !strings.Contains(body, "code_challenge") {
		t.Fatalf("%d %s", status, body)
	}
	subjects := map[string]string{}
	for _, name := range []string{"ada", "grace", "grace", "alan"} {
		r, err := browse.PostForm(address, url.Values{"name": {name}, "decision": {"allow"}})
		status, location, body := do(t, r, err)
		if status != http.StatusSeeOther {
			t.Fatalf("%d %s", status, body)
		}
		_, answer := exchange(t, p, location.Query().Get("code"), nil)
		asked, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL()+"/userinfo", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		asked.Header.Set("Authorization", "Bearer "+answer["access_token"].(string))
		r, err = http.DefaultClient.Do(asked)
		_, _, body = do(t, r, err)
		var claims struct{ Sub, Name string }
		if err := json.Unmarshal([]byte(body), &claims); err != nil {
			t.Fatal(err)
		}
		if before := subjects[name]; before != "" && before != claims.Sub {
			t.Errorf("%s was %s and is %s", name, before, claims.Sub)
		}
		subjects[name] = claims.Sub
	}
	if subjects["ada"] != "7" || len(slices.Compact(slices.Sorted(maps.Values(subjects)))) != 3 {
		t.Errorf("subjects %v", subjects)
	}
	r, err = browse.PostForm(address, url.Values{"decision": {"deny"}})
	if _, location, _ := do(t, r, err); location.Query().Get("error") != "access_denied" {
		t.Errorf("who refused is sent to %v", location)
	}
}
