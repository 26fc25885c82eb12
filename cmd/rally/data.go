package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

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

// databaseOf gives the address of the running server's database.
func databaseOf(s settings) (url string, err error) {
	if s.DatabaseURL != "" {
		return s.DatabaseURL, nil
	}
	if url, err = store.ClusterURL(clusterFolder(s), databaseName); err != nil {
		return "", fmt.Errorf("finding the server's database (start the server, with the same RALLY_DATA): %w", err)
	}
	return url, nil
}
