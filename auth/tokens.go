package auth

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rally"
)

// TokenLife is how long a token opens anything after it was issued.
const TokenLife = 10 * time.Minute

// The values of the iss and aud claims. aud keeps tokens of another purpose,
// should there be any later, from opening pages.
const (
	tokenIssuer   = "rally"
	tokenAudience = "rally/browser"
)

// What Verify fails with.
var (
	// ErrTokenExpired: the token is ours in every respect, and its time is up.
	ErrTokenExpired = errors.New("token has expired")
	// ErrTokenForged: the token is not one we issued.
	ErrTokenForged = errors.New("token is not ours")
)

// Claims is what a token says: User was signed in as the owner of Session.
type Claims struct {
	User    rally.UserID
	Session rally.SessionID
	Expires time.Time
}

// TokenConfig is what NewTokens needs.
type TokenConfig struct {
	Keys Keys             // at least one
	Now  func() time.Time // nil: time.Now
}

// Tokens issues and reads Ed25519 JWTs. Safe for concurrent use.
type Tokens struct {
	ring   atomic.Pointer[ring]
	now    func() time.Time
	parser *jwt.Parser // of everything but the time
}

// ring is a set of keys and the tokens that were found good by it. The two go
// together: what other keys vouched for proves nothing.
type ring struct {
	keys  Keys
	known known
}

// NewTokens makes a Tokens; it fails without a key.
func NewTokens(c TokenConfig) (*Tokens, error) {
	if len(c.Keys) == 0 {
		return nil, errors.New("no key to sign tokens with")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	t := &Tokens{
		now: c.Now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
			jwt.WithIssuer(tokenIssuer),
			jwt.WithAudience(tokenAudience),
			jwt.WithExpirationRequired(),
			jwt.WithStrictDecoding(),
			// Whether a token has expired is Verify's to say: only then can an
			// expired one be told from one with something else wrong as well.
			jwt.WithTimeFunc(func() time.Time { return time.Time{} }),
		),
	}
	t.ring.Store(&ring{keys: slices.Clone(c.Keys)})
	return t, nil
}

// Reload reads the key file at path and goes on with its keys, if they are
// others. A running server calls it several times within KeyNotice, so that a
// rotation reaches every process before the new key signs. When the file cannot
// be read the keys stay as they are.
func (t *Tokens) Reload(path string) (changed bool, err error) {
	keys, err := ReadKeys(path)
	if err != nil {
		return false, err
	}
	same := func(a, b Key) bool {
		return a.ID == b.ID && a.SignsFrom.Equal(b.SignsFrom) && a.private.Equal(b.private)
	}
	if slices.EqualFunc(keys, t.ring.Load().keys, same) {
		return false, nil
	}
	t.ring.Store(&ring{keys: keys})
	return true, nil
}

// tokenClaims is the payload: sub, sid, iat, exp, iss, aud.
type tokenClaims struct {
	Session string `json:"sid"`
	jwt.RegisteredClaims
}

// Issue signs a token that goes with the session for TokenLife from now.
func (t *Tokens) Issue(user rally.UserID, session rally.SessionID) (string, error) {
	now := t.now()
	key := t.ring.Load().keys.Signer(now)
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, tokenClaims{
		Session: string(session),
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    tokenIssuer,
			Subject:   strconv.FormatInt(int64(user), 10),
			Audience:  jwt.ClaimStrings{tokenAudience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(TokenLife)),
		},
	})
	token.Header["kid"] = key.ID
	signed, err := token.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return signed, nil
}

// Verify reads a token. It fails with ErrTokenExpired, and then gives the
// claims nevertheless, if nothing but the time is wrong with it, and with
// ErrTokenForged for anything else: another algorithm (also none), an unknown
// key, a wrong signature, issuer or audience, a missing claim.
func (t *Tokens) Verify(token string) (Claims, error) {
	digest, ring := sha256.Sum256([]byte(token)), t.ring.Load()
	claims, ok := ring.known.get(digest)
	if !ok {
		var err error
		if claims, err = t.read(token, ring.keys); err != nil {
			return Claims{}, fmt.Errorf("%w: %w", ErrTokenForged, err)
		}
		ring.known.put(digest, claims)
	}
	if !t.now().Before(claims.Expires) {
		return claims, ErrTokenExpired
	}
	return claims, nil
}

// read parses a token and checks signature and claims, less the time.
func (t *Tokens) read(token string, keys Keys) (Claims, error) {
	var c tokenClaims
	if _, err := t.parser.ParseWithClaims(token, &c, keys.of); err != nil {
		return Claims{}, err
	}
	user, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil || user <= 0 {
		return Claims{}, fmt.Errorf("%w: sub", jwt.ErrTokenInvalidClaims)
	}
	if c.Session == "" {
		return Claims{}, fmt.Errorf("%w: sid", jwt.ErrTokenInvalidClaims)
	}
	return Claims{User: rally.UserID(user), Session: rally.SessionID(c.Session), Expires: c.ExpiresAt.Time}, nil
}

// of gives the public key a token names, if that key could have signed it.
func (k Keys) of(token *jwt.Token) (any, error) {
	kid, _ := token.Header["kid"].(string)
	for i, key := range k {
		if key.ID != kid {
			continue
		}
		// A key signs nothing once the next one has taken over.
		if superseded, ok := k.Superseded(i); ok {
			exp, err := token.Claims.GetExpirationTime()
			if err != nil || exp == nil || exp.After(superseded.Add(TokenLife)) {
				return nil, fmt.Errorf("key %s had been replaced", kid)
			}
		}
		return key.private.Public().(ed25519.PublicKey), nil
	}
	return nil, errors.New("unknown key")
}
