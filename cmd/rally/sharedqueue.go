package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rally"
	"rally/bus"
	"rally/match"
)

const (
	queueBucket = "queue"
	queueLease  = "queue"         // of the node that pairs
	queueLife   = 3 * time.Second // of that lease
)

// openMatchmaker starts the queue that pairs, which is one for all nodes.
func (h *house) openMatchmaker(clock match.Clock) error {
	c := match.MatchmakerConfig{
		Create: h.registry.Create, Playing: h.registry.Playing, Present: h.hub.Online, Blocks: h.store.BlocksAmong,
		Publish: h.bus.Publish, Points: h.Points, Clock: clock, Log: h.log,
	}
	if nodes, several := h.registry.(*match.Nodes); several {
		bucket, err := h.bus.Bucket(bus.BucketConfig{Name: queueBucket})
		if err != nil {
			return fmt.Errorf("opening the queue of all nodes: %w", err)
		}
		chair := takeTurns(h.bus, h.node, h.log)
		h.closing.add("turn to pair", 0, func(context.Context) error { chair.leave(); return nil })
		c.Shared = &match.Shared{Nodes: nodes, Board: board{bucket}, Leads: chair.taken}
		c.Present = func(user rally.UserID) bool { // a socket is where its browser found one
			switch h.hub.Presence(user).State {
			case rally.PresenceOffline, rally.PresenceReconnecting:
				return false
			default:
				return true
			}
		}
	}
	h.matchmaker = match.NewMatchmaker(c)
	h.matchmaker.Start()
	h.closing.add("matchmaker", 0, func(context.Context) error { h.matchmaker.Stop(); return nil })
	return nil
}

// chair is what one node at a time has: the one that pairs.
type chair struct {
	lease  atomic.Pointer[bus.Lease]
	cancel context.CancelFunc
	waits  sync.WaitGroup
}

// takeTurns waits for the chair, and holds it until leave or until it is lost;
// then it waits again.
func takeTurns(b *bus.Bus, node string, log *slog.Logger) *chair {
	c := new(chair)
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.waits.Go(func() {
		for ctx.Err() == nil {
			c.sit(ctx, b, node, log)
		}
	})
	return c
}

func (c *chair) sit(ctx context.Context, b *bus.Bus, node string, log *slog.Logger) {
	lease, err := b.Acquire(ctx, queueLease, node, queueLife)
	if err != nil {
		if ctx.Err() == nil {
			log.Warn("whose turn it is to pair cannot be known", "error", err)
		}
		select {
		case <-time.After(queueLife):
		case <-ctx.Done():
		}
		return
	}
	log.Info("this node pairs")
	c.lease.Store(lease)
	select {
	case <-lease.Lost():
	case <-ctx.Done():
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leavingMax)
		defer cancel()
		if err := lease.Release(leaving); err != nil {
			log.Warn("another node will pair a little later", "error", err)
		}
	}
}

// taken says whether this node has the chair now.
func (c *chair) taken() bool {
	lease := c.lease.Load()
	return lease != nil && lease.Held()
}

func (c *chair) leave() {
	c.cancel()
	c.waits.Wait()
}
