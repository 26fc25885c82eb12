package store_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"rally/store"
	"rally/store/storetest"
)

// queryCounter notes the statements that a Store sends.
type queryCounter struct {
	mu   sync.Mutex
	said []string
}

// open opens a Store whose statements are noted, and closes it after the test.
func (q *queryCounter) open(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.OpenTraced(t.Context(), store.Config{URL: url, Patience: storetest.Patience}, q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (q *queryCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	q.note(data.SQL)
	return ctx
}

func (q *queryCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (q *queryCounter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, queued := range data.Batch.QueuedQueries {
		q.note(queued.SQL)
	}
	return ctx
}

func (q *queryCounter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (q *queryCounter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func (q *queryCounter) note(sql string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.said = append(q.said, sql)
}

// reset forgets what was noted.
func (q *queryCounter) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.said = nil
}

// verbs gives the first word of every statement.
func (q *queryCounter) verbs() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var verbs []string
	for _, sql := range q.said {
		verbs = append(verbs, strings.ToUpper(strings.Fields(sql)[0]))
	}
	return verbs
}
