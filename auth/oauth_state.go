package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"rally"
)

// StateLife is how long somebody may stay at a provider.
const StateLife = 10 * time.Minute

// What is too long is not looked at, in bytes.
const (
	cookieMax = 3800 // browsers drop one that is 4 KiB with its name
	codeMax   = 4096
)

// stateContext is what the cookie is sealed for.
const stateContext = "oauth"

// begun is a way to a provider and back, as the cookie holds it.
type begun struct {
	Provider string          `json:"p"`
	Purpose  Purpose         `json:"u"`
	Session  rally.SessionID `json:"i,omitempty"`
	Next     string          `json:"x,omitempty"`
	State    string          `json:"s"`
	Nonce    string          `json:"n"`
	Verifier string          `json:"v"`
	At       time.Time       `json:"t"`
}

// begin draws what a new way needs.
func (o *OAuth) begin(provider string, r Request) begun {
	return begun{
		Provider: provider, Purpose: r.Purpose, Session: r.Session, Next: r.Next,
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), At: o.now().UTC().Truncate(time.Second),
	}
}

func (b begun) request() Request {
	return Request{Purpose: b.Purpose, Session: b.Session, Next: b.Next}
}

func (b begun) stateHash() []byte {
	sum := sha256.Sum256([]byte(b.State))
	return sum[:]
}

// seal writes the cookie.
func (o *OAuth) seal(b begun) (string, error) {
	plain, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("write the state of a sign-in: %w", err)
	}
	cookie := base64.RawURLEncoding.EncodeToString(o.sealer.Seal(plain, stateContext))
	if len(cookie) > cookieMax && b.Next != "" {
		b.Next = ""
		return o.seal(b)
	}
	return cookie, nil
}

// opened reads the cookie, and makes sure that the answer is to what this
// browser asked of this provider, within StateLife.
func (o *OAuth) opened(provider, cookie string, answer url.Values) (begun, error) {
	if cookie == "" || len(cookie) > cookieMax {
		return begun{}, foreign("no cookie")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return begun{}, foreign("the cookie is no base64")
	}
	plain, err := o.sealer.Open(sealed, stateContext)
	if err != nil {
		return begun{}, foreign("the cookie: %w", err)
	}
	var b begun
	if err := json.Unmarshal(plain, &b); err != nil {
		return begun{}, foreign("the cookie: %w", err)
	}
	age := o.now().Sub(b.At)
	switch {
	case b.Provider != provider:
		return begun{}, foreign("the way began to another provider")
	case len(answer["state"]) != 1 || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(b.State)) == 0:
		return begun{}, foreign("the state is another browser's")
	case age >= StateLife || age < -time.Minute: // clocks of two nodes may differ a little
		return begun{}, foreign("the state is of %s ago", age)
	}
	return b, nil
}

// checkAnswer looks at the other parameters of an answer whose state is good:
// that it comes from the very provider (RFC 9207), and is a code.
func checkAnswer(p provider, answer url.Values) error {
	if len(answer["iss"]) > 1 || !p.answered(answer.Get("iss")) {
		return foreign("the answer is in the name of %.100q", answer.Get("iss"))
	}
	switch problem := answer.Get("error"); {
	case problem == "access_denied":
		return &rally.Error{Code: rally.EUnauthorized, Message: "sign_in.reason_declined", Cause: ErrDeclined}
	case problem != "":
		return away(fmt.Errorf("the provider sends back an error: %.60q", problem))
	case len(answer["code"]) != 1 || answer.Get("code") == "" || len(answer.Get("code")) > codeMax:
		return foreign("no code")
	}
	return nil
}
