package oidctest

import (
	"net/http"
	"strings"
)

// bearer gives the account whose access token a request carries.
func (p *Provider) bearer(w http.ResponseWriter, r *http.Request) (Account, bool) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	a, ok := p.access[token]
	p.mu.Unlock()
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return Account{}, false
	}
	if p.does(UnverifiedEmail) {
		a.EmailVerified = false
	}
	return a, true
}

// userInfo answers as OpenID Connect Core, 5.3, says.
func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	a, ok := p.bearer(w, r)
	if !ok {
		return
	}
	claims := profile(a)
	claims["sub"] = a.Subject()
	if p.does(WrongSubject) {
		claims["sub"] = "somebody else"
	}
	writeJSON(w, http.StatusOK, claims)
}

// profile gives the claims about who somebody is.
func profile(a Account) map[string]any {
	claims := map[string]any{"name": a.Name, "preferred_username": a.Username}
	if a.Email != "" {
		claims["email"], claims["email_verified"] = a.Email, a.EmailVerified
	}
	return claims
}

// gitHubUser answers as https://api.github.com/user does.
func (p *Provider) gitHubUser(w http.ResponseWriter, r *http.Request) {
	a, ok := p.bearer(w, r)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"login": a.Username, "id": a.ID, "name": a.Name, "type": "User",
		"email": "public-" + a.Email, // what they show in public, checked or not
	})
}

// gitHubEmails answers as https://api.github.com/user/emails does.
func (p *Provider) gitHubEmails(w http.ResponseWriter, r *http.Request) {
	a, ok := p.bearer(w, r)
	if !ok {
		return
	}
	if p.does(NoEmailScope) {
		writeJSON(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
		return
	}
	mails := []map[string]any{{"email": "other-" + a.Email, "verified": true, "primary": false, "visibility": nil}}
	if a.Email != "" {
		mails = append(mails, map[string]any{"email": a.Email, "verified": a.EmailVerified, "primary": true, "visibility": "private"})
	}
	writeJSON(w, http.StatusOK, mails)
}

// fortyTwoMe answers as https://api.intra.42.fr/v2/me does.
func (p *Provider) fortyTwoMe(w http.ResponseWriter, r *http.Request) {
	a, ok := p.bearer(w, r)
	if !ok {
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": a.ID, "login": a.Username, "email": a.Email, "displayname": a.Name, "kind": "student",
	})
}
