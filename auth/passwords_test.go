package auth_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"rally"
	"rally/auth"
)

// cheap makes hashes that take well under a millisecond.
func cheap() auth.PasswordConfig {
	return auth.PasswordConfig{Memory: 64, Iterations: 1, Workers: 2, Queue: 8}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	p := auth.NewPasswords(cheap())
	hash, err := p.Hash(ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := p.Hash(ctx, "correct horse"); again == hash {
		t.Error("two hashes are equal: no salt")
	}
	tests := []struct {
		name, password, hash string
		want                 bool
	}{
		{"right", "correct horse", hash, true},
		{"wrong", "correct horsf", hash, false},
		{"empty", "", hash, false},
		{"no account", "correct horse", "", false},
		{"no account, no password", "", "", false},
	}
	for _, test := range tests {
		ok, rehash, err := p.Verify(ctx, test.password, test.hash, nil)
		if err != nil || ok != test.want || rehash {
			t.Errorf("%s: got %v, %v, %v", test.name, ok, rehash, err)
		}
	}
	if _, _, err := p.Verify(ctx, "correct horse", "$2a$10$bcrypt", nil); err == nil {
		t.Error("a hash of another kind gave no error")
	}
}

func TestPasswordsDefault(t *testing.T) {
	t.Parallel()
	hash, err := auth.NewPasswords(auth.PasswordConfig{}).Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=1$") {
		t.Errorf("parameters are %s", hash[:30])
	}
}

func TestPasswordsUnicodeForms(t *testing.T) {
	t.Parallel()
	p := auth.NewPasswords(cheap())
	hash, err := p.Hash(t.Context(), "비밀번호는비밀")
	if err != nil {
		t.Fatal(err)
	}
	// The same text as another system's keyboard composes it.
	decomposed := norm.NFD.String("비밀번호는비밀")
	if ok, _, err := p.Verify(t.Context(), decomposed, hash, nil); err != nil || !ok {
		t.Errorf("decomposed form: %v, %v", ok, err)
	}
}

func TestPasswordsRehash(t *testing.T) {
	t.Parallel()
	weak := auth.NewPasswords(cheap())
	hash, err := weak.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	raised := cheap()
	raised.Memory *= 2
	strong := auth.NewPasswords(raised)
	if ok, rehash, err := strong.Verify(t.Context(), "correct horse", hash, nil); err != nil || !ok || !rehash {
		t.Errorf("an old hash: %v, %v, %v", ok, rehash, err)
	}
	if _, rehash, _ := strong.Verify(t.Context(), "wrong horse", hash, nil); rehash {
		t.Error("a wrong password asks for a rehash")
	}
	hash, err = strong.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if ok, rehash, err := weak.Verify(t.Context(), "correct horse", hash, nil); err != nil || !ok || rehash {
		t.Errorf("a hash with more than today's parameters: %v, %v, %v", ok, rehash, err)
	}
}

func TestPasswordsBoundTheQueue(t *testing.T) {
	t.Parallel()
	// Each hash takes milliseconds, the callers come at once: those beyond one
	// worker and two waiting are refused, the others are served.
	p := auth.NewPasswords(auth.PasswordConfig{Memory: 16 * 1024, Iterations: 1, Workers: 1, Queue: 2})
	const callers = 30
	var (
		wait            sync.WaitGroup
		mu              sync.Mutex
		served, refused int
	)
	begin := make(chan struct{})
	for range callers {
		wait.Go(func() {
			<-begin
			_, err := p.Hash(context.Background(), "correct horse")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				served++
				return
			}
			e, ok := errors.AsType[*rally.Error](err)
			if !ok || e.Code != rally.EUnavailable || e.Message != "error.busy" || e.RetryAfter <= 0 {
				t.Errorf("got %v", err)
			}
			refused++
		})
	}
	close(begin)
	wait.Wait()
	if served < 3 || refused == 0 || served+refused != callers {
		t.Errorf("%d served, %d refused", served, refused)
	}
	if p.Busy() != 0 {
		t.Errorf("%d left in the queue", p.Busy())
	}
}

