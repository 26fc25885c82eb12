package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"rally"
)

// Purpose is what somebody went to a provider for.
type Purpose string

// The purposes.
const (
	PurposeSignIn Purpose = "sign_in"
	PurposeLink   Purpose = "link"  // to sign in with it from now on
	PurposeProve  Purpose = "prove" // that it is still them
)

// ProviderConfig is what the operator has settled with a provider.
type ProviderConfig struct {
	// Name is the provider's in addresses. "42" and "github" are spoken to in
	// their own ways, every other by OpenID Connect.
	Name string
	// Label is for people; "42", "github" and "google" have one, any other
	// provider has its host without it.
	Label string
	// Issuer is the provider's issuer, which its discovery begins with; of 42
	// and GitHub, which have none, the address that all others begin with.
	// "42", "github" and "google" need none.
	Issuer       string
	ClientID     string
	ClientSecret string
}

// OAuthConfig is what NewOAuth needs.
type OAuthConfig struct {
	Providers []ProviderConfig // as they shall be shown
	BaseURL   *url.URL         // of the site
	Sealer    *Sealer
	Client    *http.Client     // nil: one of its own; its time, size and redirects are bounded either way
	Timeout   time.Duration    // of one question to a provider; 0: 5 s. Start and Finish take at most 1.6 of it
	Now       func() time.Time // nil: time.Now
}

// Provider is one that people can sign in with.
type Provider struct{ Name, Label string }

// Request is what Start keeps for Finish.
type Request struct {
	Purpose Purpose
	Session rally.SessionID // whose purpose it is; "" for PurposeSignIn. To be compared with the one that comes back
	Next    string          // where to go in the end; forgotten when it is too long for a cookie
}

// Arrival is somebody who comes back from a provider.
type Arrival struct {
	Request
	Identity  rally.Identity // its times are not set
	Email     string         // only an address that the provider vouches for; "" without
	Name      string         // suggests a display name; cleaned of control characters, and no more; may be ""
	StateHash []byte         // of 32 bytes; whoever spends it twice is refused
}

// OAuth signs people in with accounts they have elsewhere: authorization code
// flow with PKCE, a state bound to the browser and, where there are id tokens,
// a nonce. It keeps nothing: what has to be known when somebody comes back is
// sealed into a cookie. Safe for concurrent use.
type OAuth struct {
	providers []provider
	sealer    *Sealer
	client    *http.Client
	patience  time.Duration // of Start and Finish
	now       func() time.Time
}

// provider is one of them, and how it is spoken to.
type provider struct {
	Provider
	speaker
}

// speaker speaks one provider's language.
type speaker interface {
	// endpoint gives the client as the provider knows it. It may have to ask.
	endpoint(ctx context.Context) (*oauth2.Config, error)
	// options are what a request needs besides state and PKCE.
	options(b begun) []oauth2.AuthCodeOption
	// answered says whether an answer that the browser brings in the name of iss
	// ("": in nobody's) can be the provider's. endpoint has been asked before.
	answered(iss string) bool
	// who gives whose token it is.
	who(ctx context.Context, token *oauth2.Token, b begun) (person, error)
}

// person is what a provider says about somebody.
type person struct {
	issuer, subject string
	email           string // vouched for
	name, label     string
}

// callTime is how long a provider may take for an answer.
const callTime = 5 * time.Second

// providerName is what a provider's name may be: it stands in addresses.
var providerName = regexp.MustCompile(`^[a-z0-9]{1,20}$`)

// NewOAuth makes an OAuth. It asks no provider anything yet; it fails when one
// is not described well enough.
func NewOAuth(c OAuthConfig) (*OAuth, error) {
	if len(c.Providers) > 0 && (c.Sealer == nil || c.BaseURL == nil) {
		return nil, errors.New("providers to sign in with need a sealer and the site's address")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Timeout <= 0 {
		c.Timeout = callTime
	}
	o := &OAuth{
		sealer:   c.Sealer,
		client:   newProviderClient(c.Client, c.Timeout),
		patience: c.Timeout * 8 / 5,
		now:      c.Now,
	}
	for _, p := range c.Providers {
		p = p.completed()
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("provider %q: %w", p.Name, err)
		}
		if _, twice := o.Find(p.Name); twice {
			return nil, fmt.Errorf("provider %q is there twice", p.Name)
		}
		o.providers = append(o.providers, provider{
			Provider: Provider{Name: p.Name, Label: p.Label},
			speaker:  o.speakerOf(p, c.BaseURL.JoinPath("sign-in", "with", p.Name, "callback").String()),
		})
	}
	return o, nil
}

