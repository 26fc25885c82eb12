package live

import (
	"context"
	"time"
)

// beat is the keeper's last sign of life.
type beat struct {
	turn chan struct{} // full while one is given; guards what follows
	at   time.Duration // when the last one began
	ever bool
}

// beatLoop says every so often that this node lives, until ctx ends.
func (k *keeper) beatLoop(ctx context.Context) {
	ticker := time.NewTicker(k.beatEvery)
	defer ticker.Stop()
	for {
		beating, cancel := context.WithTimeout(ctx, askTimeout)
		if err := k.giveBeat(beating, 0); err != nil && ctx.Err() == nil {
			k.log.Warn("no sign of life given", "error", escape(err.Error()))
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ensureBeat gives a beat when the last one is stale: what is claimed by a node
// that counts as dead is worth nothing.
func (k *keeper) ensureBeat(ctx context.Context) error { return k.giveBeat(ctx, k.beatLife/2) }

// giveBeat gives a beat unless the last one is younger than fresh. If the node
// may have counted as dead, all places are called in doubt.
func (k *keeper) giveBeat(ctx context.Context, fresh time.Duration) error {
	select {
	case k.beat.turn <- struct{}{}:
		defer func() { <-k.beat.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	began := k.now()
	if k.beat.ever && began-k.beat.at < fresh {
		return nil
	}
	lost, err := k.places.Beat(ctx)
	if err != nil {
		return err
	}
	if k.beat.ever && (lost || k.now()-k.beat.at >= k.beatLife) {
		k.doubtAll()
	}
	k.beat.at, k.beat.ever = began, true
	return nil
}

// close gives all places back. It takes a second at most, whenever ctx ends.
func (k *keeper) close(ctx context.Context) {
	if k.places == nil || k.closed.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := k.places.Leave(ctx); err != nil {
		k.log.Warn("places not given back", "error", escape(err.Error()))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for user, t := range k.users {
		for i := range t.claimants {
			t.claimants[i].standing = standingNone
		}
		k.tidy(user, t)
	}
}
