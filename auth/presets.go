package auth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/oauth2"

	"rally"
)

// The names of the providers that Rally knows itself.
const (
	provider42     = "42"
	providerGitHub = "github"
	providerGoogle = "google"
)

// gitHub is where GitHub is; a company's own has its API elsewhere.
const gitHub = "https://github.com"

// The ways to have somebody's account asked for again. Google knows no "login".
const (
	promptLogin  = "login"
	promptSelect = "select_account"
)

// textMax is how much is kept of a text that a provider says of somebody, in
// characters.
const textMax = 100

// completed gives what is known anyway of a provider.
func (p ProviderConfig) completed() ProviderConfig {
	switch p.Name {
	case provider42:
		p.Label, p.Issuer = cmp.Or(p.Label, "42"), cmp.Or(strings.TrimRight(p.Issuer, "/"), "https://api.intra.42.fr")
	case providerGitHub:
		p.Label, p.Issuer = cmp.Or(p.Label, "GitHub"), cmp.Or(strings.TrimRight(p.Issuer, "/"), gitHub)
	case providerGoogle:
		p.Label, p.Issuer = cmp.Or(p.Label, "Google"), cmp.Or(p.Issuer, "https://accounts.google.com")
	default:
		if u, err := url.Parse(p.Issuer); err == nil {
			p.Label = cmp.Or(p.Label, u.Hostname())
		}
	}
	return p
}

// speakerOf gives who speaks a provider's language; callback is where it sends
// people back to.
func (o *OAuth) speakerOf(p ProviderConfig, callback string) speaker {
	own := plain{
		issuer: p.Issuer,
		client: o.client,
		oauth:  oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: callback},
	}
	switch p.Name {
	case provider42:
		own.oauth.Scopes = []string{"public"}
		own.oauth.Endpoint = oauth2.Endpoint{AuthURL: p.Issuer + "/oauth/authorize", TokenURL: p.Issuer + "/oauth/token", AuthStyle: oauth2.AuthStyleInParams}
		own.ask = askFortyTwo
		return &own
	case providerGitHub:
		own.oauth.Scopes = []string{"read:user", "user:email"}
		own.oauth.Endpoint = oauth2.Endpoint{AuthURL: p.Issuer + "/login/oauth/authorize", TokenURL: p.Issuer + "/login/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams}
		own.prompt = promptSelect
		own.ask = askGitHub
		return &own
	}
	prompt := promptLogin
	if p.Name == providerGoogle {
		prompt = promptSelect
	}
	return &openID{config: p, callback: callback, prompt: prompt, client: o.client, now: o.now}
}

// plain speaks OAuth 2.0, and asks an API of the provider's own who it is.
type plain struct {
	issuer string // names the provider in identities
	oauth  oauth2.Config
	client *http.Client
	prompt string // as openID's; "" for none
	ask    func(ctx context.Context, p *plain, token *oauth2.Token) (person, error)
}

// endpoint implements speaker.
func (p *plain) endpoint(context.Context) (*oauth2.Config, error) { return &p.oauth, nil }

// options implements speaker.
func (p *plain) options(b begun) []oauth2.AuthCodeOption {
	if b.Purpose == PurposeProve && p.prompt != "" {
		return []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", p.prompt)}
	}
	return nil
}

// answered implements speaker. They need not say who they are, and none has a
// discovery document that says how they would: it is enough that it is not
// another host.
func (p *plain) answered(iss string) bool {
	if iss == "" {
		return true
	}
	own, err := url.Parse(p.issuer)
	named, namedErr := url.Parse(iss)
	return err == nil && namedErr == nil && named.Scheme == own.Scheme && named.Host == own.Host
}

// who implements speaker.
func (p *plain) who(ctx context.Context, token *oauth2.Token, _ begun) (person, error) {
	who, err := p.ask(ctx, p, token)
	who.issuer = p.issuer
	return who, err
}

// askGitHub asks GitHub who somebody is, and for the address of theirs that
// GitHub has checked; the one in their profile is anybody's.
func askGitHub(ctx context.Context, p *plain, token *oauth2.Token) (person, error) {
	api := p.issuer + "/api/v3"
	if p.issuer == gitHub {
		api = "https://api.github.com"
	}
	var user struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
	}
	if err := getJSON(ctx, p.client, api+"/user", token, &user); err != nil {
		return person{}, err
	}
	if user.ID <= 0 {
		return person{}, errors.New("GitHub names nobody")
	}
	who := person{subject: strconv.FormatInt(user.ID, 10), name: firstText(user.Login), label: firstText(user.Login)}
	var mails []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	err := getJSON(ctx, p.client, api+"/user/emails", token, &mails)
	if status, ok := errors.AsType[statusError](err); ok && (status == http.StatusForbidden || status == http.StatusNotFound) {
		return who, nil // the operator's app may not see addresses
	}
	if err != nil {
		return person{}, err
	}
	for _, m := range mails {
		if m.Primary && m.Verified {
			who.email = vouchedEmail(m.Email)
		}
	}
	return who, nil
}

// askFortyTwo asks 42 who somebody is. It does not say whether an address has
// been checked, so there is none.
func askFortyTwo(ctx context.Context, p *plain, token *oauth2.Token) (person, error) {
	var me struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
	}
	if err := getJSON(ctx, p.client, p.issuer+"/v2/me", token, &me); err != nil {
		return person{}, err
	}
	if me.ID <= 0 {
		return person{}, errors.New("42 names nobody")
	}
	return person{subject: strconv.FormatInt(me.ID, 10), name: firstText(me.Login), label: firstText(me.Login)}, nil
}

// vouchedEmail gives an address as Rally writes it; "" for what is none.
func vouchedEmail(s string) string {
	email, problem := rally.NormalizeEmail(s)
	if problem != "" {
		return ""
	}
	return email
}

// firstText gives the first text that has something to read, without what
// cannot be seen, and not more of it than textMax.
func firstText(texts ...string) string {
	for _, text := range texts {
		text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case r == unicode.ReplacementChar || !unicode.IsPrint(r):
				return -1
			}
			return r
		}, text)), " ")
		if runes := []rune(text); len(runes) > textMax {
			text = string(runes[:textMax])
		}
		if text != "" {
			return text
		}
	}
	return ""
}
