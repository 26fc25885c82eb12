package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"rally/migrations"
)

// migrateTime bounds Migrate: waiting for another node that migrates, and the
// migrations themselves.
const migrateTime = 5 * time.Minute

// Migrate brings the database's tables up to date. Several nodes may call it
// at once: one works, under a lock of the database, and the others wait for it.
func (s *Store) Migrate(ctx context.Context) (err error) {
	return s.migrate(ctx, func(ctx context.Context, p *goose.Provider) error {
		results, err := p.Up(ctx)
		for _, r := range results {
			s.log.InfoContext(ctx, "migrated", "migration", r.Source.Path, "ms", r.Duration.Milliseconds())
		}
		return err
	})
}

// migrate runs fn with goose on connections of its own: a migration may take
// longer than any statement of a page may.
func (s *Store) migrate(ctx context.Context, fn func(context.Context, *goose.Provider) error) (err error) {
	caller := ctx
	defer func() { err = explain(caller, "Migrate", err) }()
	ctx, cancel := context.WithTimeout(ctx, migrateTime)
	defer cancel()

	cc := s.pool.Config().ConnConfig
	delete(cc.RuntimeParams, "statement_timeout")
	delete(cc.RuntimeParams, "idle_in_transaction_session_timeout")
	db := stdlib.OpenDB(*cc)
	defer func() { _ = db.Close() }()

	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(migrateTime/time.Second)))
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	return fn(ctx, provider)
}
