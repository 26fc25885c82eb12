package store_test

import (
	"context"
	"math"
	"testing"

	"rally"
)

// Lists go on before any ID that there may be.
func TestListsBeforeAnyID(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta")
	anna, berta := ids[0], ids[1]
	d.befriend(t, anna, berta) // of which Anna has a notice
	if _, err := s.SendMessage(t.Context(), berta, anna, "hello", false); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordSecurity(t.Context(), rally.SecurityEvent{User: anna, Kind: rally.SecuritySignIn}); err != nil {
		t.Fatal(err)
	}
	for what, list := range map[string]func(ctx context.Context, before int64) (int, error){
		"notices": func(ctx context.Context, before int64) (int, error) {
			found, err := s.ListNotices(ctx, anna, before, 10)
			return len(found), err
		},
		"a conversation": func(ctx context.Context, before int64) (int, error) {
			found, err := s.FindConversation(ctx, anna, berta, before, 10)
			return len(found.Messages), err
		},
		"conversations": func(ctx context.Context, before int64) (int, error) {
			found, err := s.ListConversations(ctx, anna, before, 10)
			return len(found), err
		},
		"security": func(ctx context.Context, before int64) (int, error) {
			found, err := s.ListSecurity(ctx, anna, before, 10)
			return len(found), err
		},
	} {
		for _, before := range []int64{0, math.MaxInt32, math.MaxInt32 + 1, math.MaxInt64} {
			if n, err := list(t.Context(), before); n != 1 || err != nil {
				t.Errorf("%s before %d: %d, %v", what, before, n, err)
			}
		}
	}
}
