package store

import (
	"context"

	"github.com/jackc/pgx/v5"
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
