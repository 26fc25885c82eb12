package oidctest

import (
	"net/http"
	"slices"
	"strings"
)

// Fault is a way to misbehave.
type Fault string

// What id tokens can be like. All but the last two must be refused.
const (
	WrongNonce    Fault = "wrong nonce"
	NoNonce       Fault = "no nonce"
	WrongAudience Fault = "wrong audience"
	WrongParty    Fault = "for several audiences, asked for by another"
	WrongIssuer   Fault = "wrong issuer"
	Expired       Fault = "expired"
	NoExpiry      Fault = "no expiry"
	NoSubject     Fault = "no subject"
	WrongHash     Fault = "at_hash of another access token"
	AlgNone       Fault = "alg none"
	HS256         Fault = "HS256 with the public key"
	OtherKey      Fault = "another key of the same name"
	UnknownKey    Fault = "a key of an unknown name"
	NoIDToken     Fault = "no id token"
	StaleLogin    Fault = "signed in an hour ago"

	UnverifiedEmail Fault = "unverified e-mail"
	NoProfile       Fault = "who it is only in the user info"
)

// What else can be wrong.
const (
	Denied            Fault = "access denied"
	RefusesAuthorize  Fault = "server error in the browser"
	WrongState        Fault = "another state"
	WrongAnswerIssuer Fault = "an answer in another's name"
	NoAnswerIssuer    Fault = "an answer in nobody's name"
	ForeignDiscovery  Fault = "discovery of another issuer"
	WeakAlgorithms    Fault = "discovery lists none and HS256"
	WrongSubject      Fault = "user info of somebody else"
	NoEmailScope      Fault = "e-mail addresses are not shown"
)

// What an endpoint can answer instead of what it should.
const (
	ServerError  Fault = "500"
	Garbage      Fault = "garbage"
	Huge         Fault = "an answer without end"
	Hang         Fault = "no answer"
	RedirectAway Fault = "a redirect to another host"
)

// Misbehave adds a fault until Behave. The last five are those of endpoints: at
// says which, all without it.
func (p *Provider) Misbehave(f Fault, at ...Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[f] = at
}

// Behave takes all faults away.
func (p *Provider) Behave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.faults)
}

// does says whether the provider has a fault.
func (p *Provider) does(f Fault) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.faults[f]
	return ok
}

// doesAt says whether an endpoint has a fault.
func (p *Provider) doesAt(f Fault, e Endpoint) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.faults[f]
	return ok && (len(at) == 0 || slices.Contains(at, e))
}

// sabotage answers in an endpoint's place, if it has been told to.
func (p *Provider) sabotage(w http.ResponseWriter, r *http.Request, e Endpoint) bool {
	switch {
	case e == Away:
		return false
	case p.doesAt(Hang, e):
		select {
		case <-r.Context().Done():
		case <-p.closed:
		}
	case p.doesAt(ServerError, e):
		http.Error(w, "<b>out of order</b>", http.StatusInternalServerError)
	case p.doesAt(Garbage, e):
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("\x00\x1b[31m{\"]<html>"))
	case p.doesAt(Huge, e):
		w.Header().Set("Content-Type", "application/json")
		part := []byte(strings.Repeat(" ", 1<<16))
		for r.Context().Err() == nil {
			if _, err := w.Write(part); err != nil {
				break
			}
		}
	case p.doesAt(RedirectAway, e):
		// The same machine by another name: a client that follows it comes back
		// here, with all it was about to send.
		away := strings.Replace(p.url, "127.0.0.1", "localhost", 1) + "/away?was=" + string(e)
		http.Redirect(w, r, away, http.StatusTemporaryRedirect)
	default:
		return false
	}
	return true
}
