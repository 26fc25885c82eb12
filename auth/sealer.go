package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// SecretKeySize is the length in bytes of the key that secrets are sealed with.
const SecretKeySize = 32

// sealVersion stands at the head of what was sealed, so that another way of
// sealing can follow this one.
const sealVersion = 1

// ErrSealBroken is what Open fails with.
var ErrSealBroken = errors.New("not sealed with this key, or not about this")

// Sealer encrypts what must be read again but not by whoever reads the
// database or holds the cookie: AES-256-GCM. Safe for concurrent use.
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes a Sealer; key has SecretKeySize bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != SecretKeySize {
		return nil, fmt.Errorf("the key to seal with has %d bytes, not %d", len(key), SecretKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make a sealer: %w", err)
	}
	// It draws a nonce of 96 bits for each sealing: good for 2^32 of them.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make a sealer: %w", err)
	}
	return &Sealer{aead: aead}, nil
}

// Seal encrypts plain. What it is about ("factor:7", say) is not kept in it,
// but has to be said again to open it: what was sealed for one account or one
// purpose opens for no other. The same content gives other bytes each time.
func (s *Sealer) Seal(plain []byte, about string) []byte {
	return s.aead.Seal([]byte{sealVersion}, nil, plain, sealContext(about)) //nolint:gosec // the nonce is drawn: see NewSealer
}

// Open gives what was sealed. It fails with ErrSealBroken when a single bit of
// it, of the key or of what it is about is another.
func (s *Sealer) Open(sealed []byte, about string) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, ErrSealBroken
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], sealContext(about))
	if err != nil {
		return nil, ErrSealBroken
	}
	return plain, nil
}

// sealContext is what is authenticated beside the content.
func sealContext(about string) []byte { return append([]byte{sealVersion}, about...) }

// LoadSecretKey reads the key to seal with from the file at path (see
// ParseSecretKey), making it with mode 0600 if it does not exist. Processes
// that do so at the same moment get the same key.
func LoadSecretKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var key [SecretKeySize]byte
		_, _ = rand.Read(key[:]) // never fails: see crypto/rand.Read
		err = makeFile(path, []byte(base64.StdEncoding.EncodeToString(key[:])+"\n"))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make the key to seal with: %w", err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key to seal with: %w", err)
	}
	key, err := ParseSecretKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// ParseSecretKey reads a key of SecretKeySize bytes in hexadecimal or base64,
// with or without padding and in either alphabet. The error does not repeat it.
func ParseSecretKey(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if key, err := hex.DecodeString(text); err == nil && len(key) == SecretKeySize {
		return key, nil
	}
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	if key, err := base64.RawStdEncoding.DecodeString(plain); err == nil && len(key) == SecretKeySize {
		return key, nil
	}
	return nil, fmt.Errorf("not a key: write %d random bytes in hexadecimal or base64, as `openssl rand -base64 %[1]d` does", SecretKeySize)
}
