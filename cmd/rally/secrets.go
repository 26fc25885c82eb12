package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"rally/auth"
)

// secretConfig is what can be set about the site's own secrets.
type secretConfig struct {
	SecretKey string `env:"RALLY_SECRET_KEY" group:"Storage" help:"32 random bytes in base64, which seal what is secret in the database (default: a file in the data folder, made at the first start)." placeholder:"SECRET"`
	TokenKeys string `env:"RALLY_TOKEN_KEYS" group:"Storage" help:"The file with the keys that sign tokens (default: keys.json in the data folder); see \"rally keys\"." placeholder:"FILE"`
}

// followKeysEvery is how often the file of the token keys is read again:
// several times within auth.KeyNotice.
const followKeysEvery = 15 * time.Second

// secretKeyFile is where the key that seals secrets is, unless it was set.
func (s settings) secretKeyFile() string { return filepath.Join(s.Data, "secret.key") }

// loadTokens gives what signs tokens.
func loadTokens(s settings) (*auth.Tokens, error) {
	keys, err := auth.LoadKeys(keysFile(s), time.Now())
	if err != nil {
		// A file that cannot be written is looked after by somebody else.
		if given, readErr := auth.ReadKeys(keysFile(s)); readErr == nil {
			keys, err = given, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) && s.TokenKeys != "" {
		return nil, fmt.Errorf("RALLY_TOKEN_KEYS is %q, and there is no such folder: make it, or name a file in another (%w)", s.TokenKeys, err)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the keys of tokens from %s: %w", keysFile(s), err)
	}
	tokens, err := auth.NewTokens(auth.TokenConfig{Keys: keys})
	if err != nil {
		return nil, fmt.Errorf("loading the keys of tokens: %w", err)
	}
	return tokens, nil
}

// loadSealer gives what seals secrets: with the key that was set, else with
// the one in the data folder.
func loadSealer(s settings) (*auth.Sealer, error) {
	key := s.secretKey
	if key == nil {
		var err error
		if key, err = auth.LoadSecretKey(s.secretKeyFile()); err != nil {
			return nil, fmt.Errorf("loading the key that seals secrets: %w", err)
		}
	}
	sealer, err := auth.NewSealer(key)
	if err != nil {
		return nil, fmt.Errorf("loading the key that seals secrets: %w", err)
	}
	return sealer, nil
}

// followKeys has tokens go on with the keys of a file that is changed by "rally
// keys", perhaps on another machine, until ctx ends.
func followKeys(ctx context.Context, tokens *auth.Tokens, path string, log *slog.Logger) {
	ticker := time.NewTicker(followKeysEvery)
	defer ticker.Stop()
	complaint := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		changed, err := tokens.Reload(path)
		switch {
		case err != nil && err.Error() != complaint: // once, not every time
			complaint = err.Error()
			log.Error("the keys of tokens cannot be read, the old ones stay", "error", err)
		case err == nil:
			complaint = ""
			if changed {
				log.Info("the keys of tokens were changed")
			}
		}
	}
}
