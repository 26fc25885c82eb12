package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"rally"
)

// SessionCookie is the session cookie's name. The prefix makes browsers insist
// that it is Secure, for this host alone and for all of its paths.
const SessionCookie = "__Host-rally_session"

// The cookie's value is "id.secret", each half random bytes as base64url.
const (
	sessionIDBytes = 16
	secretBytes    = 32
)

// secretHash is what is kept of a cookie's secret half.
type secretHash [sha256.Size]byte

// cookieOptions gives the cookie's attributes; below 0 takes it away.
func cookieOptions(age time.Duration) *sessions.Options {
	return &sessions.Options{
		Path: "/", MaxAge: int(age / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// newSecret draws a session's id and secret, as the cookie has them, and gives
// the hash to be kept.
func newSecret() (id rally.SessionID, secret string, hash secretHash) {
	var b [sessionIDBytes + secretBytes]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand.Read
	enc := base64.RawURLEncoding
	return rally.SessionID(enc.EncodeToString(b[:sessionIDBytes])),
		enc.EncodeToString(b[sessionIDBytes:]), sha256.Sum256(b[sessionIDBytes:])
}

// parseCookie takes a cookie's value apart; ok is false for any that newSecret
// cannot have made.
func parseCookie(value string) (id rally.SessionID, hash secretHash, ok bool) {
	enc := base64.RawURLEncoding.Strict()
	first, second, ok := strings.Cut(value, ".")
	if !ok || len(first) != enc.EncodedLen(sessionIDBytes) || len(second) != enc.EncodedLen(secretBytes) {
		return "", hash, false
	}
	if b, err := enc.DecodeString(first); err != nil || len(b) != sessionIDBytes {
		return "", hash, false
	}
	secret, err := enc.DecodeString(second)
	if err != nil || len(secret) != secretBytes {
		return "", hash, false
	}
	return rally.SessionID(first), sha256.Sum256(secret), true
}

// clip makes s, which comes from outside, text of at most limit characters that
// can be kept.
func clip(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	for i := range s {
		if limit == 0 {
			return s[:i]
		}
		limit--
	}
	return s
}

// remoteHost gives the sender's address without the port.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
