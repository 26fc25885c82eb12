package main

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rally/auth"
)

// sealed seals a text as the server with this configuration does.
func sealed(t *testing.T, c config) []byte {
	t.Helper()
	return sealer(t, c).Seal([]byte("secret"), "a test")
}

func sealer(t *testing.T, c config) *auth.Sealer {
	t.Helper()
	s, err := c.settle()
	if err != nil {
		t.Fatal(err)
	}
	made, err := loadSealer(s)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestSecretKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	c := plain()
	c.Data = t.TempDir()
	text := sealed(t, c)
	if plain, err := sealer(t, c).Open(text, "a test"); err != nil || string(plain) != "secret" {
		t.Errorf("after a restart it opens to %q, %v", plain, err)
	}
	info, err := os.Stat(filepath.Join(c.Data, "secret.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its file: %v, %v", info, err)
	}
}

func TestSecretKeyIsTheOneThatWasSet(t *testing.T) {
	t.Parallel()
	c := plain()
	c.Data, c.SecretKey = t.TempDir(), base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	text := sealed(t, c)
	elsewhere := plain()
	elsewhere.Data, elsewhere.SecretKey = t.TempDir(), c.SecretKey
	if _, err := sealer(t, elsewhere).Open(text, "a test"); err != nil {
		t.Errorf("another node cannot open it: %v", err)
	}
	if left, err := os.ReadDir(c.Data); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestSecretKeyMustBeOne(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"hunter2", base64.StdEncoding.EncodeToString([]byte("hunter2")), strings.Repeat("hunter2-", 8)} {
		c := plain()
		c.SecretKey = key
		_, err := c.settle()
		if err == nil || !strings.Contains(err.Error(), "RALLY_SECRET_KEY is not a key: write 32 random bytes") {
			t.Errorf("error %v", err)
		}
		if err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("the key is in %v", err)
		}
	}
}

func TestTokenKeysMayBeElsewhere(t *testing.T) {
	t.Parallel()
	c := plain()
	c.Data, c.TokenKeys = t.TempDir(), filepath.Join(t.TempDir(), "tokens.json")
	s, err := c.settle()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := loadTokens(s)
	if err != nil {
		t.Fatal(err)
	}
	token, err := tokens.Issue(7, "s")
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadTokens(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Verify(token); err != nil {
		t.Errorf("after a restart a token is not known: %v", err)
	}
	if left, err := os.ReadDir(c.Data); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	s.TokenKeys = filepath.Join(t.TempDir(), "nowhere", "tokens.json")
	if _, err := loadTokens(s); err == nil || !strings.Contains(err.Error(), "RALLY_TOKEN_KEYS") {
		t.Errorf("without a folder: %v", err)
	}
}

func TestFollowKeysNoticesARotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	synctest.Test(t, func(t *testing.T) {
		keys, err := auth.LoadKeys(path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := auth.NewTokens(auth.TokenConfig{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		logs := &logBuffer{}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			followKeys(ctx, tokens, path, newLog(logs, slog.LevelInfo, false))
		}()
		<-time.After(time.Hour)
		if said := logs.String(); said != "" {
			t.Errorf("without a rotation it says %q", said)
		}
		rotated, err := auth.RotateKeys(path, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(auth.KeyNotice) // from now on the new key signs
		token, err := tokens.Issue(7, "s")
		if err != nil {
			t.Fatal(err)
		}
		another, err := auth.NewTokens(auth.TokenConfig{Keys: rotated[len(rotated)-1:]})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := another.Verify(token); err != nil {
			t.Errorf("the new key does not sign: %v", err)
		}
		rubbish := filepath.Join(filepath.Dir(path), "rubbish")
		if err := errors.Join(os.WriteFile(rubbish, []byte("rubbish"), 0o600), os.Rename(rubbish, path)); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if n := strings.Count(logs.String(), "the old ones stay"); n != 1 {
			t.Errorf("of a broken file it speaks %d times: %s", n, logs)
		}
		if _, err := tokens.Issue(7, "s"); err != nil {
			t.Errorf("a broken file takes the keys away: %v", err)
		}
		cancel()
		<-done
	})
}

func TestTokenKeysAreRotatedAtTheStart(t *testing.T) {
	t.Parallel()
	c := plain()
	c.TokenKeys = filepath.Join(t.TempDir(), "tokens.json")
	made := time.Now().Add(-2 * auth.RotateKeysAfter)
	if _, err := auth.LoadKeys(c.TokenKeys, made); err != nil {
		t.Fatal(err)
	}
	s, err := c.settle()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadTokens(s); err != nil {
		t.Fatal(err)
	}
	if keys, err := auth.ReadKeys(c.TokenKeys); err != nil || len(keys) != 2 {
		t.Errorf("old keys are not rotated: %d, %v", len(keys), err)
	}
}
