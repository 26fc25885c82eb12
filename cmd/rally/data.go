package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"rally/auth"
	"rally/store"
)

// databaseName is Rally's database in its private cluster.
const databaseName = "rally"

// makeDataFolder makes the folder for everything that is kept beside the
// database. Others may not look into it. Root leaves a passage: PostgreSQL
// runs as another user there, and its own folder lies below.
func makeDataFolder(dir string) error {
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return fmt.Errorf("RALLY_DATA is %q and cannot be made: %w", dir, err)
	}
	return nil
}

// startCluster starts the private database.
func startCluster(ctx context.Context, s settings, log *slog.Logger) (*store.Cluster, error) {
	cluster, err := store.StartCluster(ctx, store.ClusterConfig{Dir: clusterFolder(s), Log: log})
	if errors.Is(err, store.ErrNoBinaries) {
		return nil, fmt.Errorf("PostgreSQL is not installed: install its server (Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql), or set RALLY_DATABASE_URL to a database (%w)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("starting the private database: %w", err)
	}
	return cluster, nil
}

func clusterFolder(s settings) string { return filepath.Join(s.Data, "postgres") }

// loadTokens gives what signs tokens, with the keys of the data folder.
func loadTokens(s settings) (*auth.Tokens, error) {
	keys, err := auth.LoadKeys(filepath.Join(s.Data, "keys.json"), time.Now())
	if err != nil {
		return nil, fmt.Errorf("loading the keys of tokens: %w", err)
	}
	tokens, err := auth.NewTokens(auth.TokenConfig{Keys: keys})
	if err != nil {
		return nil, fmt.Errorf("loading the keys of tokens: %w", err)
	}
	return tokens, nil
}
