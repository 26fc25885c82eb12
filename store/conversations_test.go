package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
)

// seen is a conversation in short: with whom, how the user stands to them, and
// what is said.
type seen struct {
	Other    rally.UserID
	Relation rally.Relation
	Muted    bool
	Quiet    bool
	Unread   int
	Texts    []string
}

func inShort(c rally.Conversation) seen {
	short := seen{Other: c.Other.ID, Relation: c.Relation, Muted: c.Muted, Quiet: c.Quiet, Unread: c.Unread}
	for _, m := range c.Messages {
		short.Texts = append(short.Texts, m.Text)
	}
	return short
}

func TestFindConversation(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	d.befriend(t, anna, berta)
	d.befriend(t, carla, berta)
	for _, text := range []string{"one", "two", "three"} {
		d.say(t, anna, berta, text)
		d.say(t, berta, anna, "to "+text)
	}
	d.say(t, carla, berta, "else")
	is := func(user, other rally.UserID, before int64, limit int, want seen) rally.Conversation {
		t.Helper()
		got, err := s.FindConversation(t.Context(), user, other, before, limit)
		if diff := cmp.Diff(want, inShort(got)); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		return got
	}
	c := is(anna, berta, 0, 2, seen{berta, rally.RelationFriends, false, false, 3, []string{"three", "to three"}})
	if c.Other.Name != "Berta" || c.Other.Email != "" {
		t.Errorf("with %+v", c.Other)
	}
	is(anna, berta, c.Messages[0].ID, 3, seen{berta, rally.RelationFriends, false, false, 3, []string{"to one", "two", "to two"}})
	is(carla, anna, 0, 9, seen{anna, rally.RelationNone, false, false, 0, nil})

	d.mute(t, berta, anna, true)
	if err := s.SetChat(t.Context(), berta, false); err != nil {
		t.Fatal(err)
	}
	is(berta, anna, 0, 1, seen{anna, rally.RelationFriends, true, true, 3, []string{"to three"}})
	is(anna, berta, 0, 1, seen{berta, rally.RelationFriends, false, false, 3, []string{"to three"}})
	act(t, s.Block, berta, anna)
	is(berta, anna, 0, 1, seen{anna, rally.RelationBlocked, true, true, 3, []string{"to three"}})
	is(anna, berta, 0, 1, seen{berta, rally.RelationNone, false, false, 3, []string{"to three"}})
	d.move(30*24*time.Hour + time.Minute)
	is(anna, berta, 0, 9, seen{berta, rally.RelationNone, false, false, 0, nil})

	for _, other := range []rally.UserID{anna, 12345, 0} {
		_, err := s.FindConversation(t.Context(), anna, other, 0, 9)
		isError(t, err, rally.ENotFound, "error.not_found")
	}
}

func TestListConversations(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora", "Emil", "Frida")
	anna, berta, carla, dora, emil, frida := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]
	for _, other := range []rally.UserID{berta, carla, emil, frida} {
		d.befriend(t, anna, other)
	}
	d.befriend(t, berta, carla)
	d.say(t, berta, anna, "one")
	d.say(t, anna, carla, "two")
	if _, err := d.store.SendMessage(t.Context(), dora, anna, "good game", true); err != nil {
		t.Fatal(err)
	}
	d.say(t, berta, carla, "not hers")
	d.say(t, anna, berta, "three")
	d.say(t, berta, anna, "four")
	d.say(t, emil, anna, "five")
	d.mute(t, anna, berta, true)
	act(t, d.store.Block, anna, emil)
	want := []seen{
		{berta, rally.RelationFriends, true, false, 2, []string{"four"}},
		{dora, rally.RelationNone, false, false, 1, []string{"good game"}},
		{carla, rally.RelationFriends, false, false, 0, []string{"two"}},
	}
	for _, size := range []int{1, 2, 100} {
		var got []seen
		for before := int64(0); ; {
			page, err := d.store.ListConversations(t.Context(), anna, before, size)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page {
				got = append(got, inShort(c))
				before = c.Messages[0].ID
			}
			if len(page) < size {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
		}
	}
	d.move(30*24*time.Hour + time.Minute)
	if got, err := d.store.ListConversations(t.Context(), anna, 0, 10); err != nil || len(got) != 0 {
		t.Errorf("a month later %v, %v", got, err)
	}
}
