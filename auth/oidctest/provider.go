// Package oidctest is a small OpenID provider on the loopback interface, for
// tests: it speaks the real protocol (discovery, keys, the code flow with PKCE,
// user info), checks all that a provider has to check, and can be told to
// misbehave. It also answers as GitHub and 42 do, which speak OAuth 2.0 alone.
//
// It knows nothing of Rally and shares no library with it: what both sides
// understand, the protocol says.
package oidctest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Account is somebody's account at the provider.
type Account struct {
	ID            int64  // names the account for ever; as text it is the subject
	Username      string // what one types to sign in
	Name          string
	Email         string // "" for none
	EmailVerified bool
}

// Subject gives the account's sub claim.
func (a Account) Subject() string { return strconv.FormatInt(a.ID, 10) }

// Config is what New needs. The zero value is good.
type Config struct {
	ClientID     string           // "": "rally"
	ClientSecret string           // "": one is drawn
	Redirects    []string         // the only addresses that codes are sent to; none: any
	Accounts     []Account        // who can sign in by name; others get an account as they come
	Algorithm    string           // of id tokens: RS256 (or ""), PS256, ES256, EdDSA
	Now          func() time.Time // nil: time.Now
}

// Endpoint names a part of the provider that clients ask without the browser.
type Endpoint string

// The endpoints.
const (
	Discovery Endpoint = "discovery"
	Keys      Endpoint = "keys"
	Token     Endpoint = "token"
	UserInfo  Endpoint = "userinfo" // also GitHub's and 42's
	Away      Endpoint = "away"     // where RedirectAway leads, and nobody should go
)

// Provider is a running provider. Safe for concurrent use.
type Provider struct {
	config Config
	url    string
	server *http.Server
	closed chan struct{}
	served chan error

	mu       sync.Mutex
	keys     []signer // the newest last; it signs
	chosen   *Account // nil: whoever the form names
	accounts map[string]Account
	faults   map[Fault][]Endpoint
	grants   map[string]*grant  // by code
	access   map[string]Account // by access token
	calls    map[Endpoint]int
	secrets  []string
}

// New starts a provider on a free port of 127.0.0.1. The caller must Close it.
func New(c Config) (*Provider, error) {
	if c.ClientID == "" {
		c.ClientID = "rally"
	}
	if c.ClientSecret == "" {
		c.ClientSecret = draw()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &Provider{
		config:   c,
		closed:   make(chan struct{}),
		served:   make(chan error, 1),
		accounts: map[string]Account{},
		faults:   map[Fault][]Endpoint{},
		grants:   map[string]*grant{},
		access:   map[string]Account{},
		calls:    map[Endpoint]int{},
		secrets:  []string{c.ClientSecret},
	}
	for _, a := range c.Accounts {
		p.accounts[a.Username] = a
	}
	if err := p.RotateKey(); err != nil {
		return nil, err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a provider: %w", err)
	}
	p.url = "http://" + listener.Addr().String()
	p.server = &http.Server{Handler: p.routes(), ReadHeaderTimeout: 10 * time.Second}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// Close stops the provider; requests that hang end.
func (p *Provider) Close() error {
	close(p.closed)
	err := p.server.Close()
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// URL gives the provider's issuer, which is also where GitHub's and 42's
// addresses begin.
func (p *Provider) URL() string { return p.url }

// ClientID and ClientSecret are what the one client is known by.
func (p *Provider) ClientID() string { return p.config.ClientID }

// ClientSecret is the client's password.
func (p *Provider) ClientSecret() string { return p.config.ClientSecret }

// Choose makes every sign-in from now on that of an account, at once and
// without a page, as for somebody who is signed in there.
func (p *Provider) Choose(a Account) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chosen = &a
	p.accounts[a.Username] = a
}

// Ask makes sign-ins show a form in which a name is typed, as New does.
func (p *Provider) Ask() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.chosen = nil
}

// Calls gives how often an endpoint was asked.
func (p *Provider) Calls(e Endpoint) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[e]
}

// Secrets gives every secret the provider has drawn or been shown so far, none
// of which anybody may log: the client's password, codes, tokens, verifiers.
func (p *Provider) Secrets() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.secrets)
}

// remember notes a secret. The caller holds the lock.
func (p *Provider) remember(secrets ...string) {
	for _, s := range secrets {
		if s != "" {
			p.secrets = append(p.secrets, s)
		}
	}
}

// routes is all that the provider answers.
func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	for path, front := range map[string]front{
		"/authorize":             {openID: true},
		"/login/oauth/authorize": {}, // GitHub
		"/oauth/authorize":       {}, // 42
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { p.authorize(w, r, front) })
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { p.authorize(w, r, front) })
	}
	back := func(pattern string, e Endpoint, handle http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			p.mu.Lock()
			p.calls[e]++
			p.mu.Unlock()
			if !p.sabotage(w, r, e) {
				handle(w, r)
			}
		})
	}
	back("GET /.well-known/openid-configuration", Discovery, p.discovery)
	back("GET /keys", Keys, p.publicKeys)
	back("POST /token", Token, func(w http.ResponseWriter, r *http.Request) { p.token(w, r, writeTokens) })
	back("GET /userinfo", UserInfo, p.userInfo)
	back("POST /login/oauth/access_token", Token, func(w http.ResponseWriter, r *http.Request) { p.token(w, r, writeTokensAsGitHub) })
	back("GET /api/v3/user", UserInfo, p.gitHubUser)
	back("GET /api/v3/user/emails", UserInfo, p.gitHubEmails)
	back("POST /oauth/token", Token, func(w http.ResponseWriter, r *http.Request) { p.token(w, r, writeTokens) })
	back("GET /v2/me", UserInfo, p.fortyTwoMe)
	back("/away", Away, http.NotFound)
	return mux
}

// discovery says where everything is.
func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	issuer := p.url
	if p.does(ForeignDiscovery) {
		issuer = "https://accounts.example.org"
	}
	document := map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         p.url + "/authorize",
		"token_endpoint":                                 p.url + "/token",
		"userinfo_endpoint":                              p.url + "/userinfo",
		"jwks_uri":                                       p.url + "/keys",
		"response_types_supported":                       []string{"code"},
		"subject_types_supported":                        []string{"public"},
		"scopes_supported":                               []string{"openid", "email", "profile"},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post"},
		"id_token_signing_alg_values_supported":          []string{p.algorithm()},
		"authorization_response_iss_parameter_supported": true,
	}
	if p.does(WeakAlgorithms) {
		document["id_token_signing_alg_values_supported"] = []string{"none", "HS256"}
	}
	writeJSON(w, http.StatusOK, document)
}

// account finds the account of a name typed into the form, or makes it.
func (p *Provider) account(name string) Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.accounts[name]; ok {
		return a
	}
	last := int64(1000)
	for a := range maps.Values(p.accounts) {
		last = max(last, a.ID)
	}
	a := Account{ID: last + 1, Username: name, Name: name, Email: name + "@example.org", EmailVerified: true}
	p.accounts[name] = a
	return a
}

// draw gives a random text of 128 bits.
func draw() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand.Read
	return base64.RawURLEncoding.EncodeToString(b[:])
}
