package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"rally"
)

// seenBatch is how many users SetSeen writes at once: so many that it is quick,
// so few that nobody waits long for one of them.
const seenBatch = 500

// SetSeen notes when users were last online. An earlier time than what is there
// changes nothing, nor does a user who is not there.
func (s *Store) SetSeen(ctx context.Context, seen map[rally.UserID]time.Time) error {
	// In order of their ids, as everybody who locks several users does.
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(seen)), seenBatch) {
		if err := s.setSeen(ctx, ids, seen); err != nil {
			return err
		}
	}
	return nil
}

// setSeen writes one batch.
func (s *Store) setSeen(ctx context.Context, ids []rally.UserID, seen map[rally.UserID]time.Time) (err error) {
	ctx, done := s.begin(ctx, "SetSeen", &err)
	defer done()
	const sql = `
		WITH locked AS (
		    SELECT u.id, s.at
		    FROM unnest($1::bigint[], $2::timestamptz[]) s (id, at)
		    JOIN users u ON u.id = s.id
		    WHERE u.seen_at IS NULL OR u.seen_at < s.at
		    ORDER BY u.id
		    FOR NO KEY UPDATE OF u)
		UPDATE users SET seen_at = locked.at FROM locked WHERE users.id = locked.id`
	times := make([]time.Time, len(ids))
	for i, id := range ids {
		times[i] = seen[id]
	}
	_, err = s.pool.Exec(ctx, sql, ids, times)
	return err
}