func TestPasswordsGiveUpWithTheContext(t *testing.T) {
	t.Parallel()
	p := auth.NewPasswords(auth.PasswordConfig{Memory: 64 * 1024, Iterations: 4, Workers: 1})
	busy := make(chan error, 1)
	go func() {
		_, err := p.Hash(context.Background(), "correct horse")
		busy <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for p.Busy() == 0 { // until the worker is taken
		runtime.Gosched()
	}
	if _, err := p.Hash(ctx, "correct horse"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-busy; err != nil {
		t.Error(err)
	}
	if p.Busy() != 0 {
		t.Errorf("%d left in the queue", p.Busy())
	}
}

// Requirement 14: who is not admitted costs no hash, and who has to wait for a
// worker is not asked before.
func TestPasswordsAdmit(t *testing.T) {
	t.Parallel()
	p := auth.NewPasswords(auth.PasswordConfig{Memory: 64, Iterations: 1, Workers: 1, Queue: 1})
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	refusal := &rally.Error{Code: rally.EThrottled, Message: "error.throttled", RetryAfter: 2}
	ok, rehash, err := p.Verify(t.Context(), "correct horse", hash, func() error { return refusal })
	if ok || rehash || !errors.Is(err, refusal) {
		t.Errorf("refused: %v, %v, %v", ok, rehash, err)
	}

	// The first is admitted and stays there; the second waits for its worker.
	inside, leave := make(chan struct{}), make(chan struct{})
	var asked atomic.Int64
	var wait sync.WaitGroup
	wait.Go(func() {
		ok, _, err := p.Verify(context.Background(), "correct horse", hash, func() error {
			close(inside)
			<-leave
			asked.Add(1)
			return nil
		})
		if err != nil || !ok {
			t.Errorf("the first: %v, %v", ok, err)
		}
	})
	<-inside
	wait.Go(func() {
		ok, _, err := p.Verify(context.Background(), "correct horse", "", func() error {
			if asked.Add(1) != 2 {
				t.Error("asked while it had to wait")
			}
			return nil
		})
		if err != nil || ok {
			t.Errorf("the second: %v, %v", ok, err)
		}
	})
	for p.Busy() < 2 { // until the second waits
		runtime.Gosched()
	}
	_, _, err = p.Verify(t.Context(), "correct horse", hash, func() error {
		t.Error("asked though the queue is full")
		return nil
	})
	if rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("the third: %v", err)
	}
	close(leave)
	wait.Wait()
	if p.Busy() != 0 || asked.Load() != 2 {
		t.Errorf("%d busy, %d asked", p.Busy(), asked.Load())
	}
}

// Requirement 13: the floor covers the two hashes that a sign-in may take.
func TestPasswordsFloor(t *testing.T) {
	t.Parallel()
	p := auth.NewPasswords(auth.PasswordConfig{Memory: 8 * 1024, Iterations: 1, Workers: 1})
	first := p.Floor(0)
	if first <= 0 {
		t.Fatal("no floor before the first hash")
	}
	fastest := time.Hour
	for range 10 {
		begin := time.Now()
		if _, _, err := p.Verify(t.Context(), "correct horse", "", nil); err != nil {
			t.Fatal(err)
		}
		fastest = min(fastest, time.Since(begin))
	}
	floor := p.Floor(0)
	if floor > first {
		t.Errorf("the floor rose from %s to %s", first, floor)
	}
	if floor > fastest*22/10 {
		t.Errorf("the floor is %s, and the fastest of ten hashes took %s", floor, fastest)
	}
	if got := p.Floor(time.Hour); got != time.Hour*22/10 {
		t.Errorf("after a slow hash the floor is %s", got)
	}
	// What takes less because it is of old, or is not done at all, is no measure.
	weak := auth.NewPasswords(cheap())
	old, err := weak.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, _, err := p.Verify(t.Context(), "correct horse", old, nil); err != nil {
			t.Fatal(err)
		}
		_, _, _ = p.Verify(t.Context(), "correct horse", old, func() error { return errors.New("no") })
	}
	if got := p.Floor(0); got != floor {
		t.Errorf("the floor went from %s to %s", floor, got)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	p := auth.NewPasswords(cheap())
	tests := []struct {
		password, want string
	}{
		{"", "field.password_empty"},
		{"short", "field.password_short"},
		{strings.Repeat("ab", 65), "field.password_long"},
		{strings.Repeat("ab", 64), ""},
		{"password", "field.password_common"},
		{"PassWord", "field.password_common"},
		{"12345678", "field.password_common"},
		{"qwertyuiop", "field.password_common"},
		{"zzzzzzzzzzzz", "field.password_common"},
		{"ada lovelace", "field.password_common"},
		{"Ada.Lovelace@Example.org", "field.password_common"},
		{"ada.lovelace", "field.password_common"},
		{"correct horse", ""},
		{"탁구는재미있다정말", ""},
	}
	for _, test := range tests {
		if got := p.Check(test.password, "Ada Lovelace", "ada.lovelace@example.org"); got != test.want {
			t.Errorf("%q: got %q, want %q", test.password, got, test.want)
		}
	}
}
