package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rally"
)

// say sends a message between friends.
func (d *desk) say(t *testing.T, from, to rally.UserID, text string) rally.Message {
	t.Helper()
	m, err := d.store.SendMessage(t.Context(), from, to, text, false)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// unreadIs checks how many messages somebody has not read, by who has said them;
// those who are muted are left out.
func (d *desk) unreadIs(t *testing.T, user rally.UserID, want map[rally.UserID]int) {
	t.Helper()
	conversations, err := d.store.ListConversations(t.Context(), user, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	got, sum := make(map[rally.UserID]int), 0
	for _, c := range conversations {
		if c.Unread > 0 && !c.Muted {
			got[c.Other.ID] = c.Unread
			sum += c.Unread
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("of %d is unread (-want +got):\n%s", user, diff)
	}
	if in, err := d.store.Inbox(t.Context(), user); err != nil || in.Messages != sum {
		t.Errorf("%d has %d in the inbox, %d in the list, %v", user, in.Messages, sum, err)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	d.befriend(t, anna, berta)
	d.befriend(t, anna, carla)
	d.forget()
	m := d.say(t, anna, berta, "  <b>hello</b>\n\u202eyou ")
	want := rally.Message{ID: m.ID, From: anna, To: berta, At: m.At, Text: "<b>hello</b> you"}
	if diff := cmp.Diff(want, m); diff != "" || time.Since(m.At).Abs() > time.Minute {
		t.Errorf("at %v (-want +got):\n%s", m.At, diff)
	}
	if diff := cmp.Diff([][]rally.UserID{{anna, berta}}, d.told(rally.MessageSent)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	all := []rally.Message{m}
	for range 4 {
		all = append(all, d.say(t, berta, anna, "one"), d.say(t, anna, berta, "two"))
		d.say(t, carla, anna, "between")
	}
	list := func(a, b rally.UserID, size int) (texts []rally.Message) {
		t.Helper()
		for before := int64(0); ; {
			found, err := s.FindConversation(t.Context(), a, b, before, size)
			if err != nil {
				t.Fatal(err)
			}
			page := found.Messages
			if texts = append(page, texts...); len(page) < size {
				return texts
			}
			before = page[0].ID
		}
	}
	for _, size := range []int{1, 2, 3, 100} {
		if diff := cmp.Diff(all, list(anna, berta, size)); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
		}
		if diff := cmp.Diff(all, list(berta, anna, size)); diff != "" {
			t.Errorf("from the other side, in pages of %d (-want +got):\n%s", size, diff)
		}
	}
	if got := list(berta, carla, 10); len(got) != 0 {
		t.Errorf("others read %v", got)
	}

	d.unreadIs(t, anna, map[rally.UserID]int{berta: 4, carla: 4})
	d.unreadIs(t, berta, map[rally.UserID]int{anna: 5})
	d.forget()
	for range 2 {
		if err := s.MarkMessagesRead(t.Context(), anna, berta, all[3].ID); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([][]rally.UserID{{anna}}, d.told(rally.MessagesRead)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	d.unreadIs(t, anna, map[rally.UserID]int{berta: 2, carla: 4})
	act(t, s.Block, anna, carla)
	d.unreadIs(t, anna, map[rally.UserID]int{berta: 2})
	d.unreadIs(t, carla, nil)

	// What is a month old is shown no more, and then gone.
	d.move(30*24*time.Hour + time.Minute)
	last := d.say(t, berta, anna, "still here")
	if diff := cmp.Diff([]rally.Message{last}, list(anna, berta, 10)); diff != "" {
		t.Errorf("a month later (-want +got):\n%s", diff)
	}
	d.unreadIs(t, anna, map[rally.UserID]int{berta: 1})
	if n, err := s.PurgeMessages(t.Context()); err != nil || n != 13 {
		t.Errorf("purged %d, %v", n, err)
	}
	if n := d.count(t, "SELECT count(*) FROM messages"); n != 1 {
		t.Errorf("%d are left", n)
	}
}

// Who may not say something, to whom, and what they are told.
func TestMessagesRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora", "Emil", "Frida")
	me, friend, stranger, blocking, blocked, quiet := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]
	if err := s.SetChat(t.Context(), quiet, false); err != nil {
		t.Fatal(err)
	}
	d.befriend(t, me, friend)
	d.befriend(t, me, quiet)
	d.befriend(t, me, blocking)
	act(t, s.Block, blocking, me)
	act(t, s.Block, me, blocked)
	send := func(to rally.UserID, opponents bool) error {
		_, err := s.SendMessage(t.Context(), me, to, "hello", opponents)
		return err
	}
	for what, err := range map[string]error{
		"a stranger":                  send(stranger, false),
		"who blocks one":              send(blocking, false),
		"an opponent who blocks one":  send(blocking, true),
		"whom one blocks":             send(blocked, false),
		"an opponent whom one blocks": send(blocked, true),
		"a friend who wants quiet":    send(quiet, false),
		"an opponent who wants it":    send(quiet, true),
	} {
		t.Log(what)
		isError(t, err, rally.EForbidden, "chat.not_allowed")
	}
	isError(t, send(me, false), rally.EInvalid, "friends.self")
	isError(t, send(12345, true), rally.ENotFound, "error.not_found")
	if err := send(stranger, true); err != nil {
		t.Errorf("to an opponent: %v", err)
	}
	if err := send(friend, false); err != nil {
		t.Errorf("to a friend: %v", err)
	}
	for text, want := range map[string]string{
		"": "field.message_empty", "a\x00": "field.message_chars", strings.Repeat("x", 501): "field.message_long",
	} {
		_, err := s.SendMessage(t.Context(), me, friend, text, false)
		if got := fields(t, err, rally.EInvalid); got["text"] != want {
			t.Errorf("%.10q: %v", text, got)
		}
	}
	if err := s.SetChat(t.Context(), me, false); err != nil {
		t.Fatal(err)
	}
	isError(t, send(friend, false), rally.EConflict, "chat.quiet")
	for user, want := range map[rally.UserID]bool{me: false, friend: true, quiet: false} {
		if got, err := s.Chats(t.Context(), user); err != nil || got != want {
			t.Errorf("%d chats: %v, %v", user, got, err)
		}
	}
	isError(t, s.SetChat(t.Context(), 12345, true), rally.ENotFound, "error.not_found")
	_, err := s.Chats(t.Context(), 12345)
	isError(t, err, rally.ENotFound, "error.not_found")
	if got := d.told(rally.MessageSent); len(got) != 2 {
		t.Errorf("told %v", got)
	}
}
