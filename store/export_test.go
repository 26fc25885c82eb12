package store

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/rivermigrate"
)

// OpenTraced is Open with a tracer that is told every statement.
func OpenTraced(ctx context.Context, cfg Config, tracer pgx.QueryTracer) (*Store, error) {
	pc, err := poolConfig(cfg)
	if err != nil {
		return nil, err
	}
	pc.ConnConfig.Tracer = tracer
	return open(ctx, cfg, pc)
}

// ListMatchesSQL is the statement of ListMatches.
const ListMatchesSQL = listMatches

// InboxSQL is the statement of Inbox.
const InboxSQL = inboxSQL

// SearchSQL are the statements of SearchPeople.
func SearchSQL() []string { return []string{searchBeginnings, searchLike} }

// RiverLog is what River logs to.
func (s *Store) RiverLog() *slog.Logger { return s.riverLog() }

// MigrateDownTo takes back Rally's own migrations after this one.
func (s *Store) MigrateDownTo(ctx context.Context, version int64) error {
	return s.migrate(ctx, func(ctx context.Context, m migrators) error {
		_, err := m.goose.DownTo(ctx, version)
		return err
	})
}

// MigrateDown takes every migration back.
func (s *Store) MigrateDown(ctx context.Context) error {
	return s.migrate(ctx, func(ctx context.Context, m migrators) error {
		if _, err := m.river.Migrate(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1}); err != nil {
			return err
		}
		_, err := m.goose.DownTo(ctx, 0)
		return err
	})
}
