package store

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
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

// MigrateDown takes every migration back.
func (s *Store) MigrateDown(ctx context.Context) error {
	return s.migrate(ctx, func(ctx context.Context, p *goose.Provider) error {
		_, err := p.DownTo(ctx, 0)
		return err
	})
}
