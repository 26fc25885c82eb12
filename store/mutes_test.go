package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rally"
)

// mute mutes somebody, or takes it back.
func (d *desk) mute(t *testing.T, user, other rally.UserID, on bool) {
	t.Helper()
	if err := d.store.SetMute(t.Context(), user, other, on); err != nil {
		t.Fatal(err)
	}
}

// Whoever is muted says what they like: it is kept, and counts for nothing.
func TestMutes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	d.befriend(t, anna, berta)
	d.befriend(t, anna, carla)
	d.say(t, berta, anna, "one")
	d.say(t, carla, anna, "two")
	muted := func(user, other rally.UserID, want bool) {
		t.Helper()
		if got, err := s.Muted(t.Context(), user, other); err != nil || got != want {
			t.Errorf("%d has muted %d: %v, %v", user, other, got, err)
		}
	}
	d.unreadIs(t, anna, map[rally.UserID]int{berta: 1, carla: 1})
	d.forget()
	for range 2 {
		d.mute(t, anna, berta, true)
	}
	if diff := cmp.Diff([][]rally.UserID{{anna}, {anna}}, d.told(rally.MessagesRead)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	muted(anna, berta, true)
	muted(berta, anna, false)
	muted(anna, carla, false)
	d.say(t, berta, anna, "three")
	d.unreadIs(t, anna, map[rally.UserID]int{carla: 1})
	if c, err := s.FindConversation(t.Context(), anna, berta, 0, 10); err != nil || len(c.Messages) != 2 {
		t.Errorf("kept %v, %v", c.Messages, err)
	}
	for range 2 {
		d.mute(t, anna, berta, false)
	}
	muted(anna, berta, false)
	d.unreadIs(t, anna, map[rally.UserID]int{berta: 2, carla: 1})

	isError(t, s.SetMute(t.Context(), anna, anna, true), rally.EInvalid, "friends.self")
	isError(t, s.SetMute(t.Context(), anna, 12345, true), rally.ENotFound, "error.not_found")
	isError(t, s.SetMute(t.Context(), 12345, anna, true), rally.ENotFound, "error.not_found")
}

// One person mutes a thousand, and is told when that is too many.
func TestMutesMax(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.crowd(t, 1002)
	d.exec(t, `INSERT INTO mutes SELECT $1, id, now() FROM users WHERE id <> $1 AND id <> $2`, int64(ids[0]), int64(ids[1]))
	isError(t, d.store.SetMute(t.Context(), ids[0], ids[1], true), rally.EConflict, "chat.muted_too_many")
	d.mute(t, ids[0], ids[2], true) // again
	d.mute(t, ids[0], ids[2], false)
	d.mute(t, ids[0], ids[1], true)
}
