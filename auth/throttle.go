package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rally"
)

// ThrottleStore counts attempts, for all processes and over restarts. Each
// method does all it does or, failing, nothing.
type ThrottleStore interface {
	// CheckThrottles gives how long the longest wait of all charges still is;
	// 0 when each may be made.
	CheckThrottles(ctx context.Context, charges []rally.Charge) (wait time.Duration, err error)
	// ChargeThrottles counts one attempt against every charge; while one of
	// them has to wait it counts nothing and gives how long.
	ChargeThrottles(ctx context.Context, charges []rally.Charge) (wait time.Duration, err error)
	// ForgiveThrottles forgets all attempts that charges name.
	ForgiveThrottles(ctx context.Context, charges []rally.Charge) error
	// RefundThrottles takes one attempt, charged no later than at, off what
	// charges name; what later ones have led to stays.
	RefundThrottles(ctx context.Context, charges []rally.Charge, at time.Time) error
}

// Throttles slows down whoever tries again and again. Safe for concurrent use.
type Throttles struct{ store ThrottleStore }

// NewThrottles makes a Throttles that counts in s.
func NewThrottles(s ThrottleStore) *Throttles { return &Throttles{store: s} }

// Check fails with rally.EThrottled, and the seconds to wait, while one of the
// charges may not be made. It counts nothing: it is for refusing what is
// refused anyway before it costs anything.
func (t *Throttles) Check(ctx context.Context, charges ...rally.Charge) error {
	if len(charges) == 0 {
		return nil
	}
	wait, err := t.store.CheckThrottles(ctx, charges)
	if err != nil {
		return fmt.Errorf("check throttles: %w", err)
	}
	return throttled(wait)
}

// Charge counts one attempt, which is about to be made, against all charges, or
// fails as Check does and counts nothing. Attempts that are charged at the same
// moment are counted one after the other.
func (t *Throttles) Charge(ctx context.Context, charges ...rally.Charge) error {
	if len(charges) == 0 {
		return nil
	}
	wait, err := t.store.ChargeThrottles(ctx, charges)
	if err != nil {
		return fmt.Errorf("charge throttles: %w", err)
	}
	return throttled(wait)
}

// Forgive takes back what an attempt was charged that was right, and forgets
// the ones before it: they were its own. What counts against an address alone
// is only taken back, lest somebody with an account of their own wipes the slate
// between tries at those of others. at is when the attempt had been charged.
func (t *Throttles) Forgive(ctx context.Context, at time.Time, charges ...rally.Charge) error {
	var own, shared []rally.Charge
	for _, c := range charges {
		if slices.Contains(addressKinds, c.Kind) {
			shared = append(shared, c)
		} else {
			own = append(own, c)
		}
	}
	if len(own) > 0 {
		if err := t.store.ForgiveThrottles(ctx, own); err != nil {
			return fmt.Errorf("forgive throttles: %w", err)
		}
	}
	if len(shared) > 0 {
		if err := t.store.RefundThrottles(ctx, shared, at); err != nil {
			return fmt.Errorf("refund throttles: %w", err)
		}
	}
	return nil
}

// throttled gives the error for a wait, which is told in whole seconds and
// never too short; nil without one.
func throttled(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return &rally.Error{
		Code:       rally.EThrottled,
		Message:    "error.throttled",
		RetryAfter: int((wait + time.Second - 1) / time.Second),
		Cause:      errors.New("too many attempts"),
	}
}
