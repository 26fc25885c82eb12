package auth_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
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
		"no key":     "[]",
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

func TestLoadKeysAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	var (
		wait sync.WaitGroup
		ids  [8]string
	)
	for i := range ids { // as many processes
		wait.Go(func() {
			keys, err := auth.LoadKeys(path, start)
			if err != nil || len(keys) != 1 {
				t.Errorf("%d keys, %v", len(keys), err)
				return
			}
			ids[i] = keys[0].ID
		})
	}
	wait.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("they have different keys: %v", ids)
		}
	}
}

func TestReadKeysChangesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if _, err := auth.ReadKeys(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it made a file")
	}
	// A file from before keys were announced.
	old := `[{"kid":"a1","created_at":"2026-01-02T03:04:05Z","seed":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}]`
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.ReadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	if !keys[0].SignsFrom.Equal(keys[0].CreatedAt) || keys.Signer(start).ID != "a1" {
		t.Errorf("the key is %+v", keys[0])
	}
	if text, _ := os.ReadFile(path); string(text) != old {
		t.Error("the file was changed")
	}
}

// Requirement 8: two keys live at once, and the old one dies after the last
// token it signed.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	for name, rotate := range map[string]func(path string, now time.Time) (auth.Keys, error){
		"by hand":   auth.RotateKeys,
		"at a load": auth.LoadKeys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			old, err := auth.LoadKeys(path, start)
			if err != nil {
				t.Fatal(err)
			}
			now := start.Add(auth.RotateKeysAfter)
			keys, err := rotate(path, now)
			if err != nil {
				t.Fatal(err)
			}
			if len(keys) != 2 || keys[0].ID != old[0].ID || keys[1].ID == old[0].ID {
				t.Fatalf("after rotation the keys are %+v", keys)
			}
			tokens := newTokens(t, keys, func() time.Time { return now })

			// For a minute all processes can hear of the new key.
			now = now.Add(auth.KeyNotice - time.Second)
			last := issue(t, tokens)
			if kid(t, last) != old[0].ID {
				t.Error("the new key signs before its time")
			}
			now = now.Add(time.Second)
			replaced := now
			fresh := issue(t, tokens)
			if kid(t, fresh) != keys[1].ID {
				t.Error("the new key does not sign")
			}
			for name, token := range map[string]string{"last": last, "fresh": fresh} {
				if _, err := tokens.Verify(token); err != nil {
					t.Errorf("the %s token: %v", name, err)
				}
			}

			// The old key is dead ten minutes later: its last token has expired,
			// which still shows that it was ours, and nothing newer is believed.
			claims := good()
			claims["exp"] = replaced.Add(auth.TokenLife + time.Second).Unix()
			stolen := sign(t, jwt.SigningMethodEdDSA, privateKeys(t, path)[old[0].ID], old[0].ID, claims)
			for _, at := range []time.Duration{0, auth.TokenLife, 24 * time.Hour} {
				now = replaced.Add(at)
				if _, err := tokens.Verify(stolen); !errors.Is(err, auth.ErrTokenForged) {
					t.Errorf("a new token by the old key, after %s: %v", at, err)
				}
			}
			if _, err := tokens.Verify(last); !errors.Is(err, auth.ErrTokenExpired) {
				t.Errorf("the last token of the dead key: %v", err)
			}

			// Once no session can hold a token of it, the key is dropped.
			keys, err = auth.RotateKeys(path, replaced.Add(rally.SessionAbsolute-time.Second))
			if err != nil || len(keys) != 3 {
				t.Fatalf("a second before that: %+v, %v", keys, err)
			}
			keys, err = auth.RotateKeys(path, replaced.Add(rally.SessionAbsolute))
			if err != nil || len(keys) != 3 || keys[0].ID == old[0].ID {
				t.Fatalf("after that: %+v, %v", keys, err)
			}
			if len(privateKeys(t, path)) != len(keys) {
				t.Error("the file and the keys differ")
			}
		})
	}
}

func TestRotateKeysMakesAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	keys, err := auth.RotateKeys(path, start)
	if err != nil || len(keys) != 1 || !keys[0].SignsFrom.Equal(start) {
		t.Fatalf("%+v, %v", keys, err)
	}
	if _, err := auth.RotateKeys(path, start); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
}

// Requirement 8: a server that runs learns of a rotation from the file.
func TestTokensReload(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	keys, err := auth.LoadKeys(path, start)
	if err != nil {
		t.Fatal(err)
	}
	now := start
	tokens := newTokens(t, keys, func() time.Time { return now })
	if changed, err := tokens.Reload(path); changed || err != nil {
		t.Errorf("an unchanged file: %v, %v", changed, err)
	}
	// A thief has made a token for years to come, and has used it.
	claims := good()
	claims["exp"] = start.AddDate(3, 0, 0).Unix()
	stolen := sign(t, jwt.SigningMethodEdDSA, privateKeys(t, path)[keys[0].ID], keys[0].ID, claims)
	if _, err := tokens.Verify(stolen); err != nil {
		t.Fatal(err)
	}

	rotated, err := auth.RotateKeys(path, start)
	if err != nil {
		t.Fatal(err)
	}
	other := newTokens(t, rotated, func() time.Time { return now }) // of a process started since
	now = start.Add(auth.KeyNotice - time.Second)
	if _, err := tokens.Verify(issue(t, other)); err != nil {
		t.Errorf("before it has read the file, a token of another process: %v", err)
	}
	if changed, err := tokens.Reload(path); !changed || err != nil {
		t.Fatalf("%v, %v", changed, err)
	}
	now = start.Add(auth.KeyNotice)
	token := issue(t, tokens)
	if kid(t, token) != rotated[1].ID {
		t.Error("the new key does not sign")
	}
	if _, err := other.Verify(token); err != nil {
		t.Error(err)
	}
	if _, err := tokens.Verify(stolen); !errors.Is(err, auth.ErrTokenForged) {
		t.Errorf("the thief's token: %v", err)
	}

	for name, text := range map[string]string{"damaged": "[", "empty": "[]"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, err := tokens.Reload(path); changed || err == nil {
			t.Errorf("a file that is %s: %v, %v", name, changed, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if changed, err := tokens.Reload(path); changed || err == nil {
		t.Errorf("no file: %v, %v", changed, err)
	}
	if _, err := tokens.Verify(token); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestSignerAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	first, second := auth.NewKey(start), auth.NewKey(start.Add(time.Hour))
	keys := auth.Keys{first, second}
	for offset, want := range map[time.Duration]string{
		-time.Hour: first.ID, 0: first.ID, time.Hour - 1: first.ID, time.Hour: second.ID, 24 * time.Hour: second.ID,
	} {
		if got := keys.Signer(start.Add(offset)).ID; got != want {
			t.Errorf("after %s: %s signs, not %s", offset, got, want)
		}
	}
}

func issue(t *testing.T, tokens *auth.Tokens) string {
	t.Helper()
	token, err := tokens.Issue(7, "s7")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// kid gives the id of the key that signed a token.
func kid(t *testing.T, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := parsed.Header["kid"].(string)
	return id
}
