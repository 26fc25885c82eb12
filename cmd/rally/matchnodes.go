package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"rally"
	"rally/bus"
	"rally/handlers"
	"rally/match"
)

// matchBucket is where all nodes say which matches they run.
const matchBucket = "matches"

// games are the matches of the site: a match.Registry, or with other nodes a
// match.Nodes.
type games interface {
	handlers.Registry
	Create(kind rally.MatchKind, points int, players [2]match.Entrant) (rally.MatchID, error)
}

// openGames starts the loops that play, and puts them among those of other
// nodes if there can be any.
func (h *house) openGames(clock match.Clock) error {
	registry := match.NewRegistry(match.Config{
		Log: h.log, Clock: clock, Keep: h.store.KeepMatch, Publish: h.bus.Publish,
	})
	h.registry = registry
	if h.NATSURL != "" {
		nodes, err := openMatchNodes(h.bus, h.node, registry, h.log)
		if err != nil {
			return err
		}
		h.registry = nodes
		h.closing.add("matches of other nodes", 0, func(ctx context.Context) error { nodes.Stop(ctx); return nil })
	}
	registry.Start()
	h.closing.add("matches", 2500*time.Millisecond, registry.Stop)
	return nil
}

// openMatchNodes puts a registry among those of other nodes.
func openMatchNodes(b *bus.Bus, name string, registry *match.Registry, log *slog.Logger) (*match.Nodes, error) {
	matches, err := b.Bucket(bus.BucketConfig{Name: matchBucket})
	if err != nil {
		return nil, fmt.Errorf("opening the board of matches: %w", err)
	}
	nodes, err := match.NewNodes(match.NodesConfig{
		Registry: registry, Name: name, Wire: b, Matches: board{matches}, Roll: callRoll(b),
		Publish: b.Publish, Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("joining the matches of other nodes: %w", err)
	}
	return nodes, nil
}

// callRoll gives the match.Roll of a bus's nodes.
func callRoll(b *bus.Bus) match.Roll {
	return func(handle func(node string, alive bool)) (told <-chan struct{}, stop func(), err error) {
		leases, err := b.WatchLeases(nodeLeases, func(l bus.LeaseState) {
			handle(strings.TrimPrefix(l.Key, nodeLeases), l.Held)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("listening for nodes: %w", err)
		}
		return leases.CaughtUp(), leases.Stop, nil
	}
}

// board is a bucket as a match.Board.
type board struct{ bucket *bus.Bucket }

// Put implements match.Board.
func (b board) Put(ctx context.Context, key string, value []byte) error {
	_, err := b.bucket.Put(ctx, key, value)
	return err
}

// Create implements match.Board.
func (b board) Create(ctx context.Context, key string, value []byte) error {
	_, err := b.bucket.Create(ctx, key, value)
	return err
}

// Get implements match.Board.
func (b board) Get(ctx context.Context, key string) (value []byte, revision uint64, err error) {
	e, err := b.bucket.Get(ctx, key)
	return e.Value, e.Revision, err
}

// Update implements match.Board.
func (b board) Update(ctx context.Context, key string, value []byte, over uint64) error {
	_, err := b.bucket.Update(ctx, key, value, over)
	return err
}

// Delete implements match.Board.
func (b board) Delete(ctx context.Context, key string) error { return b.bucket.Delete(ctx, key) }

// Watch implements match.Board.
func (b board) Watch(see func(key string, value []byte)) (stop func(), err error) {
	w, err := b.bucket.Watch("", func(e bus.Entry) { see(e.Key, e.Value) })
	if err != nil {
		return nil, err
	}
	return w.Stop, nil
}
