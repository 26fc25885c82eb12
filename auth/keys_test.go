package auth_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rally"
	"rally/auth"
)

func TestLoadKeysMakesAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	first, err := auth.LoadKeys(path, start)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	again, err := auth.LoadKeys(path, start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 1 || len(again) != 1 || first[0].ID != again[0].ID {
		t.Fatalf("keys %v, then %v", first, again)
	}
	// A token outlives the process that signed it.
	token, err := newTokens(t, first, func() time.Time { return start }).Issue(7, "s7")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newTokens(t, again, func() time.Time { return start }).Verify(token); err != nil {
		t.Fatal(err)
	}
}

func TestLoadKeysRefusesADamagedFile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"not JSON":   "rally",
		"short seed": `[{"kid":"a","created_at":"2026-11-20T12:00:00Z","seed":"AAAA"}]`,
		"no kid":     `[{"created_at":"2026-11-20T12:00:00Z","seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}]`,
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.LoadKeys(path, start); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("%s: the file was overwritten", name)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	old, err := auth.LoadKeys(path, start)
	if err != nil {
		t.Fatal(err)
	}
	rotated := start.Add(auth.RotateKeysAfter)
	last, err := newTokens(t, old, func() time.Time { return rotated }).Issue(7, "s7")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.LoadKeys(path, rotated)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 2 || keys[0].ID != old[0].ID {
		t.Fatalf("after rotation there are %d keys", len(keys))
	}

	now := rotated
	tokens := newTokens(t, keys, func() time.Time { return now })
	if _, err := tokens.Verify(last); err != nil {
		t.Errorf("the last token of the old key: %v", err)
	}
	fresh, err := tokens.Issue(7, "s7")
	if err != nil {
		t.Fatal(err)
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(fresh, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	if parsed.Header["kid"] != keys[1].ID {
		t.Error("the newest key does not sign")
	}

	// The old key is dead ten minutes later: its last token has expired, which
	// still shows that it was ours, and nothing newer is believed.
	now = rotated.Add(auth.TokenLife)
	if _, err := tokens.Verify(last); !errors.Is(err, auth.ErrTokenExpired) {
		t.Errorf("the last token of the dead key: %v", err)
	}
	claims := good()
	claims["exp"] = now.Add(auth.TokenLife).Unix()
	stolen := sign(t, jwt.SigningMethodEdDSA, privateKeys(t, path)[old[0].ID], old[0].ID, claims)
	if _, err := tokens.Verify(stolen); !errors.Is(err, auth.ErrTokenForged) {
		t.Errorf("a new token by the dead key: %v", err)
	}

	// Once no session can hold a token of it, the key is dropped.
	keys, err = auth.LoadKeys(path, rotated.Add(rally.SessionAbsolute))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.ID == old[0].ID {
			t.Error("the old key is still there")
		}
	}
	if len(privateKeys(t, path)) != len(keys) {
		t.Error("the file and the keys differ")
	}
}
