package auth_test

import (
	"errors"
	"testing"
	"time"

	"rally"
	"rally/auth"
)

// Whoever floods somebody has to wait, and whoever only talks never has.
func TestMessageCharges(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 12, 0, 1, 0, time.UTC)
	sent := func(every, during time.Duration) (n int) {
		s, throttles := newSlate()
		for at := time.Duration(0); at < during; at += every {
			s.now = at
			if throttles.Charge(t.Context(), auth.MessageCharges(7, begin.Add(at))...) == nil {
				n++
			}
		}
		return n
	}
	for what, c := range map[string]struct {
		every, during time.Duration
		want          int
	}{
		"at once":                    {100 * time.Millisecond, 9 * time.Second, 10},
		"for a minute":               {100 * time.Millisecond, 59 * time.Second, 60},
		"for ten minutes":            {500 * time.Millisecond, 9*time.Minute + 59*time.Second, 120},
		"every six seconds, an hour": {6 * time.Second, time.Hour, 600},
	} {
		if got := sent(c.every, c.during); got != c.want {
			t.Errorf("%s: %d messages, want %d", what, got, c.want)
		}
	}
	_, throttles := newSlate()
	for range 10 {
		if err := throttles.Charge(t.Context(), auth.MessageCharges(7, begin)...); err != nil {
			t.Fatal(err)
		}
	}
	err := throttles.Charge(t.Context(), auth.MessageCharges(7, begin)...)
	if e, ok := errors.AsType[*rally.Error](err); !ok || e.Code != rally.EThrottled || e.RetryAfter != 9 {
		t.Errorf("the eleventh: %v", err)
	}
	if err := throttles.Charge(t.Context(), auth.MessageCharges(8, begin)...); err != nil {
		t.Errorf("somebody else: %v", err)
	}
}
