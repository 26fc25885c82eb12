package auth_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/auth"
)

// slate is a ThrottleStore in memory, with a clock of its own.
type slate struct {
	mu    sync.Mutex
	now   time.Duration
	lines map[[2]string]*line
	fails error
}

type line struct {
	attempts         int
	last, blockedTil time.Duration
}

func (s *slate) CheckThrottles(_ context.Context, charges []rally.Charge) (wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wait(charges), s.fails
}

func (s *slate) wait(charges []rally.Charge) (wait time.Duration) {
	for _, c := range charges {
		if l := s.lines[[2]string{c.Kind, c.Key}]; l != nil {
			wait = max(wait, l.blockedTil-s.now)
		}
	}
	return wait
}

func (s *slate) ChargeThrottles(_ context.Context, charges []rally.Charge) (wait time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.wait(charges); wait > 0 || s.fails != nil {
		return wait, s.fails
	}
	for _, c := range charges {
		key := [2]string{c.Kind, c.Key}
		l := s.lines[key]
		if l == nil || s.now-l.last >= c.Window {
			l = &line{}
			s.lines[key] = l
		}
		l.attempts++
		l.last = s.now
		if over := l.attempts - c.Free; over > 0 {
			l.blockedTil = s.now + min(c.Wait<<(over-1), c.MaxWait)
		}
	}
	return 0, nil
}

func (s *slate) ForgiveThrottles(_ context.Context, charges []rally.Charge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range charges {
		delete(s.lines, [2]string{c.Kind, c.Key})
	}
	return s.fails
}

func (s *slate) RefundThrottles(_ context.Context, charges []rally.Charge, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range charges {
		if l := s.lines[[2]string{c.Kind, c.Key}]; l != nil {
			if l.attempts--; l.attempts <= c.Free {
				l.blockedTil = 0
			}
		}
	}
	return s.fails
}

func newSlate() (*slate, *auth.Throttles) {
	s := &slate{lines: map[[2]string]*line{}}
	return s, auth.NewThrottles(s)
}

// tries counts how many attempts go through at once.
func tries(t *testing.T, throttles *auth.Throttles, charges func() []rally.Charge) (n int) {
	t.Helper()
	for ; n < 1000; n++ {
		err := throttles.Charge(t.Context(), charges()...)
		if err == nil {
			continue
		}
		if rally.ErrorCode(err) != rally.EThrottled {
			t.Fatal(err)
		}
		return n
	}
	t.Fatal("no end of tries")
	return n
}

// Requirements 14 and 16: how often something may be tried at once.
func TestCharges(t *testing.T) {
	t.Parallel()
	n := 0
	another := func() string { n++; return "198.51.100." + strconv.Itoa(n) }
	for name, test := range map[string]struct {
		charges func() []rally.Charge
		want    int
	}{
		"one login from one address":    {func() []rally.Charge { return auth.SignInCharges("ada", "192.0.2.1", false) }, 5},
		"the owner where they are":      {func() []rally.Charge { return auth.SignInCharges("ada", "192.0.2.1", true) }, 5},
		"many logins from one address":  {func() []rally.Charge { return auth.SignInCharges(another(), "192.0.2.1", false) }, 60},
		"one login from many addresses": {func() []rally.Charge { return auth.SignInCharges("ada", another(), false) }, 100},
		"sign-ups":                      {func() []rally.Charge { return auth.SignUpCharges("192.0.2.1") }, 300},
		"codes, whatever the address":   {func() []rally.Charge { return auth.CodeCharges(7, another()) }, 5},
		"codes of many from an address": {func() []rally.Charge { n++; return auth.CodeCharges(rally.UserID(n), "192.0.2.1") }, 40},
		"proofs":                        {func() []rally.Charge { return auth.ProofCharges(7, "192.0.2.1") }, 5},
		"resets from an address":        {func() []rally.Charge { return auth.ResetCharges("192.0.2.1") }, 30},
		"resets of an e-mail address":   {func() []rally.Charge { return auth.ResetLetterCharges("ada@example.org") }, 3},
		"letters":                       {func() []rally.Charge { return auth.LetterCharges(7) }, 5},
		"letters to an e-mail address":  {func() []rally.Charge { return auth.AskCharges("ada@example.org") }, 5},
		"requests to be friends":        {func() []rally.Charge { return auth.FriendCharges(7) }, 30},
		"names":                         {func() []rally.Charge { return auth.RenameCharges(7) }, 10},
		"searches":                      {func() []rally.Charge { return auth.SearchCharges(7) }, 60},
		"challenges":                    {func() []rally.Charge { return auth.ChallengeCharges(7) }, 20},
	} {
		_, throttles := newSlate()
		if got := tries(t, throttles, test.charges); got != test.want {
			t.Errorf("%s: %d tries, want %d", name, got, test.want)
		}
	}
}

