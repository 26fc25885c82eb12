package main

import (
	"context"
	"time"
)

// chores does what has to be done now and then, until ctx ends. Every node
// does; what has been cleared away is no work for the next one.
func (h *house) chores(ctx context.Context) {
	ticker := time.NewTicker(choreEvery)
	defer ticker.Stop()
	for {
		h.clearAway(ctx)
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if h.certs != nil {
				if err := h.certs.refresh(now); err != nil {
					h.log.Error("certificate not renewed", "error", err)
				}
			}
		}
	}
}

// clearAway deletes what has had its time.
func (h *house) clearAway(ctx context.Context) {
	deleted := func(ctx context.Context) (int64, error) {
		n, err := h.store.DeleteDue(ctx)
		return int64(n), err
	}
	for _, chore := range []struct {
		what string
		do   func(context.Context) (int64, error)
	}{
		{"accounts to be deleted", deleted},
		{"dead sessions", h.store.Sessions().PurgeSessions},
		{"old security events", h.store.PurgeSecurity},
		{"used links", h.store.PurgeLinks},
		{"states of sign-ins elsewhere", h.store.PurgeStates},
		{"old throttles", h.store.PurgeThrottles},
		{"old notices", h.store.PurgeNotices},
		{"old messages", h.store.PurgeMessages},
		{"old challenges", h.store.PurgeChallenges},
	} {
		n, err := chore.do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.log.Warn("not cleared away", "what", chore.what, "error", err)
		case n > 0:
			h.log.Info("cleared away", "what", chore.what, "count", n)
		}
	}
}
