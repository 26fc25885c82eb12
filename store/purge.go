package store

import (
	"context"
	"fmt"
)

// purge deletes rows that count no more, and says how many those were. sql
// deletes at most $1 rows, and has args from $2 on. It is run until none are
// left; each run is bounded as a method is, all of them by ctx alone.
func (s *Store) purge(ctx context.Context, method, sql string, args ...any) (total int64, err error) {
	args = append([]any{purgeBatch}, args...)
	for {
		n, err := s.purgeOnce(ctx, method, sql, args)
		if total += n; err != nil || n < purgeBatch {
			return total, err
		}
	}
}

// purgeOnce deletes one batch.
func (s *Store) purgeOnce(ctx context.Context, method, sql string, args []any) (n int64, err error) {
	ctx, done := s.begin(ctx, method, &err)
	defer done()
	tag, err := s.pool.Exec(ctx, sql, args...)
	if err != nil {
		return 0, fmt.Errorf("delete: %w", err)
	}
	return tag.RowsAffected(), nil
}
