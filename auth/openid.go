package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"rally"
)

// subjectMax is the longest subject there may be: OpenID Connect Core, 2.
const subjectMax = 255

// openID speaks OpenID Connect.
type openID struct {
	config   ProviderConfig
	callback string
	prompt   string // what makes the provider ask again who it is
	client   *http.Client
	now      func() time.Time

	asking singleflight.Group
	found  atomic.Pointer[discovered]
}

// discovered is what a provider has said of itself. It stays.
type discovered struct {
	*oidc.Provider
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
	names    bool // its answers always bear its name: RFC 9207
}

// endpoint implements speaker.
func (p *openID) endpoint(ctx context.Context) (*oauth2.Config, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return nil, err
	}
	return &d.oauth, nil
}

// discover gives what the provider says of itself. It is asked once, also when
// many want to know, and again after it gave no good answer.
func (p *openID) discover(ctx context.Context) (*discovered, error) {
	if d := p.found.Load(); d != nil {
		return d, nil
	}
	answer := p.asking.DoChan("", func() (any, error) {
		// It is asked for all who wait: none of them ends it by going away, but
		// the client does, in time.
		d, err := p.ask(oidc.ClientContext(context.WithoutCancel(ctx), p.client))
		if err == nil {
			p.found.Store(d)
		}
		return d, err
	})
	select {
	case a := <-answer:
		if a.Err != nil {
			return nil, fmt.Errorf("discovery: %w", a.Err)
		}
		return a.Val.(*discovered), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("discovery: %w", ctx.Err())
	}
}

// ask reads the provider's discovery document.
func (p *openID) ask(ctx context.Context) (*discovered, error) {
	found, err := oidc.NewProvider(ctx, p.config.Issuer)
	if err != nil {
		return nil, err
	}
	var more struct {
		KeysURL string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
		Names   bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := found.Endpoint()
	addresses := []string{endpoint.AuthURL, endpoint.TokenURL, more.KeysURL}
	if found.UserInfoEndpoint() != "" {
		addresses = append(addresses, found.UserInfoEndpoint())
	}
	for _, address := range addresses {
		if u, err := url.Parse(address); err != nil || u.Host == "" || !secure(u) {
			return nil, fmt.Errorf("%.100q is no address to ask", address)
		}
	}
	// Which way the client's password goes is settled here: trying both would
	// use up a code.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if slices.Contains(more.Methods, "client_secret_post") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return &discovered{
		Provider: found,
		oauth: oauth2.Config{
			ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: endpoint,
			RedirectURL: p.callback, Scopes: []string{oidc.ScopeOpenID, oidc.ScopeEmail, oidc.ScopeProfile},
		},
		// Id tokens are signed as discovery says, and with a private key: what it
		// says of "none" and HS256 is left out, and nothing at all means RS256.
		verifier: found.Verifier(&oidc.Config{ClientID: p.config.ClientID, Now: p.now}),
		names:    more.Names,
	}, nil
}

// options implements speaker.
func (p *openID) options(b begun) []oauth2.AuthCodeOption {
	options := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce)}
	if b.Purpose == PurposeProve {
		options = append(options, oauth2.SetAuthURLParam("prompt", p.prompt))
		if p.prompt == promptLogin {
			options = append(options, oauth2.SetAuthURLParam("max_age", "0"))
		}
	}
	return options
}

// answered implements speaker.
func (p *openID) answered(iss string) bool {
	d := p.found.Load()
	return iss == p.config.Issuer || iss == "" && d != nil && !d.names
}

// idClaims is what Rally reads of an id token or the user info.
type idClaims struct {
	Email         string `json:"email"`
	EmailVerified truth  `json:"email_verified"`
	Username      string `json:"preferred_username"`
	Nickname      string `json:"nickname"`
	Name          string `json:"name"`
	Party         string `json:"azp"`
	LoginAt       int64  `json:"auth_time"`
}

// truth is a boolean that some providers write as a text.
type truth bool

// UnmarshalJSON implements json.Unmarshaler: all but a true is false.
func (t *truth) UnmarshalJSON(text []byte) error {
	*t = string(text) == "true" || string(text) == `"true"`
	return nil
}

// who implements speaker: OpenID Connect Core, 3.1.3.7.
func (p *openID) who(ctx context.Context, token *oauth2.Token, b begun) (person, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return person{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return person{}, errors.New("no id token")
	}
	id, err := d.verifier.Verify(ctx, raw) // signature, algorithm, iss, aud, exp
	if err != nil {
		return person{}, err
	}
	var claims idClaims
	if err := id.Claims(&claims); err != nil {
		return person{}, err
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(b.Nonce)) == 0:
		return person{}, foreign("the id token is the answer to another question")
	case id.Subject == "" || len(id.Subject) > subjectMax:
		return person{}, errors.New("the id token has no subject")
	case claims.Party != "" && claims.Party != p.config.ClientID, claims.Party == "" && len(id.Audience) > 1:
		return person{}, errors.New("the id token is another client's")
	case b.Purpose == PurposeProve && p.prompt == promptLogin && claims.LoginAt != 0 &&
		time.Unix(claims.LoginAt, 0).Before(b.At.Add(-time.Minute)):
		return person{}, rally.Errorf(rally.EUnauthorized, "proof.wrong", "the provider did not ask again who it is")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return person{}, err
		}
	}
	if claims.Email == "" && claims.Username == "" && claims.Name == "" && d.UserInfoEndpoint() != "" {
		if claims, err = p.profile(ctx, d, token, id.Subject); err != nil {
			return person{}, err
		}
	}
	// The issuer is the one that was configured: Google writes it in two ways.
	return claims.person(p.config.Issuer, id.Subject), nil
}

// profile asks for what some providers leave out of id tokens.
func (p *openID) profile(ctx context.Context, d *discovered, token *oauth2.Token, subject string) (idClaims, error) {
	var claims idClaims
	info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return claims, fmt.Errorf("user info: %w", err)
	}
	if info.Subject != subject {
		return claims, errors.New("the user info is somebody else's")
	}
	return claims, info.Claims(&claims)
}

// person gives what Rally keeps of it.
func (c idClaims) person(issuer, subject string) person {
	who := person{issuer: issuer, subject: subject}
	if c.EmailVerified {
		who.email = vouchedEmail(c.Email)
	}
	username, _, _ := strings.Cut(c.Username, "@") // some have the address for a name
	who.name = firstText(username, c.Nickname, c.Name)
	who.label = firstText(c.Username, who.email, c.Nickname, c.Name)
	return who
}
