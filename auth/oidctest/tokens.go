package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"time"
)

// tokenLife is how long an id token is good.
const tokenLife = 5 * time.Minute

// signer is a key of the provider's.
type signer struct {
	id  string
	alg string
	key crypto.Signer
}

// algorithm is that of id tokens.
func (p *Provider) algorithm() string {
	if p.config.Algorithm == "" {
		return "RS256"
	}
	return p.config.Algorithm
}

// RotateKey makes a new key, which signs from now on; older ones stay published.
func (p *Provider) RotateKey() error {
	key, err := newSigner(p.algorithm())
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, key)
	return nil
}

// newSigner makes a key for an algorithm.
func newSigner(alg string) (s signer, err error) {
	s = signer{id: draw(), alg: alg}
	switch alg {
	case "RS256", "PS256":
		s.key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA":
		_, s.key, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("oidctest signs no tokens by %s", alg)
	}
	return s, err
}

// sign gives the signature of a token's first two parts.
func (s signer) sign(input string) ([]byte, error) {
	digest := sha256.Sum256([]byte(input))
	switch key := s.key.(type) {
	case *rsa.PrivateKey:
		if s.alg == "PS256" {
			return key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
		}
		return key.Sign(rand.Reader, digest[:], crypto.SHA256)
	case *ecdsa.PrivateKey: // RFC 7518, 3.4: r and s, of 32 bytes each
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			return nil, err
		}
		return append(fixed(r), fixed(s)...), nil
	default: // Ed25519 signs the text itself
		return s.key.Sign(rand.Reader, []byte(input), crypto.Hash(0))
	}
}

func fixed(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

// public gives the key as RFC 7517 writes it.
func (s signer) public() (map[string]string, error) {
	jwk := map[string]string{"kid": s.id, "alg": s.alg, "use": "sig"}
	switch key := s.key.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // 4, x, y
		if err != nil {
			return nil, err
		}
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", encode(key)
	}
	return jwk, nil
}

// publicKeys shows every key.
func (p *Provider) publicKeys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := []map[string]string{}
	for _, s := range p.keys {
		jwk, err := s.public()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		keys = append(keys, jwk)
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": keys})
}

// idToken signs who came by a grant, with whatever faults the provider has.
func (p *Provider) idToken(g grant, access string) (string, error) {
	now := p.config.Now()
	half := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"iss": p.url, "aud": p.config.ClientID, "sub": g.account.Subject(),
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "auth_time": g.login.Unix(),
		"nonce": g.nonce, "at_hash": encode(half[:16]),
	}
	if g.nonce == "" || p.does(NoNonce) {
		delete(claims, "nonce")
	}
	if p.algorithm() == "EdDSA" {
		delete(claims, "at_hash") // would take SHA-512
	}
	if !p.does(NoProfile) {
		if p.does(UnverifiedEmail) {
			g.account.EmailVerified = false
		}
		for name, value := range profile(g.account) {
			claims[name] = value
		}
	}
	for fault, change := range map[Fault]func(){
		WrongNonce:    func() { claims["nonce"] = draw() },
		WrongAudience: func() { claims["aud"] = "another client" },
		WrongParty: func() {
			claims["aud"], claims["azp"] = []string{p.config.ClientID, "another client"}, "another client"
		},
		WrongIssuer: func() { claims["iss"] = "https://accounts.example.org" },
		Expired:     func() { claims["exp"] = now.Add(-time.Second).Unix() },
		NoExpiry:    func() { delete(claims, "exp") },
		NoSubject:   func() { delete(claims, "sub") },
		WrongHash:   func() { claims["at_hash"] = encode(half[16:]) },
	} {
		if p.does(fault) {
			change()
		}
	}
	token, err := p.signed(claims)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remember(token)
	return token, err
}

// signed makes a token of claims with the newest key, or with none.
func (p *Provider) signed(claims map[string]any) (string, error) {
	p.mu.Lock()
	key := p.keys[len(p.keys)-1]
	p.mu.Unlock()
	sign := key.sign
	header := map[string]string{"alg": key.alg, "kid": key.id, "typ": "JWT"}
	switch {
	case p.does(AlgNone):
		header["alg"] = "none"
		sign = func(string) ([]byte, error) { return nil, nil }
	case p.does(HS256):
		header["alg"] = "HS256"
		sign = key.confuse
	case p.does(OtherKey), p.does(UnknownKey):
		other, err := newSigner(key.alg)
		if err != nil {
			return "", err
		}
		sign = other.sign
		if p.does(UnknownKey) {
			header["kid"] = other.id
		}
	}
	head, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := encode(head) + "." + encode(payload)
	signature, err := sign(input)
	return input + "." + encode(signature), err
}

// confuse signs with what everybody knows of the key, as if it were a secret.
func (s signer) confuse(input string) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(input))
	return mac.Sum(nil), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
