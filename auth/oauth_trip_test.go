package auth_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/auth"
	"rally/auth/oidctest"
)

var ada = oidctest.Account{ID: 7, Username: "ada", Name: "Ada Lovelace", Email: "Ada@Example.org", EmailVerified: true}

// everybody are the names of the providers in these tests, which are one.
var everybody = []string{"oidc", "google", "github", "42"}

// trip is a site with providers, and a browser between them.
type trip struct {
	t *testing.T
	*auth.OAuth
	provider *oidctest.Provider

	mu  sync.Mutex
	now time.Time
}

func newTrip(t *testing.T, c oidctest.Config, change ...func(*auth.OAuthConfig)) *trip {
	t.Helper()
	tr := &trip{t: t, now: time.Now()}
	if c.Algorithm == "" {
		c.Algorithm = "ES256" // its keys are quickly made
	}
	c.Now = tr.clock
	for _, name := range everybody {
		c.Redirects = append(c.Redirects, "https://rally.example.org/sign-in/with/"+name+"/callback")
	}
	var err error
	if tr.provider, err = oidctest.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.provider.Close(); err != nil {
			t.Error(err)
		}
	})
	tr.provider.Choose(ada)
	config := auth.OAuthConfig{
		BaseURL: &url.URL{Scheme: "https", Host: "rally.example.org"}, Sealer: newSealer(t), Now: tr.clock, Timeout: 5 * time.Second,
	}
	for _, name := range everybody {
		config.Providers = append(config.Providers, auth.ProviderConfig{
			Name: name, Issuer: tr.provider.URL(), ClientID: tr.provider.ClientID(), ClientSecret: tr.provider.ClientSecret(),
		})
	}
	for _, change := range change {
		change(&config)
	}
	if tr.OAuth, err = auth.NewOAuth(config); err != nil {
		t.Fatal(err)
	}
	return tr
}

func (tr *trip) clock() time.Time {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.now
}

func (tr *trip) wait(d time.Duration) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.now = tr.now.Add(d)
}

// impatient makes questions fail soon; only for those that get no answer.
func impatient(c *auth.OAuthConfig) { c.Timeout = 400 * time.Millisecond }

// browser follows no redirect.
var browser = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// there sends somebody to the provider and gives what their browser brings back.
func (tr *trip) there(name string, r auth.Request) (cookie string, answer url.Values) {
	tr.t.Helper()
	to, cookie, err := tr.Start(tr.t.Context(), name, r)
	if err != nil {
		tr.t.Fatalf("%s: start: %v", name, err)
	}
	response, err := browser.Get(to)
	if err != nil {
		tr.t.Fatal(err)
	}
	defer response.Body.Close()
	back, err := response.Location()
	if err != nil {
		tr.t.Fatalf("%s: %s: %v", name, response.Status, err)
	}
	if want := "https://rally.example.org/sign-in/with/" + name + "/callback"; !strings.HasPrefix(back.String(), want+"?") {
		tr.t.Fatalf("%s sends back to %s", name, back)
	}
	return cookie, back.Query()
}

// walk goes there and comes back.
func (tr *trip) walk(name string, r auth.Request) (auth.Arrival, error) {
	tr.t.Helper()
	cookie, answer := tr.there(name, r)
	return tr.Finish(tr.t.Context(), name, cookie, answer)
}

// refused says that err is of a code and message, and gives nothing away.
func (tr *trip) refused(what string, err error, code rally.Code, message string) {
	tr.t.Helper()
	e, ok := errors.AsType[*rally.Error](err)
	if !ok || e.Code != code || e.Message != message {
		tr.t.Errorf("%s: got %v, want %s %s", what, err, code, message)
		return
	}
	text := err.Error()
	if len(text) > 500 || strings.ContainsAny(text, "\r\n\x1b\x00") {
		tr.t.Errorf("%s: the log would have %d bytes: %.100q", what, len(text), text)
	}
	for _, secret := range tr.provider.Secrets() {
		if strings.Contains(text, secret) {
			tr.t.Errorf("%s: the log would have a secret: %s", what, text)
		}
	}
}

func signIn() auth.Request { return auth.Request{Purpose: auth.PurposeSignIn, Next: "/play"} }
