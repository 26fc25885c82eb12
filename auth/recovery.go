package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// RecoveryCodes is how many recovery codes an account gets at a time.
const RecoveryCodes = 10

// recoverySize is what a recovery code is drawn from, in bytes: 80 bits, which
// nobody guesses, also not from its hash.
const recoverySize = 10

// recoveryText writes recovery codes in Crockford's base 32. It has neither I,
// L, O nor U, so whoever copies a code from paper cannot take one sign for
// another that means something else.
var recoveryText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewRecoveryCodes draws RecoveryCodes codes, written as xxxx-xxxx-xxxx-xxxx, to
// be shown once, and gives what to keep of each.
func NewRecoveryCodes() (codes []string, hashes [][]byte) {
	for range RecoveryCodes {
		var drawn [recoverySize]byte
		_, _ = rand.Read(drawn[:]) // never fails: see crypto/rand.Read
		text := recoveryText.EncodeToString(drawn[:])
		codes = append(codes, strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-"))
		hashes = append(hashes, hashRecovery(text))
	}
	return codes, hashes
}

// HashRecovery gives what is kept of a recovery code, as somebody typed it: in
// any letter case, with or without dashes and spaces, with O for 0 and I or L
// for 1. False says that it is no recovery code at all.
func HashRecovery(code string) (hash []byte, ok bool) {
	text := strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(normalizeCode(code)))
	if _, err := recoveryText.DecodeString(text); err != nil || len(text) != recoveryText.EncodedLen(recoverySize) {
		return nil, false
	}
	return hashRecovery(text), true
}

func hashRecovery(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}
