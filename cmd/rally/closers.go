package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// closers is what has been opened, and how it is closed: in reverse.
type closers []closer

type closer struct {
	name  string
	limit time.Duration // 0: it takes no time
	close func(context.Context) error
}

// add notes how to close what has just been opened, and how long that may
// take. All limits together stay below the ten seconds a stop may take.
func (c *closers) add(name string, limit time.Duration, fn func(context.Context) error) {
	*c = append(*c, closer{name, limit, fn})
}

// run closes everything, the last opened first, whatever fails on the way.
func (c *closers) run(ctx context.Context, log *slog.Logger) error {
	var errs error
	for i := len(*c) - 1; i >= 0; i-- {
		closer := (*c)[i]
		begun := time.Now()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(closer.limit, time.Second))
		if err := closer.close(limited); err != nil {
			errs = errors.Join(errs, fmt.Errorf("closing %s: %w", closer.name, err))
		}
		cancel()
		log.Debug("closed", "part", closer.name, "ms", time.Since(begun).Milliseconds())
	}
	*c = nil
	if errs == nil {
		log.Info("stopped")
	}
	return errs
}
