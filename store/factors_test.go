package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/store"
)

// recoveryHashes gives the hashes of n recovery codes.
func recoveryHashes(series string, n int) [][]byte {
	hashes := make([][]byte, n)
	for i := range hashes {
		hashes[i] = hashOf(fmt.Sprint(series, i))
	}
	return hashes
}

// turnOn turns an account's codes on with that of step 100, and with ten
// recovery codes, "a0" to "a9".
func turnOn(t *testing.T, s *store.Store, user rally.UserID) {
	t.Helper()
	if err := s.TurnOnFactor(t.Context(), user, []byte("sealed"), 100, recoveryHashes("a", 10), ""); err != nil {
		t.Fatal(err)
	}
}

// factorOf gives an account's codes.
func factorOf(t *testing.T, s *store.Store, user rally.UserID) rally.Factor {
	t.Helper()
	f, err := s.FindFactor(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFactor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	own, ownCookie := d.open(t, "", anna.ID, rally.StageFull)
	other, otherCookie := d.open(t, "", anna.ID, rally.StageFull)
	half, halfCookie := d.open(t, "", anna.ID, rally.StageOTP)
	bertas, bertasCookie := d.open(t, "", berta.ID, rally.StageFull)

	// Nothing is on before a code has been given.
	_, err := s.FindFactor(t.Context(), anna.ID)
	isError(t, err, rally.ENotFound, "error.not_found")

	if err := s.TurnOnFactor(t.Context(), anna.ID, []byte("first"), 7, recoveryHashes("a", 10), own.ID); err != nil {
		t.Fatal(err)
	}
	want := rally.Factor{Sealed: []byte("first"), LastStep: 7, Recovery: 10}
	if diff := cmp.Diff(want, factorOf(t, s, anna.ID)); diff != "" || !userNow(t, s, anna.ID).Codes {
		t.Errorf("on (-want +got):\n%s", diff)
	}
	wantEnded := map[rally.SessionID]string{other.ID: "codes_changed", half.ID: "codes_changed"}
	if diff := cmp.Diff(wantEnded, d.ended()); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
	for cookie, id := range map[string]rally.SessionID{ownCookie: own.ID, otherCookie: "", halfCookie: "", bertasCookie: bertas.ID} {
		if got := d.opens(t, cookie); got != id {
			t.Errorf("a cookie opens %q, want %q", got, id)
		}
	}

	// While they are on, no other secret takes their place.
	isError(t, s.TurnOnFactor(t.Context(), anna.ID, []byte("second"), 8, recoveryHashes("b", 10), own.ID), rally.EConflict, "codes.already_on")
	if diff := cmp.Diff(want, factorOf(t, s, anna.ID)); diff != "" {
		t.Errorf("still on (-want +got):\n%s", diff)
	}

	another, _ := d.open(t, "", anna.ID, rally.StageFull)
	if err := s.TurnOffFactor(t.Context(), anna.ID, own.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.FindFactor(t.Context(), anna.ID); rally.ErrorCode(err) != rally.ENotFound || userNow(t, s, anna.ID).Codes {
		t.Errorf("off: %v", err)
	}
	if n := d.count(t, `SELECT count(*) FROM recovery_codes`); n != 0 || d.ended()[another.ID] != "codes_changed" {
		t.Errorf("%d recovery codes are left; ended: %v", n, d.ended())
	}

	// Once more changes nothing.
	d.open(t, "", anna.ID, rally.StageFull)
	before := len(d.ended())
	if err := s.TurnOffFactor(t.Context(), anna.ID, own.ID); err != nil || len(d.ended()) != before {
		t.Errorf("off again: %v, ended %v", err, d.ended())
	}
	for _, err := range []error{
		s.TurnOnFactor(t.Context(), 12345, nil, 1, nil, ""), s.TurnOffFactor(t.Context(), 12345, ""),
	} {
		isError(t, err, rally.ENotFound, "error.not_found")
	}
}

// Codes are turned on once, whoever does it at the same moment: the recovery
// codes that one was shown are those that count.
func TestTurnOnFactorConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna := newUser(t, d.store, "Anna")
	winner := make(chan int, 20)
	on := atOnce(20, func(i int) bool {
		err := d.store.TurnOnFactor(t.Context(), anna.ID, []byte("sealed"), 7, recoveryHashes(fmt.Sprint(i, "-"), 10), "")
		if err != nil {
			isError(t, err, rally.EConflict, "codes.already_on")
			return false
		}
		winner <- i
		return true
	})
	if on != 1 {
		t.Fatalf("turned on %d times", on)
	}
	all, err := d.store.HasRecovery(t.Context(), anna.ID, recoveryHashes(fmt.Sprint(<-winner, "-"), 10))
	if n := d.count(t, `SELECT count(*) FROM recovery_codes`); err != nil || !all || n != 10 {
		t.Errorf("its recovery codes count: %v, %v; there are %d", all, err, n)
	}
}

// A code works once, also when twenty requests carry it at the same moment,
// and an older one does not work after a newer one.
func TestSpendStep(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	spend := func(user rally.UserID, step int64) bool {
		first, err := d.store.SpendStep(t.Context(), user, step)
		if err != nil {
			t.Error(err)
		}
		return first
	}
	turnOn(t, d.store, anna.ID)
	turnOn(t, d.store, berta.ID)
	if spend(anna.ID, 100) {
		t.Error("the code that turned codes on worked once more")
	}
	if n := atOnce(20, func(int) bool { return spend(anna.ID, 101) }); n != 1 {
		t.Errorf("one code worked %d times", n)
	}
	if !spend(berta.ID, 101) {
		t.Error("another account's did not work")
	}
	if !spend(anna.ID, 103) || spend(anna.ID, 102) || spend(anna.ID, 103) || spend(12345, 1) {
		t.Error("an older one worked, or one again, or nobody's")
	}
	if f := factorOf(t, d.store, anna.ID); f.LastStep != 103 {
		t.Errorf("the last step is %d", f.LastStep)
	}
}

// Each recovery code works once, also when many carry it at the same moment.
func TestSpendRecovery(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	turnOn(t, s, anna.ID)
	codes := recoveryHashes("a", 10)
	spend := func(user rally.UserID, hash []byte) (bool, int) {
		first, left, err := s.SpendRecovery(t.Context(), user, hash)
		if err != nil {
			t.Error(err)
		}
		return first, left
	}
	if n := atOnce(20, func(int) bool { first, _ := spend(anna.ID, codes[0]); return first }); n != 1 {
		t.Errorf("one code worked %d times", n)
	}
	if first, left := spend(anna.ID, hashOf("wrong")); first || left != 9 {
		t.Errorf("a wrong one: %v, %d left", first, left)
	}
	if first, left := spend(berta.ID, codes[1]); first || left != 0 {
		t.Errorf("another account's: %v, %d left", first, left)
	}
	if first, left := spend(anna.ID, codes[1]); !first || left != 8 {
		t.Errorf("the second: %v, %d left", first, left)
	}
	if f := factorOf(t, s, anna.ID); f.Recovery != 8 {
		t.Errorf("%d are left", f.Recovery)
	}

	has := func(user rally.UserID, hashes [][]byte) bool {
		all, err := s.HasRecovery(t.Context(), user, hashes)
		if err != nil {
			t.Error(err)
		}
		return all
	}
	if !has(anna.ID, codes[2:]) || has(anna.ID, codes) || has(anna.ID, nil) || has(berta.ID, codes[2:]) ||
		has(anna.ID, append(recoveryHashes("b", 1), codes[2:]...)) {
		t.Error("who has which recovery codes is wrong")
	}

	// New ones kill the old ones.
	d.move(time.Minute)
	if err := s.ReplaceRecovery(t.Context(), anna.ID, recoveryHashes("b", 10), ""); err != nil {
		t.Fatal(err)
	}
	if has(anna.ID, codes[2:3]) || !has(anna.ID, recoveryHashes("b", 10)) {
		t.Error("the old ones still count, or the new ones do not")
	}
	if first, left := spend(anna.ID, codes[2]); first || left != 10 {
		t.Errorf("an old one: %v, %d left", first, left)
	}
	isError(t, s.ReplaceRecovery(t.Context(), berta.ID, codes, ""), rally.ENotFound, "error.not_found")
	isError(t, s.ReplaceRecovery(t.Context(), 12345, codes, ""), rally.ENotFound, "error.not_found")
}

// To use the last recovery codes at the same moment as they are replaced leaves
// ten, and to turn codes off at that moment leaves none.
func TestRecoveryConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna := newUser(t, s, "Anna")
	turnOn(t, s, anna.ID)
	atOnce(20, func(i int) bool {
		var err error
		switch i % 4 {
		case 0:
			err = s.ReplaceRecovery(t.Context(), anna.ID, recoveryHashes("b", 10), "")
		case 1:
			_, _, err = s.SpendRecovery(t.Context(), anna.ID, hashOf("a0"))
		case 2:
			_, _, err = s.SpendRecovery(t.Context(), anna.ID, hashOf("b-nothing"))
		case 3:
			_, err = s.SpendStep(t.Context(), anna.ID, int64(100+i))
		}
		if err != nil {
			t.Error(err)
		}
		return true
	})
	if f := factorOf(t, s, anna.ID); f.Recovery != 10 {
		t.Errorf("%d are left", f.Recovery)
	}
	atOnce(10, func(i int) bool {
		if i == 5 {
			if err := s.TurnOffFactor(t.Context(), anna.ID, ""); err != nil {
				t.Error(err)
			}
		} else if err := s.ReplaceRecovery(t.Context(), anna.ID, recoveryHashes("c", 10), ""); err != nil {
			isError(t, err, rally.ENotFound, "error.not_found")
		}
		return true
	})
	if n := d.count(t, `SELECT count(*) FROM recovery_codes`); n != 0 {
		t.Errorf("%d are left of codes that are off", n)
	}
}
