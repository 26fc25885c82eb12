package oidctest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeLife is how long a code can be exchanged.
const codeLife = time.Minute

// front is a door that browsers come to.
type front struct{ openID bool }

// grant is what a code stands for.
type grant struct {
	account   Account
	redirect  string
	challenge string
	nonce     string
	login     time.Time // when its owner signed in here
	at        time.Time
	openID    bool
	spent     bool
}

// loginPage is what people see who are not signed in here.
var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Test provider</title></head>
<body><h1>Test provider</h1>
<form method="post" action="{{.}}">
<p><label>Name <input name="name" required autofocus></label></p>
<p><button name="decision" value="allow">Sign in</button>
<button name="decision" value="deny" formnovalidate>Refuse</button></p>
</form></body></html>
`))

// authorize sends the browser back with a code, after a form if need be. A
// request that names another client or address is not sent anywhere.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, front front) {
	q := r.URL.Query()
	redirect, err := url.Parse(q.Get("redirect_uri"))
	switch {
	case q.Get("client_id") != p.config.ClientID:
		http.Error(w, "unknown client", http.StatusBadRequest)
		return
	case err != nil, !redirect.IsAbs(), redirect.Host == "", redirect.Fragment != "",
		len(p.config.Redirects) > 0 && !slices.Contains(p.config.Redirects, q.Get("redirect_uri")):
		http.Error(w, "redirect_uri is not registered", http.StatusBadRequest)
		return
	}
	answer := url.Values{}
	back := func() {
		if q.Has("state") {
			answer.Set("state", q.Get("state"))
		}
		if front.openID {
			answer.Set("iss", p.url)
		}
		if p.does(WrongState) {
			answer.Set("state", draw())
		}
		if p.does(WrongAnswerIssuer) {
			answer.Set("iss", "https://accounts.example.org")
		}
		if p.does(NoAnswerIssuer) {
			answer.Del("iss")
		}
		to := *redirect
		params := to.Query()
		for name, values := range answer {
			params[name] = values
		}
		to.RawQuery = params.Encode()
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
	}
	if problem := checkAuthorize(q, front); problem != "" {
		answer.Set("error", problem)
		back()
		return
	}
	account, login, ok := p.whoSignsIn(r)
	switch {
	case p.does(Denied):
		answer.Set("error", "access_denied")
	case p.does(RefusesAuthorize):
		answer.Set("error", "server_error")
		answer.Set("error_description", "<b>out of order</b>\r\nX-Injected: yes")
	case r.Method == http.MethodPost && r.PostFormValue("decision") == "deny":
		answer.Set("error", "access_denied")
	case !ok:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = loginPage.Execute(w, r.URL.RequestURI())
		return
	default:
		answer.Set("code", p.newCode(grant{
			account: account, login: login, redirect: q.Get("redirect_uri"),
			challenge: q.Get("code_challenge"), nonce: q.Get("nonce"), openID: front.openID,
		}))
	}
	back()
}

// checkAuthorize gives the error for a request that cannot be granted. PKCE is
// not a choice here.
func checkAuthorize(q url.Values, front front) string {
	switch {
	case q.Get("response_type") != "code":
		return "unsupported_response_type"
	case q.Get("code_challenge_method") != "S256", len(q.Get("code_challenge")) != 43:
		return "invalid_request"
	case front.openID && !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		return "invalid_scope"
	}
	return ""
}

// whoSignsIn gives the account that was chosen, or whose name was typed, and
// when its owner signed in here.
func (p *Provider) whoSignsIn(r *http.Request) (a Account, login time.Time, ok bool) {
	now := p.config.Now()
	if p.does(StaleLogin) {
		now = now.Add(-time.Hour)
	}
	p.mu.Lock()
	chosen := p.chosen
	p.mu.Unlock()
	if chosen != nil {
		return *chosen, now, true
	}
	if name := strings.TrimSpace(r.PostFormValue("name")); r.Method == http.MethodPost && name != "" {
		return p.account(name), now, true
	}
	return Account{}, time.Time{}, false
}

// newCode keeps a grant and gives its code.
func (p *Provider) newCode(g grant) string {
	code := draw()
	g.at = p.config.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants[code] = &g
	p.remember(code)
	return code
}

// token exchanges a code.
func (p *Provider) token(w http.ResponseWriter, r *http.Request, write func(http.ResponseWriter, int, map[string]any)) {
	w.Header().Set("Cache-Control", "no-store")
	id, secret, basic := r.BasicAuth()
	if basic { // RFC 6749, 2.3.1: both are form-encoded first
		id, secret = unescape(id), unescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	if id != p.config.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(p.config.ClientSecret)) == 0 {
		write(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	if r.PostFormValue("grant_type") != "authorization_code" {
		write(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
		return
	}
	g, access, ok := p.spend(r.PostFormValue("code"), r.PostFormValue("redirect_uri"), r.PostFormValue("code_verifier"))
	if !ok {
		write(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300}
	if g.openID && !p.does(NoIDToken) {
		idToken, err := p.idToken(g, access)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer["id_token"] = idToken
	}
	write(w, http.StatusOK, answer)
}

// spend uses a code up, whether or not it fits.
func (p *Provider) spend(code, redirect, verifier string) (g grant, access string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remember(verifier)
	kept := p.grants[code]
	if kept == nil || kept.spent {
		return grant{}, "", false
	}
	kept.spent = true
	sum := sha256.Sum256([]byte(verifier))
	if p.config.Now().Sub(kept.at) > codeLife || redirect != kept.redirect ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != kept.challenge {
		return grant{}, "", false
	}
	access = draw()
	p.access[access] = kept.account
	p.remember(access)
	return *kept, access, true
}

func unescape(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}

// writeTokens answers in JSON, as RFC 6749 says.
func writeTokens(w http.ResponseWriter, status int, answer map[string]any) {
	writeJSON(w, status, answer)
}

// writeTokensAsGitHub answers as a form and always with 200, also errors.
func writeTokensAsGitHub(w http.ResponseWriter, _ int, answer map[string]any) {
	form := url.Values{}
	for name, value := range answer {
		if text, ok := value.(string); ok {
			form.Set(name, strings.ReplaceAll(text, "invalid_grant", "bad_verification_code"))
		}
	}
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	_, _ = w.Write([]byte(form.Encode()))
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
