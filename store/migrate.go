package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"rally/migrations"
)

// migrateTime bounds Migrate: waiting for another node that migrates, and the
// migrations themselves.
const migrateTime = 5 * time.Minute

// migrators bring the tables up to date: goose Rally's own, river those of the
// jobs.
type migrators struct {
	goose *goose.Provider
	river *rivermigrate.Migrator[pgx.Tx]
}

// Migrate brings the database's tables up to date. Several nodes may call it
// at once: one works, under a lock of the database, and the others wait for it.
func (s *Store) Migrate(ctx context.Context) (err error) {
	return s.migrate(ctx, func(ctx context.Context, m migrators) error {
		results, err := m.goose.Up(ctx)
		for _, r := range results {
			s.log.InfoContext(ctx, "migrated", "migration", r.Source.Path, "ms", r.Duration.Milliseconds())
		}
		if err != nil {
			return explainExtension(err)
		}
		jobs, err := m.river.Migrate(ctx, rivermigrate.DirectionUp, nil)
		if err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
		for _, v := range jobs.Versions {
			s.log.InfoContext(ctx, "migrated", "migration", "river "+v.Name, "ms", v.Duration.Milliseconds())
		}
		return nil
	})
}

// explainExtension says what to do when err means that Rally may not, or
// cannot, have the extension of PostgreSQL that it needs.
func explainExtension(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.Contains(pg.Message, "pg_trgm") {
		return err
	}
	return fmt.Errorf("PostgreSQL's extension pg_trgm (Debian: in the package of the server; elsewhere often postgresql-contrib) "+
		"is needed to search names: have an administrator run CREATE EXTENSION pg_trgm in Rally's database once, "+
		"or GRANT CREATE ON DATABASE to Rally's user: %w", err)
}

// migrate runs fn under the lock, on connections of its own: a migration may
// take longer than any statement of a page may.
func (s *Store) migrate(ctx context.Context, fn func(context.Context, migrators) error) (err error) {
	caller := ctx
	defer func() { err = explain(caller, "Migrate", err) }()
	ctx, cancel := context.WithTimeout(ctx, migrateTime)
	defer cancel()

	cfg := s.pool.Config()
	cfg.MinIdleConns = 0
	delete(cfg.ConnConfig.RuntimeParams, "statement_timeout")
	delete(cfg.ConnConfig.RuntimeParams, "idle_in_transaction_session_timeout")
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()

	m := migrators{}
	if m.goose, err = goose.NewProvider(goose.DialectPostgres, db, migrations.Files,
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(lookAlikes()...)); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if m.river, err = rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: s.riverLog()}); err != nil {
		return fmt.Errorf("read the jobs' migrations: %w", err)
	}

	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(migrateTime/time.Second)))
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer func() {
		// Should this fail, the lock goes with the connection.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.patience)
		defer cancel()
		_ = locker.SessionUnlock(ctx, conn)
	}()
	return fn(ctx, m)
}
