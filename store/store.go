// Package store keeps what Rally must not forget, in PostgreSQL: accounts and
// what they are signed in to with, sessions and which of them is live, attempts
// that may not go on for ever, letters to be sent, matches and their
// recordings. It is the only package that speaks SQL. There is one file per
// aggregate; an exported method owns its transaction, the unexported functions
// it calls are given it.
//
// Every method gives up within two seconds (Config.Patience). When the database is away, or too
// slow to be of use, the error is a *rally.Error with code EUnavailable and
// message "error.database_away"; the pool heals by itself once it is back.
// After a change has been committed the store publishes the rally.Event that
// says so. A Store is safe for concurrent use.
//
// The package also runs the private PostgreSQL server of `make run` and of the
// tests: see Cluster.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"rally"
)

const (
	// defaultPatience leaves a page half a second to say that the database is
	// away before two seconds are over.
	defaultPatience = 1500 * time.Millisecond
	// pingTime is how long a connection that has been idle may take to prove
	// that its other end still lives. A few dead ones fit into a method's time.
	pingTime = 400 * time.Millisecond

	defaultMaxConns = 16
)

// Config says how to open a Store.
type Config struct {
	// URL is a PostgreSQL connection string, "postgres://user@host/database".
	URL string
	// Publish is told what has been changed, after the commit; it must not
	// block. Nil: nobody is told.
	Publish func(rally.Event)
	// Log is for what no caller can be told; nil discards it.
	Log *slog.Logger
	// MaxConns bounds the connections to the database; 0 means 16.
	MaxConns int
	// Patience bounds a method as a whole: waiting for a connection, making
	// one, every statement. 0 means a second and a half.
	Patience time.Duration
	// Now is the wall clock; nil means time.Now.
	Now func() time.Time
	// Address gives the address a request comes from, which sessions note;
	// nil means the other end of its connection, which behind a proxy is the
	// proxy.
	Address func(*http.Request) string
}

// patience gives Patience or its default.
func (cfg Config) patience() time.Duration {
	if cfg.Patience > 0 {
		return cfg.Patience
	}
	return defaultPatience
}

// Store is Rally's database. Make it with Open, and Close it.
type Store struct {
	pool     *pgxpool.Pool
	jobs     *river.Client[pgx.Tx] // which only puts jobs into the queue
	patience time.Duration
	publish  func(rally.Event)
	log      *slog.Logger
	now      func() time.Time
	address  func(*http.Request) string
}

// querier is a pool or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Open gives a Store on the database that cfg.URL names. It fails only when
// the URL makes no sense: connections are made when they are first needed, so
// the database may be away, now and later. Ready asks whether it is there.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	pc, err := poolConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("store: Open: %w", err)
	}
	return open(ctx, cfg, pc)
}

// poolConfig gives the settings of the pool of connections.
func poolConfig(cfg Config) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = defaultMaxConns
	if cfg.MaxConns > 0 {
		pc.MaxConns = int32(cfg.MaxConns)
	}
	pc.MinIdleConns = min(2, pc.MaxConns)
	pc.HealthCheckPeriod = 5 * time.Second
	pc.PingTimeout = pingTime
	pc.ConnConfig.ConnectTimeout = cfg.patience()
	params := pc.ConnConfig.RuntimeParams
	if params["application_name"] == "" {
		params["application_name"] = "rally"
	}
	// The server's own guards, for statements whose client is gone; longer, so
	// that the client's clock decides.
	setTimeParam(params, "statement_timeout", 2*cfg.patience())
	setTimeParam(params, "idle_in_transaction_session_timeout", 4*cfg.patience())
	return pc, nil
}

// open makes the Store.
func open(ctx context.Context, cfg Config, pc *pgxpool.Config) (*Store, error) {
	s := &Store{
		patience: cfg.patience(), publish: cfg.Publish, log: cfg.Log, now: cfg.Now, address: cfg.Address,
	}
	if s.publish == nil {
		s.publish = func(rally.Event) {}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.address == nil {
		s.address = remoteHost
	}
	var err error
	if s.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return nil, fmt.Errorf("store: Open: %w", err)
	}
	if s.jobs, err = s.newQueue(); err != nil {
		s.pool.Close()
		return nil, fmt.Errorf("store: Open: %w", err)
	}
	return s, nil
}

// setTimeParam sets a server parameter to d unless the URL has set it.
func setTimeParam(params map[string]string, name string, d time.Duration) {
	if _, ok := params[name]; !ok {
		params[name] = fmt.Sprint(d.Milliseconds())
	}
}

// Ready says whether the database answers: nil, or an EUnavailable error
// within two seconds.
func (s *Store) Ready(ctx context.Context) (err error) {
	ctx, done := s.begin(ctx, "Ready", &err)
	defer done()
	return s.pool.Ping(ctx)
}

// Close waits for the methods that are running and closes every connection.
// It may be called more than once.
func (s *Store) Close() { s.pool.Close() }

// begin opens a method: the context it gives bounds the method as a whole, and
// done, to be deferred, frees that and puts *err into words by explain.
func (s *Store) begin(ctx context.Context, method string, err *error) (bounded context.Context, done func()) {
	bounded, cancel := context.WithTimeout(ctx, s.patience)
	return bounded, func() {
		cancel()
		*err = explain(ctx, method, *err)
	}
}

// time gives the present as the database can keep it: whole microseconds.
func (s *Store) time() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// inTx runs fn in a transaction and commits it unless fn fails.
func (s *Store) inTx(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, fn)
}

// isNoRows says whether err is a query's answer that there is no such row.
func isNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
