package auth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rally/auth"
)

func newSealer(t *testing.T) *auth.Sealer {
	t.Helper()
	s, err := auth.NewSealer(bytes.Repeat([]byte{7}, auth.SecretKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealer(t *testing.T) {
	t.Parallel()
	s := newSealer(t)
	for _, plain := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("secret"), 100)} {
		sealed := s.Seal(plain, "factor:7")
		if again := s.Seal(plain, "factor:7"); bytes.Equal(sealed, again) {
			t.Error("sealed twice, the bytes are the same: the nonce is not drawn anew")
		}
		if len(plain) > 5 && bytes.Contains(sealed, plain[:6]) {
			t.Error("the content can be read")
		}
		got, err := s.Open(sealed, "factor:7")
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%q came back as %q, %v", plain, got, err)
		}
	}
}

// Requirement 17: a secret at rest opens with its key, for its account, unchanged.
func TestSealerOpensNothingElse(t *testing.T) {
	t.Parallel()
	s := newSealer(t)
	sealed := s.Seal([]byte("a secret"), "factor:7")
	refused := func(what string, s *auth.Sealer, sealed []byte, about string) {
		t.Helper()
		if plain, err := s.Open(sealed, about); !errors.Is(err, auth.ErrSealBroken) || plain != nil {
			t.Errorf("%s: got %q, %v", what, plain, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		refused("a bit changed", s, changed, "factor:7")
		refused("cut off", s, sealed[:i], "factor:7")
	}
	refused("of another account", s, sealed, "factor:8")
	refused("about nothing", s, sealed, "")
	other, err := auth.NewSealer(bytes.Repeat([]byte{8}, auth.SecretKeySize))
	if err != nil {
		t.Fatal(err)
	}
	refused("with another key", other, sealed, "factor:7")
}

func TestNewSealerNeedsAWholeKey(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 16, 24, 31, 33} {
		if _, err := auth.NewSealer(make([]byte, size)); err == nil {
			t.Errorf("no error with a key of %d bytes", size)
		}
	}
}

func TestParseSecretKey(t *testing.T) {
	t.Parallel()
	key := make([]byte, auth.SecretKeySize)
	for i := range key {
		key[i] = byte(251 * i)
	}
	for name, text := range map[string]string{
		"hexadecimal":             hex.EncodeToString(key),
		"capitals":                strings.ToUpper(hex.EncodeToString(key)),
		"base64":                  base64.StdEncoding.EncodeToString(key),
		"base64 without padding":  base64.RawStdEncoding.EncodeToString(key),
		"base64 for addresses":    base64.URLEncoding.EncodeToString(key),
		"with a line's end":       base64.StdEncoding.EncodeToString(key) + "\r\n",
		"without padding for URL": base64.RawURLEncoding.EncodeToString(key),
	} {
		if got, err := auth.ParseSecretKey(text); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":      "",
		"a password":   "correct horse battery staple",
		"too short":    hex.EncodeToString(key[1:]),
		"too long":     hex.EncodeToString(append([]byte{1}, key...)),
		"two lines":    hex.EncodeToString(key) + "\n" + hex.EncodeToString(key),
		"cut in half":  base64.StdEncoding.EncodeToString(key)[:22],
		"a wrong sign": base64.StdEncoding.EncodeToString(key)[:40] + "!aa=",
	} {
		_, err := auth.ParseSecretKey(text)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if len(text) > 10 && strings.Contains(err.Error(), text[:10]) {
			t.Errorf("%s: the error repeats it: %v", name, err)
		}
	}
}

func TestLoadSecretKeyMakesAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	var (
		wait sync.WaitGroup
		keys [8][]byte
	)
	for i := range keys { // as many processes at once
		wait.Go(func() {
			var err error
			if keys[i], err = auth.LoadSecretKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, key := range keys {
		if len(key) != auth.SecretKeySize || !bytes.Equal(key, keys[0]) {
			t.Fatalf("keys %x and %x", keys[0], key)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
	other, err := auth.LoadSecretKey(filepath.Join(t.TempDir(), "secret.key"))
	if err != nil || bytes.Equal(other, keys[0]) {
		t.Errorf("another folder's key is %x, %v", other, err)
	}
}

func TestLoadSecretKeyRefusesADamagedFile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "rally", "AAAA"} {
		path := filepath.Join(t.TempDir(), "secret.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.LoadSecretKey(path); err == nil {
			t.Errorf("%q: no error", text)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("%q was overwritten", text)
		}
	}
	if _, err := auth.LoadSecretKey(filepath.Join(t.TempDir(), "no", "such", "folder")); err == nil {
		t.Error("no error without a folder")
	}
}