func TestChargesGrow(t *testing.T) {
	t.Parallel()
	s, throttles := newSlate()
	charges := auth.CodeCharges(7, "192.0.2.1")[:1]
	for range 5 {
		if err := throttles.Charge(t.Context(), charges...); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{30, 60, 120, 240, 480, 960, 1920, 3600, 3600} {
		for range 2 { // being refused makes it no longer
			err := throttles.Charge(t.Context(), charges...)
			e, ok := errors.AsType[*rally.Error](err)
			if !ok || e.Code != rally.EThrottled || e.Message != "error.throttled" || e.RetryAfter != want {
				t.Fatalf("got %v, want a wait of %d s", err, want)
			}
		}
		s.now += time.Duration(want)*time.Second - time.Millisecond
		err := throttles.Check(t.Context(), charges...)
		if e, ok := errors.AsType[*rally.Error](err); !ok || e.RetryAfter != 1 {
			t.Fatalf("a millisecond before its end: %v", err)
		}
		s.now += time.Millisecond
		if err := throttles.Check(t.Context(), charges...); err != nil {
			t.Fatalf("after %d s: %v", want, err)
		}
		if err := throttles.Charge(t.Context(), charges...); err != nil {
			t.Fatalf("after %d s: %v", want, err)
		}
	}
	// A day without an attempt, and the slate is clean.
	s.now += 24 * time.Hour
	if got := tries(t, throttles, func() []rally.Charge { return charges }); got != 5 {
		t.Errorf("%d more tries", got)
	}
}

// Requirement 14: the owner, where they are known, gets in while others try;
// their success wipes their own slate and not that of an address.
func TestThrottlesForgive(t *testing.T) {
	t.Parallel()
	_, throttles := newSlate()
	for i := range 100 { // from everywhere
		if err := throttles.Charge(t.Context(), auth.SignInCharges("ada", "198.51.100."+strconv.Itoa(i), false)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := throttles.Check(t.Context(), auth.SignInCharges("ada", "192.0.2.1", false)...); rally.ErrorCode(err) != rally.EThrottled {
		t.Errorf("a stranger from a new address: %v", err)
	}
	own := auth.SignInCharges("ada", "192.0.2.1", true)
	for range 4 {
		if err := throttles.Charge(t.Context(), own...); err != nil {
			t.Fatalf("the owner: %v", err)
		}
	}
	if err := throttles.Forgive(t.Context(), time.Now(), own...); err != nil {
		t.Fatal(err)
	}
	if got := tries(t, throttles, func() []rally.Charge { return own }); got != 5 {
		t.Errorf("after their success the owner has %d tries", got)
	}

	// Signing in to one's own account between tries at others' costs nothing,
	// and wins nothing.
	_, throttles = newSlate()
	failed := 0
	for ; failed < 1000; failed++ {
		others := auth.SignInCharges("other "+strconv.Itoa(failed), "192.0.2.1", false)
		if throttles.Charge(t.Context(), others...) != nil {
			break
		}
		charges := auth.SignInCharges("mallory", "192.0.2.1", true)
		if failed < 59 {
			if err := throttles.Charge(t.Context(), charges...); err != nil {
				t.Fatal(err)
			}
			if err := throttles.Forgive(t.Context(), time.Now(), charges...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if failed != 60 {
		t.Errorf("%d tries at others' accounts from one address", failed)
	}
}

func TestChargesKeys(t *testing.T) {
	t.Parallel()
	keys := func(charges []rally.Charge) (keys []string) {
		for _, c := range charges {
			keys = append(keys, c.Kind+" "+c.Key)
		}
		return keys
	}
	code := func(address string) []string { return keys(auth.CodeCharges(7, address)) }
	signIn := func(login string) []string { return keys(auth.SignInCharges(login, "192.0.2.1", false)) }
	for name, test := range map[string]struct {
		a, b []string
		same bool
	}{
		"IPv6 within a /64":          {code("2001:db8:1:2::1"), code("2001:db8:1:2:ffff:ffff:ffff:ffff"), true},
		"IPv6 in two writings":       {code("2001:db8::1"), code("2001:0DB8:0:0::1"), true},
		"IPv6 in two networks":       {code("2001:db8:1:2::1"), code("2001:db8:1:3::1"), false},
		"IPv4 within IPv6":           {code("192.0.2.1"), code("::ffff:192.0.2.1"), true},
		"neighbours":                 {code("192.0.2.1"), code("192.0.2.2"), false},
		"with a zone":                {code("fe80::1%eth0"), code("fe80::1"), true},
		"letter case":                {signIn("Ada Lovelace"), signIn(" ada  LOVELACE\t"), true},
		"Unicode forms":              {signIn("ａｄａ"), signIn("ada"), true},
		"two logins":                 {signIn("ada"), signIn("adb"), false},
		"parts that run together":    {keys(auth.ProofCharges(1, "1x")), keys(auth.ProofCharges(11, "x")), false},
		"an e-mail address's case":   {keys(auth.ResetLetterCharges("Ada@Example.org")), keys(auth.ResetLetterCharges("ada@example.org")), true},
		"what is not an address":     {code("unix"), code("unix"), true},
		"two that are not addresses": {code("unix"), code(""), false},
	} {
		if got := slices.Equal(test.a, test.b); got != test.same {
			t.Errorf("%s: the same is %v", name, got)
		}
	}
	if slices.Equal(code("192.0.2.1")[:1], keys(auth.CodeCharges(8, "192.0.2.1"))[:1]) {
		t.Error("two accounts share a key")
	}
}

func TestThrottlesWithoutAStore(t *testing.T) {
	t.Parallel()
	s, throttles := newSlate()
	away := rally.Errorf(rally.EUnavailable, "error.database_away", "gone")
	s.fails = away
	charges := auth.CodeCharges(7, "192.0.2.1")
	for name, err := range map[string]error{
		"Check":   throttles.Check(t.Context(), charges...),
		"Charge":  throttles.Charge(t.Context(), charges...),
		"Forgive": throttles.Forgive(t.Context(), time.Now(), charges...),
	} {
		if rally.ErrorCode(err) != rally.EUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(throttles.Check(t.Context()), throttles.Charge(t.Context()), throttles.Forgive(t.Context(), time.Now())); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}
