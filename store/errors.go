package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"rally"
)

// retryAfter is what people are told when the database is away, in seconds.
const retryAfter = 5

// explain puts err, as a method got it, into words: it names the method, and
// turns what means that the database is away into an EUnavailable error.
// caller is the context the method was called with: when that was cancelled,
// the caller has gone, and nothing is said about the database.
func explain(caller context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("store: %s: %w", method, err)
	if _, ok := errors.AsType[*rally.Error](err); ok || !isAway(err) {
		return err
	}
	if errors.Is(caller.Err(), context.Canceled) {
		return err
	}
	return &rally.Error{
		Code:       rally.EUnavailable,
		Message:    "error.database_away",
		RetryAfter: retryAfter,
		Cause:      err,
	}
}

// isAway says whether err means that the database cannot be reached, is
// starting or stopping, has no room, or did not answer in time: whatever may
// be over when the same is tried again later.
func isAway(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case pg.Code == "57014": // query_canceled: a time limit
			return true
		case pg.Code[:min(3, len(pg.Code))] == "57P": // operator intervention: shutdown, startup, crash
			return true
		}
		switch pg.Code[:min(2, len(pg.Code))] {
		case "08", "53": // connection exception; insufficient resources
			return true
		}
		// A server that refuses the connection itself is as good as away:
		// no such database yet, or a password being changed.
		_, connecting := errors.AsType[*pgconn.ConnectError](err)
		return connecting
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, away := range []error{
		context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
		pgconn.ErrConnClosed, puddle.ErrClosedPool,
	} {
		if errors.Is(err, away) {
			return true
		}
	}
	return pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}

// violates says whether err is the violation of one of these constraints.
func violates(err error, constraints ...string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	for _, c := range constraints {
		if pg.ConstraintName == c {
			return true
		}
	}
	return false
}
