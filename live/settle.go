package live

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rally"
)

const (
	settledAtOnce = 4
	settleRetry   = time.Second // after a failure
)

// ask settles what is due about a user and then claims the place for session.
// The caller has the tenant's turn.
func (k *keeper) ask(ctx context.Context, user rally.UserID, t *tenant, session rally.SessionID) (ok bool, err error) {
	if err := k.ensureBeat(ctx); err != nil {
		return false, err
	}
	// Whoever was here first goes first.
	if err := k.settle(ctx, user, t, session); err != nil {
		return false, err
	}
	return k.askFor(ctx, user, t, session)
}

// settle gives back what sessions without sockets have, and claims again what
// sessions with sockets may have lost; all but one, which is about to claim.
// The caller has the tenant's turn.
func (k *keeper) settle(ctx context.Context, user rally.UserID, t *tenant, but rally.SessionID) error {
	k.mu.Lock()
	var idle, unsure []rally.SessionID
	for i := range t.claimants {
		switch c := &t.claimants[i]; {
		case c.session == but || c.standing == standingNone:
		case c.sockets == 0:
			// From now on a new socket has to ask, and waits for its turn.
			c.standing = standingDoubt
			idle = append(idle, c.session)
		case c.standing == standingDoubt:
			unsure = append(unsure, c.session)
		}
	}
	k.mu.Unlock()
	for _, session := range unsure {
		ok, err := k.askFor(ctx, user, t, session)
		if err != nil {
			return err
		}
		if !ok {
			k.refused(session)
		}
	}
	for _, session := range idle {
		if err := k.places.Release(ctx, user, session); err != nil {
			return err
		}
		k.know(t, session, standingNone, 0)
	}
	return nil
}

// askFor claims the place for session until the answer stands. The caller has
// the tenant's turn.
func (k *keeper) askFor(ctx context.Context, user rally.UserID, t *tenant, session rally.SessionID) (ok bool, err error) {
	for {
		doubts, before := k.doubt(t, session)
		if before == standingSure {
			return true, nil
		}
		ok, err = k.places.Claim(ctx, user, session)
		if err != nil {
			return false, err
		}
		after := standingNone
		if ok {
			after = standingSure
		}
		if k.know(t, session, after, doubts) {
			return ok, nil
		}
	}
}

// doubt notes that a session may soon have the place, unless it has it already,
// and gives what was known before.
func (k *keeper) doubt(t *tenant, session rally.SessionID) (doubts int, before standing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := t.find(session)
	if i < 0 { // displaced, and its sockets are gone
		return t.doubts, standingNone
	}
	if before = t.claimants[i].standing; before == standingNone {
		t.claimants[i].standing = standingDoubt
	}
	return t.doubts, before
}

// know notes an answer of Places about a session. It does not when the answer
// is that it has the place and that has been called in doubt since doubts were
// counted; it says which.
func (k *keeper) know(t *tenant, session rally.SessionID, s standing, doubts int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s == standingSure && t.doubts != doubts {
		return false
	}
	if i := t.find(session); i >= 0 {
		t.claimants[i].standing = s
	}
	return true
}

// settleLoop settles users as they fall due, until ctx ends.
func (k *keeper) settleLoop(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-k.wake:
		}
		k.settleDue(ctx)
	}
}

// settleDue settles all who are due now. After a failure the others wait as
// well: it is Places that is away.
func (k *keeper) settleDue(ctx context.Context) {
	now := k.now()
	var users []rally.UserID
	k.mu.Lock()
	for user, at := range k.due {
		if at <= now {
			users = append(users, user)
		}
	}
	k.mu.Unlock()

	var (
		group  errgroup.Group
		failed atomic.Pointer[error]
	)
	group.SetLimit(settledAtOnce)
	for _, user := range users {
		if failed.Load() != nil {
			k.settleLater(user)
			continue
		}
		group.Go(func() error {
			if err := k.settleOne(ctx, user); err != nil {
				failed.Store(&err)
			}
			return nil
		})
	}
	_ = group.Wait() // no function of the group fails
	if err := failed.Load(); err != nil && ctx.Err() == nil {
		k.log.Warn("places not settled", "users", len(users), "error", escape((*err).Error()))
	}
}

// settleOne settles one user who is due.
func (k *keeper) settleOne(ctx context.Context, user rally.UserID) error {
	k.mu.Lock()
	t := k.users[user]
	delete(k.due, user)
	if t == nil {
		k.mu.Unlock()
		return nil
	}
	t.asking++
	k.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	err := k.takeTurn(ctx, t)
	if err == nil {
		err = k.settle(ctx, user, t, "")
		<-t.turn
	}
	if err != nil {
		k.settleLater(user)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	t.asking--
	k.tidy(user, t)
	return err
}

// settleLater puts a user off.
func (k *keeper) settleLater(user rally.UserID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.due[user] = k.now() + settleRetry
}
