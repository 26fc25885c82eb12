package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
)

// notices gives somebody's notices as "kind by whom", the newest first.
func (d *desk) notices(t *testing.T, user rally.UserID) (all []string) {
	t.Helper()
	for before := int64(0); ; {
		page, err := d.store.ListNotices(t.Context(), user, before, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page {
			all = append(all, fmt.Sprintf("%s by %s", n.Kind, n.From.Name))
			if n.From.Email != "" {
				t.Errorf("shows %+v", n.From)
			}
			before = n.ID
		}
		if len(page) < 2 {
			return all
		}
	}
}

// unread gives how many notices somebody has not read.
func (d *desk) unread(t *testing.T, user rally.UserID) int {
	t.Helper()
	in, err := d.store.Inbox(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return in.Notices
}

// What friends do to each other is told to the one who did not do it, as long
// as it holds, and never to somebody who has blocked them.
func TestNoticesOfFriends(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	check := func(what string, ofAnna, ofBerta []string, told ...rally.UserID) {
		t.Helper()
		if diff := cmp.Diff(ofAnna, d.notices(t, anna)); diff != "" {
			t.Errorf("%s: Anna's (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff(ofBerta, d.notices(t, berta)); diff != "" {
			t.Errorf("%s: Berta's (-want +got):\n%s", what, diff)
		}
		var want [][]rally.UserID
		for _, u := range told {
			want = append(want, []rally.UserID{u})
		}
		if diff := cmp.Diff(want, d.told(rally.Noticed)); diff != "" {
			t.Errorf("%s: told (-want +got):\n%s", what, diff)
		}
		d.forget()
	}
	asked, accepted := []string{"friend_asked by Anna"}, []string{"friend_accepted by Berta"}
	d.ask(t, anna, berta)
	check("asked", nil, asked, berta)
	d.ask(t, anna, berta)
	check("asked twice", nil, asked)
	act(t, s.Withdraw, anna, berta)
	check("withdrawn", nil, nil, berta)
	d.ask(t, anna, berta)
	check("asked again", nil, asked, berta)
	act(t, s.Decline, berta, anna)
	check("declined", nil, nil, berta)
	d.ask(t, anna, berta)
	d.forget()
	act(t, s.Accept, berta, anna)
	check("accepted", accepted, nil, berta, anna)
	act(t, s.Remove, anna, berta)
	check("removed", accepted, nil)
	d.ask(t, anna, berta)
	d.forget()
	d.ask(t, berta, anna)
	check("crossed", append(accepted, accepted...), nil, berta, anna)
	act(t, s.Block, anna, berta)
	check("blocked", nil, nil, anna)
	d.ask(t, berta, anna)
	check("asked while blocked", nil, nil)
	act(t, s.Withdraw, berta, anna)
	act(t, s.Unblock, anna, berta)
	check("unblocked", nil, nil)

	d.ask(t, carla, berta)
	d.ask(t, anna, berta)
	check("two", nil, []string{"friend_asked by Anna", "friend_asked by Carla"}, berta, berta)
	act(t, s.Block, carla, berta)
	check("blocked by who had asked", nil, asked, berta)
	if n := d.unread(t, berta); n != 1 {
		t.Errorf("%d are unread", n)
	}
	d.exec(t, `DELETE FROM users WHERE id = $1`, anna)
	if got := d.notices(t, berta); got != nil {
		t.Errorf("left by who has gone: %v", got)
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta")
	anna, berta := ids[0], ids[1]
	match := rally.NewMatchID()
	for range 3 {
		if err := s.AddNotice(t.Context(), anna, rally.Notice{Kind: rally.NoticeTournamentCall, Match: match}); err != nil {
			t.Fatal(err)
		}
	}
	d.ask(t, anna, berta)
	d.forget()
	all, err := s.ListNotices(t.Context(), anna, 0, 100)
	if err != nil || len(all) != 3 {
		t.Fatalf("%d notices, %v", len(all), err)
	}
	want := rally.Notice{ID: all[0].ID, Kind: rally.NoticeTournamentCall, Match: match, At: all[0].At}
	if diff := cmp.Diff(want, all[0]); diff != "" || time.Since(want.At).Abs() > time.Minute {
		t.Errorf("at %v (-want +got):\n%s", want.At, diff)
	}
	// Only one's own are read, up to where one has read, and it is told once.
	for range 2 {
		if err := s.MarkRead(t.Context(), anna, all[1].ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.MarkRead(t.Context(), anna, all[2].ID-1); err != nil {
		t.Fatal(err)
	}
	if n, m := d.unread(t, anna), d.unread(t, berta); n != 1 || m != 1 {
		t.Errorf("%d and %d are unread", n, m)
	}
	if diff := cmp.Diff([][]rally.UserID{{anna}}, d.told(rally.Noticed)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if now, err := s.ListNotices(t.Context(), anna, 0, 100); err != nil || now[0].Read || !now[1].Read || !now[2].Read {
		t.Errorf("read: %+v, %v", now, err)
	}
	isError(t, s.AddNotice(t.Context(), 12345, rally.Notice{Kind: rally.NoticeTournamentCall}), rally.ENotFound, "error.not_found")

	d.move(90*24*time.Hour + time.Minute)
	d.exec(t, `UPDATE notices SET at = at + interval '2 minutes' WHERE user_id = $1`, berta)
	if got, n := d.notices(t, anna), d.unread(t, anna); len(got) != 0 || n != 0 {
		t.Errorf("of old: %v, %d", got, n)
	}
	if n, err := s.PurgeNotices(t.Context()); err != nil || n != 3 {
		t.Errorf("purged %d, %v", n, err)
	}
	if got := d.notices(t, berta); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}
