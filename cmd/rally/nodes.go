package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"rally"
	"rally/bus"
	"rally/live"
)

const (
	presenceBucket = "presence"
	nodeLeases     = "node."         // and the node's name
	nodeLife       = 3 * time.Second // of a node's lease
	hearingMax     = 2 * time.Second // for what other nodes had told
	leavingMax     = time.Second
)

// nodes is how this node tells the others whom it sees, over the bus: an entry
// in a bucket for each person, under the node's name, and a lease that says
// that the node lives. It implements live.Nodes.
type nodes struct {
	name   string
	bus    *bus.Bus
	bucket *bus.Bucket
	log    *slog.Logger
	cancel context.CancelFunc
	lives  sync.WaitGroup
}

// openNodes joins the other nodes under a name that no node ever had.
func openNodes(b *bus.Bus, name string, log *slog.Logger) (*nodes, error) {
	bucket, err := b.Bucket(bus.BucketConfig{Name: presenceBucket})
	if err != nil {
		return nil, fmt.Errorf("opening what nodes tell each other: %w", err)
	}
	n := &nodes{name: name, bus: b, bucket: bucket, log: log}
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.lives.Go(func() { n.live(ctx) })
	return n, nil
}

// live holds the lease that says that this node lives, until ctx ends.
func (n *nodes) live(ctx context.Context) {
	for ctx.Err() == nil {
		lease, err := n.bus.Acquire(ctx, nodeLeases+n.name, n.name, nodeLife)
		if err != nil {
			if ctx.Err() == nil {
				n.log.Warn("other nodes may not know that this one lives", "error", err)
			}
			select {
			case <-time.After(nodeLife):
			case <-ctx.Done():
			}
			continue
		}
		select {
		case <-lease.Lost():
		case <-ctx.Done():
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leavingMax)
			defer cancel()
			if err := lease.Release(leaving); err != nil {
				n.log.Warn("other nodes may think that this one lives", "error", err)
			}
		}
	}
}

// close has the others know that this node is gone. What it has told stands a
// moment longer.
func (n *nodes) close() {
	n.cancel()
	n.lives.Wait()
}

// sighted is a live.Sighting as it travels.
type sighted struct {
	Name  string        `json:"name,omitempty"`
	Here  bool          `json:"here,omitempty"`
	Awake bool          `json:"awake,omitempty"`
	Match rally.MatchID `json:"match,omitempty"`
}

// noteKey gives where a node keeps what it knows of a user.
func noteKey(node string, user rally.UserID) string {
	return node + "." + strconv.FormatInt(int64(user), 10)
}

// Tell implements live.Nodes.
func (n *nodes) Tell(ctx context.Context, user rally.UserID, s live.Sighting) error {
	if s.Empty() {
		return n.Forget(ctx, n.name, user)
	}
	value, err := json.Marshal(sighted(s))
	if err != nil {
		return fmt.Errorf("telling of user %d: %w", user, err)
	}
	_, err = n.bucket.Put(ctx, noteKey(n.name, user), value)
	return err
}

// Forget implements live.Nodes.
func (n *nodes) Forget(ctx context.Context, node string, user rally.UserID) error {
	return n.bucket.Delete(ctx, noteKey(node, user))
}

// Listen implements live.Nodes.
func (n *nodes) Listen(ctx context.Context, ear live.Ear) (stop func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hearingMax)
	defer cancel()
	// Who lives comes first: what is told by one who does not counts for
	// nothing.
	leases, err := n.bus.WatchLeases(nodeLeases, func(l bus.LeaseState) {
		if node := strings.TrimPrefix(l.Key, nodeLeases); node != n.name {
			ear.Alive(node, l.Held, l.At)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listening for nodes: %w", err)
	}
	await(ctx, leases.CaughtUp())
	told, err := n.bucket.Watch("", func(e bus.Entry) { n.hear(e, ear) })
	if err != nil {
		leases.Stop()
		return nil, fmt.Errorf("listening to nodes: %w", err)
	}
	await(ctx, told.CaughtUp())
	return func() { told.Stop(); leases.Stop() }, nil
}

// await waits until c is closed, or ctx ends.
func await(ctx context.Context, c <-chan struct{}) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

// hear hands on what the bucket says.
func (n *nodes) hear(e bus.Entry, ear live.Ear) {
	node, id, _ := strings.Cut(e.Key, ".")
	user, err := strconv.ParseInt(id, 10, 64)
	var s sighted
	if err == nil && !e.Deleted {
		err = json.Unmarshal(e.Value, &s)
	}
	switch {
	case err != nil:
		n.log.Warn("a node tells what means nothing", "key", e.Key, "error", err)
	case node != n.name:
		ear.Told(node, rally.UserID(user), live.Sighting(s), e.At)
	case e.Deleted:
		ear.Cleared(rally.UserID(user))
	}
}
