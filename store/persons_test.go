package store_test

import (
	"testing"
	"time"

	"rally"
)

// Somebody is seen as their lists have them: only a friend's last time online,
// and no block of theirs.
func TestFindPerson(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora")
	anna, berta, carla, dora := ids[0], ids[1], ids[2], ids[3]
	d.befriend(t, anna, berta)
	d.ask(t, carla, anna)
	act(t, d.store.Block, dora, anna)
	act(t, d.store.Block, anna, dora)
	seen := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	if err := d.store.SetSeen(t.Context(), map[rally.UserID]time.Time{anna: seen, berta: seen, carla: seen}); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name          string
		viewer, other rally.UserID
		want          rally.Relation
		seen          time.Time
	}{
		{"a friend", anna, berta, rally.RelationFriends, seen},
		{"back", berta, anna, rally.RelationFriends, seen},
		{"who asks", anna, carla, rally.RelationAskedBy, time.Time{}},
		{"who was asked", carla, anna, rally.RelationAsked, time.Time{}},
		{"who is blocked", anna, dora, rally.RelationBlocked, time.Time{}},
		{"a stranger", berta, carla, rally.RelationNone, time.Time{}},
		{"oneself", anna, anna, rally.RelationNone, time.Time{}},
		{"anybody, seen by nobody", 0, anna, rally.RelationNone, time.Time{}},
	} {
		p, err := d.store.FindPerson(t.Context(), c.viewer, c.other)
		if err != nil || p.User.ID != c.other || p.Relation != c.want || !p.SeenAt.Equal(c.seen) {
			t.Errorf("%s: %+v, want %q and %v, %v", c.name, p, c.want, c.seen, err)
		}
		if p.User.Email != "" || p.User.Name == "" || p.User.Rating.Zero() {
			t.Errorf("%s: %+v", c.name, p.User)
		}
	}
	act(t, d.store.Unblock, anna, dora)
	if p, err := d.store.FindPerson(t.Context(), anna, dora); err != nil || p.Relation != rally.RelationNone {
		t.Errorf("who blocks the viewer: %+v, %v", p, err)
	}
	_, err := d.store.FindPerson(t.Context(), anna, 12345)
	isError(t, err, rally.ENotFound, "error.not_found")
}

// Several accounts are found at once, without what is their own business.
func TestFindUsers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Carla")
	found, err := d.store.FindUsers(t.Context(), []rally.UserID{ids[0], ids[2], ids[2], 12345})
	if err != nil || len(found) != 2 || found[ids[0]].Name != "Anna" || found[ids[2]].Name != "Carla" {
		t.Errorf("%+v, %v", found, err)
	}
	for id, u := range found {
		if u.ID != id || u.Email != "" || u.Rating.Zero() {
			t.Errorf("%d: %+v", id, u)
		}
	}
	if none, err := d.store.FindUsers(t.Context(), nil); err != nil || len(none) != 0 {
		t.Errorf("of nobody: %+v, %v", none, err)
	}
}
