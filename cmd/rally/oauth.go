package main

import (
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"rally/auth"
)

// oauthConfig is what can be set about signing in with accounts elsewhere. A
// provider without its settings does not appear.
type oauthConfig struct {
	OAuth42ID         string `env:"RALLY_OAUTH_42_ID" group:"Signing in with other accounts" help:"42: the application's UID." name:"oauth-42-id" placeholder:"ID"`
	OAuth42Secret     string `env:"RALLY_OAUTH_42_SECRET" group:"Signing in with other accounts" help:"42: its secret." name:"oauth-42-secret" placeholder:"SECRET"`
	OAuth42URL        string `env:"RALLY_OAUTH_42_URL" group:"Signing in with other accounts" help:"42: where the intra is, if not at https://api.intra.42.fr." name:"oauth-42-url" placeholder:"URL"`
	OAuthGitHubID     string `env:"RALLY_OAUTH_GITHUB_ID" group:"Signing in with other accounts" help:"GitHub: the OAuth app's client ID." name:"oauth-github-id" placeholder:"ID"`
	OAuthGitHubSecret string `env:"RALLY_OAUTH_GITHUB_SECRET" group:"Signing in with other accounts" help:"GitHub: its client secret." name:"oauth-github-secret" placeholder:"SECRET"`
	OAuthGitHubURL    string `env:"RALLY_OAUTH_GITHUB_URL" group:"Signing in with other accounts" help:"GitHub: where your GitHub Enterprise is." name:"oauth-github-url" placeholder:"URL"`
	OAuthGoogleID     string `env:"RALLY_OAUTH_GOOGLE_ID" group:"Signing in with other accounts" help:"Google: the client ID." name:"oauth-google-id" placeholder:"ID"`
	OAuthGoogleSecret string `env:"RALLY_OAUTH_GOOGLE_SECRET" group:"Signing in with other accounts" help:"Google: its client secret." name:"oauth-google-secret" placeholder:"SECRET"`
	OAuthOIDCIssuer   string `env:"RALLY_OAUTH_OIDC_ISSUER" group:"Signing in with other accounts" help:"Any OpenID Connect provider: its issuer." name:"oauth-oidc-issuer" placeholder:"URL"`
	OAuthOIDCID       string `env:"RALLY_OAUTH_OIDC_ID" group:"Signing in with other accounts" help:"The same: the client ID." name:"oauth-oidc-id" placeholder:"ID"`
	OAuthOIDCSecret   string `env:"RALLY_OAUTH_OIDC_SECRET" group:"Signing in with other accounts" help:"The same: its client secret." name:"oauth-oidc-secret" placeholder:"SECRET"`
	OAuthOIDCName     string `env:"RALLY_OAUTH_OIDC_NAME" group:"Signing in with other accounts" help:"The same: what people call it (default: the issuer's host)." name:"oauth-oidc-name" placeholder:"NAME"`
}

// oauthSettings are one provider's, as they were written.
type oauthSettings struct {
	name, label        string // name is the provider's in addresses
	variable           string // what its variables begin with
	url                string // of the provider; "" for its usual one
	urlVariable        string // "" when it has only the usual one
	id, secret         string
	needsURL, hasLabel bool // it has no usual URL; its label was set
}

// oauthLabelMax bounds the name of a provider, in characters.
const oauthLabelMax = 40

// oauthProviders gives those that are set up. What is wrong or half done goes to
// complain; secrets never do.
func (c oauthConfig) oauthProviders(complain func(format string, args ...any)) []auth.ProviderConfig {
	var found []auth.ProviderConfig
	for _, p := range []oauthSettings{
		{
			name: "42", label: "42", variable: "RALLY_OAUTH_42",
			url: c.OAuth42URL, urlVariable: "RALLY_OAUTH_42_URL", id: c.OAuth42ID, secret: c.OAuth42Secret,
		},
		{
			name: "github", label: "GitHub", variable: "RALLY_OAUTH_GITHUB",
			url: c.OAuthGitHubURL, urlVariable: "RALLY_OAUTH_GITHUB_URL", id: c.OAuthGitHubID, secret: c.OAuthGitHubSecret,
		},
		{
			name: "google", label: "Google", variable: "RALLY_OAUTH_GOOGLE",
			id: c.OAuthGoogleID, secret: c.OAuthGoogleSecret,
		},
		{
			name: "oidc", label: c.OAuthOIDCName, variable: "RALLY_OAUTH_OIDC",
			url: c.OAuthOIDCIssuer, urlVariable: "RALLY_OAUTH_OIDC_ISSUER", id: c.OAuthOIDCID, secret: c.OAuthOIDCSecret,
			needsURL: true, hasLabel: c.OAuthOIDCName != "",
		},
	} {
		if provider, ok := p.settle(complain); ok {
			found = append(found, provider)
		}
	}
	return found
}

// settle checks one provider's settings; ok is false without any.
func (p oauthSettings) settle(complain func(format string, args ...any)) (provider auth.ProviderConfig, ok bool) {
	if p.id == "" && p.secret == "" && p.url == "" && !p.hasLabel {
		return provider, false
	}
	for _, need := range []struct {
		variable, value string
		needed, secret  bool
	}{
		{p.urlVariable, p.url, p.needsURL, false},
		{p.variable + "_ID", p.id, true, false},
		{p.variable + "_SECRET", p.secret, true, true},
	} {
		switch {
		case need.value == "" && need.needed:
			complain("%s is missing beside the other %s settings: set it as the provider shows it, or none of them", need.variable, p.variable)
		case strings.ContainsFunc(need.value, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
			complain("%s has a space or a line break in it: copy it once more", need.variable)
		}
	}
	if p.url != "" && !isProviderURL(p.url) {
		// It may hold a password, so it is not repeated.
		complain("%s is not the address of a provider: write it as https://id.example.org, without a user, a query or a fragment", p.urlVariable)
	}
	if p.label == "" {
		if u, err := url.Parse(p.url); err == nil {
			p.label = u.Hostname()
		}
	}
	if utf8.RuneCountInString(p.label) > oauthLabelMax || strings.ContainsFunc(p.label, func(r rune) bool { return !unicode.IsPrint(r) }) {
		complain("%s_NAME is not a name to put on a button: write at most %d letters, digits and spaces", p.variable, oauthLabelMax)
	}
	return auth.ProviderConfig{Name: p.name, Label: p.label, Issuer: p.url, ClientID: p.id, ClientSecret: p.secret}, true
}

// isProviderURL says whether text is an address that secrets may be sent to:
// https, or http on this machine, for tests.
func isProviderURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// isLoopback says whether host names this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
