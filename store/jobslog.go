package store

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// riverQuiet is how long River has to be silent after it has said something:
// while the database is away every part of it would say so again and again.
const riverQuiet = 10 * time.Second

// riverLog gives what River logs to: the store's log, for what is a warning at
// least, and for at most one line in riverQuiet.
func (s *Store) riverLog() *slog.Logger {
	return slog.New(&riverHandler{to: s.log, quiet: &quiet{now: s.now}})
}

// quiet says when a line may be logged.
type quiet struct {
	now func() time.Time

	mu   sync.Mutex
	last time.Time
	left int // lines left out since
}

// let says whether a line may be logged now, and how many were not since the
// last one that was.
func (q *quiet) let() (left int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if since := now.Sub(q.last); !q.last.IsZero() && since >= 0 && since < riverQuiet {
		q.left++
		return 0, false
	}
	left, q.left, q.last = q.left, 0, now
	return left, true
}

// riverHandler puts River's lines as Rally's look; "what" is River's own
// sentence.
type riverHandler struct {
	to    *slog.Logger
	quiet *quiet
	attrs []slog.Attr
}

// Enabled leaves out what is less than a warning.
func (h *riverHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.to.Enabled(ctx, level)
}

// Handle logs a line, unless it is too soon after another.
func (h *riverHandler) Handle(ctx context.Context, r slog.Record) error {
	left, ok := h.quiet.let()
	if !ok {
		return nil
	}
	line := append([]slog.Attr{slog.String("what", r.Message)}, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" {
			a.Key = "error"
		}
		line = append(line, a)
		return true
	})
	if left > 0 {
		line = append(line, slog.Int("lines_left_out", left))
	}
	h.to.LogAttrs(ctx, r.Level, "trouble with jobs", line...)
	return nil
}

// WithAttrs gives a handler that adds attrs to every line.
func (h *riverHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = append(append([]slog.Attr{}, h.attrs...), attrs...)
	return &with
}

// WithGroup is not needed: River makes no groups.
func (h *riverHandler) WithGroup(string) slog.Handler { return h }
