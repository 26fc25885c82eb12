package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
)

func TestSecurityLog(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	record := func(e rally.SecurityEvent) {
		t.Helper()
		if err := s.RecordSecurity(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	long := strings.Repeat("é", 1000)
	at := time.Now().UTC().Truncate(time.Microsecond)
	record(rally.SecurityEvent{
		User: anna.ID, Kind: rally.SecuritySignUp, At: at, Address: "192.0.2.7", Agent: "\x00\xff" + long, Detail: "a\r\n\x1b[31m" + long,
	})
	record(rally.SecurityEvent{User: anna.ID, Kind: rally.SecuritySignIn, Address: long})
	for range 5 {
		record(rally.SecurityEvent{User: anna.ID, Kind: rally.SecuritySignInFailed, At: at})
		record(rally.SecurityEvent{User: berta.ID, Kind: rally.SecuritySignIn, At: at})
	}
	err := s.RecordSecurity(t.Context(), rally.SecurityEvent{User: 12345, Kind: rally.SecuritySignIn})
	isError(t, err, rally.ENotFound, "error.not_found")

	list := func(before int64, limit int) []rally.SecurityEvent {
		t.Helper()
		events, err := s.ListSecurity(t.Context(), anna.ID, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	all := list(0, 100)
	if len(all) != 7 {
		t.Fatalf("listed %d", len(all))
	}
	want := rally.SecurityEvent{
		ID: all[6].ID, User: anna.ID, Kind: rally.SecuritySignUp, At: at, Address: "192.0.2.7",
		Agent: "\uFFFD\uFFFD" + long[:2*198], Detail: "a\r\n\x1b[31m" + long[:2*292],
	}
	if diff := cmp.Diff(want, all[6]); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	if e := all[5]; e.Kind != rally.SecuritySignIn || time.Since(e.At).Abs() > time.Minute || e.Address != long[:200] {
		t.Errorf("the second is %+v", e)
	}

	// In pages it is the same list.
	var paged []rally.SecurityEvent
	for before := int64(0); ; {
		page := list(before, 3)
		paged = append(paged, page...)
		if len(page) < 3 {
			break
		}
		before = page[2].ID
	}
	if diff := cmp.Diff(all, paged); diff != "" {
		t.Errorf("in pages (-all +paged):\n%s", diff)
	}
	if n := len(list(0, -1)); n != 1 {
		t.Errorf("at least %d", n)
	}

	// After half a year it is gone.
	d.move(180*24*time.Hour - time.Hour)
	record(rally.SecurityEvent{User: anna.ID, Kind: rally.SecuritySignOut})
	if n, err := s.PurgeSecurity(t.Context()); err != nil || n != 0 {
		t.Errorf("purged %d, %v", n, err)
	}
	d.move(2 * time.Hour)
	if n, err := s.PurgeSecurity(t.Context()); err != nil || n != 12 {
		t.Errorf("purged %d, %v", n, err)
	}
	if left := list(0, 100); len(left) != 1 || left[0].Kind != rally.SecuritySignOut {
		t.Errorf("left %+v", left)
	}
}

// More than one batch goes at once.
func TestPurgeSecurityMany(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna := newUser(t, d.store, "Anna")
	d.exec(t, `
		INSERT INTO security_events (user_id, kind, at)
		SELECT $1, 'sign_in', now() - interval '181 days' FROM generate_series(1, 12000)`, int64(anna.ID))
	if n, err := d.store.PurgeSecurity(t.Context()); err != nil || n != 12000 {
		t.Errorf("purged %d, %v", n, err)
	}
}

func TestKnownAddress(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	for address, kind := range map[string]rally.SecurityKind{
		"192.0.2.1": rally.SecuritySignIn, "192.0.2.2": rally.SecuritySignUp, "192.0.2.3": rally.SecuritySignInFailed,
		"192.0.2.4": rally.SecurityCodeFailed, "": rally.SecuritySignIn,
	} {
		if err := s.RecordSecurity(t.Context(), rally.SecurityEvent{User: anna.ID, Kind: kind, Address: address}); err != nil {
			t.Fatal(err)
		}
	}
	known := func(u rally.User, address string) bool {
		t.Helper()
		known, err := s.KnownAddress(t.Context(), u.ID, address)
		if err != nil {
			t.Fatal(err)
		}
		return known
	}
	for address, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": true, "192.0.2.3": false, "192.0.2.4": false, "192.0.2.5": false, "": false, "\x00": false,
	} {
		if got := known(anna, address); got != want {
			t.Errorf("%q is known: %v", address, got)
		}
		if known(berta, address) {
			t.Errorf("%q is known as another's", address)
		}
	}
	d.move(30*24*time.Hour - time.Minute)
	if !known(anna, "192.0.2.1") {
		t.Error("forgotten too soon")
	}
	d.move(2 * time.Minute)
	if known(anna, "192.0.2.1") {
		t.Error("still known")
	}
}
