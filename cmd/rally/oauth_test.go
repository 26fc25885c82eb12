package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally/auth"
)

func TestSettleFindsProviders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config oauthConfig
		want   []auth.ProviderConfig
	}{
		"none": {oauthConfig{}, nil},
		"all": {
			oauthConfig{
				OAuth42ID: "u-1", OAuth42Secret: "s1", OAuthGitHubID: "u2", OAuthGitHubSecret: "s2",
				OAuthGoogleID: "u3", OAuthGoogleSecret: "s3",
				OAuthOIDCIssuer: "https://id.example.org/realm", OAuthOIDCID: "u4", OAuthOIDCSecret: "s4", OAuthOIDCName: "My School",
			},
			[]auth.ProviderConfig{
				{Name: "42", Label: "42", ClientID: "u-1", ClientSecret: "s1"},
				{Name: "github", Label: "GitHub", ClientID: "u2", ClientSecret: "s2"},
				{Name: "google", Label: "Google", ClientID: "u3", ClientSecret: "s3"},
				{Name: "oidc", Label: "My School", Issuer: "https://id.example.org/realm", ClientID: "u4", ClientSecret: "s4"},
			},
		},
		"elsewhere": {
			oauthConfig{
				OAuth42ID: "u1", OAuth42Secret: "s1", OAuth42URL: "https://intra.example.org",
				OAuthGitHubID: "u2", OAuthGitHubSecret: "s2", OAuthGitHubURL: "https://github.example.org",
			},
			[]auth.ProviderConfig{
				{Name: "42", Label: "42", Issuer: "https://intra.example.org", ClientID: "u1", ClientSecret: "s1"},
				{Name: "github", Label: "GitHub", Issuer: "https://github.example.org", ClientID: "u2", ClientSecret: "s2"},
			},
		},
		"without a name": {
			oauthConfig{OAuthOIDCIssuer: "http://127.0.0.1:5556", OAuthOIDCID: "u", OAuthOIDCSecret: "s"},
			[]auth.ProviderConfig{{Name: "oidc", Label: "127.0.0.1", Issuer: "http://127.0.0.1:5556", ClientID: "u", ClientSecret: "s"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plain()
			c.oauthConfig = test.config
			s, err := c.settle()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.providers); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSettleSaysWhatIsWrongWithAProvider(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config oauthConfig
		want   string
	}{
		"ID alone":           {oauthConfig{OAuthGitHubID: "u"}, "RALLY_OAUTH_GITHUB_SECRET is missing"},
		"secret alone":       {oauthConfig{OAuth42Secret: "hunter2"}, "RALLY_OAUTH_42_ID is missing"},
		"address alone":      {oauthConfig{OAuth42URL: "https://x.org"}, "RALLY_OAUTH_42_ID is missing"},
		"no issuer":          {oauthConfig{OAuthOIDCID: "u", OAuthOIDCSecret: "hunter2"}, "RALLY_OAUTH_OIDC_ISSUER is missing"},
		"name alone":         {oauthConfig{OAuthOIDCName: "School"}, "RALLY_OAUTH_OIDC_ISSUER is missing"},
		"line break":         {oauthConfig{OAuthGoogleID: "u", OAuthGoogleSecret: "hunter2\n"}, "RALLY_OAUTH_GOOGLE_SECRET has a space or a line break"},
		"in the clear":       {oidc("http://id.example.org", ""), "RALLY_OAUTH_OIDC_ISSUER is not the address"},
		"no address":         {oidc("id.example.org", ""), "RALLY_OAUTH_OIDC_ISSUER is not the address"},
		"with a user":        {oidc("https://rally:hunter2@id.example.org", ""), "RALLY_OAUTH_OIDC_ISSUER is not the address"},
		"with a query":       {oidc("https://id.example.org?realm=x", ""), "RALLY_OAUTH_OIDC_ISSUER is not the address"},
		"unprintable name":   {oidc("https://id.example.org", "School\u202egnp"), "RALLY_OAUTH_OIDC_NAME is not a name"},
		"name without end":   {oidc("https://id.example.org", strings.Repeat("x", 41)), "RALLY_OAUTH_OIDC_NAME is not a name"},
		"GitHub without TLS": {oauthConfig{OAuthGitHubID: "u", OAuthGitHubSecret: "hunter2", OAuthGitHubURL: "ftp://x"}, "RALLY_OAUTH_GITHUB_URL is not the address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plain()
			c.oauthConfig = test.config
			_, err := c.settle()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the secret is in %v", err)
			}
		})
	}
}

func oidc(issuer, name string) oauthConfig {
	return oauthConfig{OAuthOIDCIssuer: issuer, OAuthOIDCID: "u", OAuthOIDCSecret: "hunter2", OAuthOIDCName: name}
}