// check says what is missing from a provider's description.
func (p ProviderConfig) check() error {
	issuer, err := url.Parse(p.Issuer)
	switch {
	case !providerName.MatchString(p.Name):
		return errors.New("its name is not of small letters and digits")
	case p.ClientID == "" || p.ClientSecret == "":
		return errors.New("it needs the client's id and secret")
	case err != nil || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "":
		return fmt.Errorf("its address %q is not one: write https://host", p.Issuer)
	case !secure(issuer):
		return fmt.Errorf("its address %q is not safe from listeners: write https://", p.Issuer)
	}
	return nil
}

// secure says whether nobody can listen or interfere on the way to an address.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}

// Providers gives those that people can sign in with.
func (o *OAuth) Providers() []Provider {
	var out []Provider
	for _, p := range o.providers {
		out = append(out, p.Provider)
	}
	return out
}

// Find gives a provider by its name.
func (o *OAuth) Find(name string) (Provider, bool) {
	p, ok := o.find(name)
	return p.Provider, ok
}

func (o *OAuth) find(name string) (provider, bool) {
	i := slices.IndexFunc(o.providers, func(p provider) bool { return p.Name == name })
	if i < 0 {
		return provider{}, false
	}
	return o.providers[i], true
}

// Start sends somebody to a provider: to is where, and cookie what their
// browser has to bring back, for StateLife. It fails with rally.ENotFound, and
// with rally.EUnavailable while the provider is away.
func (o *OAuth) Start(ctx context.Context, provider string, r Request) (to, cookie string, err error) {
	p, ok := o.find(provider)
	if !ok {
		return "", "", noProvider(provider)
	}
	ctx, cancel := o.bounded(ctx)
	defer cancel()
	client, err := p.endpoint(ctx)
	if err != nil {
		return "", "", away(err)
	}
	b := o.begin(provider, r)
	cookie, err = o.seal(b)
	if err != nil {
		return "", "", err
	}
	options := append(p.options(b), oauth2.S256ChallengeOption(b.Verifier))
	return client.AuthCodeURL(b.State, options...), cookie, nil
}

// Finish looks at what somebody's browser brings back from a provider: the
// cookie of Start and the answer's parameters. It fails with
//
//	rally.EMalformed     when this browser asked no such thing, or too long ago
//	ErrDeclined          when the answer is no (with rally.EUnauthorized)
//	rally.EUnauthorized  when somebody should have signed in there again, and did not
//	rally.EUnavailable   when the provider is away or makes no sense
//	rally.ENotFound      when there is no such provider
//
// As soon as it is known that this browser asked, the Arrival has Request and
// StateHash, also beside an error: that question has then been answered.
func (o *OAuth) Finish(ctx context.Context, provider, cookie string, answer url.Values) (Arrival, error) {
	p, ok := o.find(provider)
	if !ok {
		return Arrival{}, noProvider(provider)
	}
	b, err := o.opened(provider, cookie, answer)
	if err != nil {
		return Arrival{}, err
	}
	a := Arrival{Request: b.request(), StateHash: b.stateHash()}
	ctx, cancel := o.bounded(ctx)
	defer cancel()
	client, err := p.endpoint(ctx)
	if err != nil {
		return a, away(err)
	}
	if err := checkAnswer(p, answer); err != nil {
		return a, err
	}
	token, err := client.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(b.Verifier))
	if err != nil {
		return a, exchangeError(err)
	}
	who, err := p.who(ctx, token, b)
	if err != nil {
		return a, away(err)
	}
	a.Identity = rally.Identity{Issuer: who.issuer, Subject: who.subject, Provider: p.Name, Label: who.label}
	a.Email, a.Name = who.email, who.name
	return a, nil
}

// bounded gives a context that ends in time and brings the client to the
// libraries.
func (o *OAuth) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, o.client), o.patience)
}
