package store_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
)

func TestScheduleDeletion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	one, _ := d.open(t, "", anna.ID, rally.StageFull)
	other, _ := d.open(t, "", anna.ID, rally.StageFull)
	_, bertas := d.open(t, "", berta.ID, rally.StageFull)
	at := time.Now().Add(rally.DeletionDelay).UTC().Truncate(time.Microsecond)
	if err := d.store.ScheduleDeletion(t.Context(), anna.ID, at); err != nil {
		t.Fatal(err)
	}
	if got := userNow(t, d.store, anna.ID).DeleteAt; !got.Equal(at) {
		t.Errorf("she goes at %s, want %s", got, at)
	}
	want := map[rally.SessionID]string{one.ID: "account_deleted", other.ID: "account_deleted"}
	if diff := cmp.Diff(want, d.ended()); diff != "" || d.opens(t, bertas) == "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	// She signs in again and stays.
	_, again := d.open(t, "", anna.ID, rally.StageFull)
	if err := d.store.KeepAccount(t.Context(), anna.ID); err != nil || !userNow(t, d.store, anna.ID).DeleteAt.IsZero() {
		t.Errorf("kept: %v", err)
	}
	d.move(rally.DeletionDelay + time.Hour)
	if n, err := d.store.DeleteDue(t.Context()); n != 0 || err != nil || d.opens(t, again) == "" {
		t.Errorf("deleted %d, %v", n, err)
	}
	fields(t, d.store.ScheduleDeletion(t.Context(), 12345, at), rally.ENotFound)
	fields(t, d.store.KeepAccount(t.Context(), 12345), rally.ENotFound)
}

// Nobody can challenge back who is about to go.
func TestScheduleDeletionTakesChallengesBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora")
	anna, berta, carla, dora := ids[0], ids[1], ids[2], ids[3]
	d.befriend(t, anna, berta)
	d.befriend(t, anna, dora)
	d.befriend(t, berta, carla)
	expired := d.challenge(t, anna, dora, 11)
	d.move(rally.ChallengeLife)
	open, link, unseen := d.challenge(t, anna, berta, 11), d.challenge(t, anna, 0, 11), d.challenge(t, anna, carla, 11)
	other := d.challenge(t, carla, berta, 11)
	d.forget()
	if err := d.store.ScheduleDeletion(t.Context(), anna, time.Now().Add(rally.DeletionDelay)); err != nil {
		t.Fatal(err)
	}
	for c, want := range map[rally.ChallengeID]rally.ChallengeState{
		open.ID: rally.ChallengeWithdrawn, link.ID: rally.ChallengeWithdrawn, unseen.ID: rally.ChallengeWithdrawn,
		expired.ID: rally.ChallengeOpen,
	} {
		d.isState(t, c, anna, want)
	}
	isError(t, take(t, d, open.ID, berta), rally.ENotFound, "challenge.gone")
	isError(t, take(t, d, link.ID, dora), rally.ENotFound, "challenge.gone")
	told := d.told(rally.ChallengeChanged)
	slices.SortFunc(told, slices.Compare)
	if diff := cmp.Diff([][]rally.UserID{{anna}, {anna}, {anna, berta}}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]rally.UserID{{berta}}, d.told(rally.Noticed)); diff != "" {
		t.Errorf("noticed by (-want +got):\n%s", diff)
	}
	if got := d.challenges(t, berta); len(got) != 1 || got[0] != other.ID {
		t.Errorf("Berta sees %v", got)
	}
	if n := d.unread(t, dora); n != 1 { // that she missed one
		t.Errorf("Dora has %d notices", n)
	}
}

// When the time has come, everything goes that is about the person, and their
// matches keep a nameless player.
func TestDeleteDue(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := rally.Identity{Issuer: "https://id.example", Subject: "7", Provider: "oidc", Label: "anna"}
	anna, err := d.store.CreateUser(t.Context(), rally.NewUser{
		Name: "Anna", Email: "anna@example.com", EmailVerified: true, PasswordHash: "x", Identity: &id,
	})
	if err != nil {
		t.Fatal(err)
	}
	berta, carla := newUser(t, d.store, "Berta"), newUser(t, d.store, "Carla")
	m := played(anna, berta)
	keep(t, d.store, m)
	for _, sql := range []string{
		"INSERT INTO avatars VALUES ($1, 'x')",
		"INSERT INTO factors VALUES ($1, 'x', now())",
		"INSERT INTO recovery_codes VALUES ($1, sha256('x'))",
		"INSERT INTO links VALUES (sha256('x'), $1, 'reset', 'anna@example.com', now())",
		"INSERT INTO security_events (user_id, kind, at) VALUES ($1, 'sign_in', now())",
	} {
		d.exec(t, sql, int64(anna.ID))
	}
	now := time.Now()
	for user, at := range map[rally.User]time.Time{anna: now.Add(time.Hour), carla: now.Add(3 * time.Hour)} {
		if err := d.store.ScheduleDeletion(t.Context(), user.ID, at); err != nil {
			t.Fatal(err)
		}
	}
	session, cookie := d.open(t, "", anna.ID, rally.StageFull) // she looked in, and let it be
	places := d.store.Places("node")
	if ok, err := places.Claim(t.Context(), anna.ID, session.ID); !ok || err != nil {
		t.Fatal(err)
	}
	if n, err := d.store.DeleteDue(t.Context()); n != 0 || err != nil {
		t.Fatalf("before their time: deleted %d, %v", n, err)
	}
	d.move(2 * time.Hour)
	if n, err := d.store.DeleteDue(t.Context()); n != 1 || err != nil {
		t.Fatalf("deleted %d, %v", n, err)
	}
	_, err = d.store.FindUser(t.Context(), anna.ID)
	fields(t, err, rally.ENotFound)
	if diff := cmp.Diff(map[rally.SessionID]string{session.ID: "account_deleted"}, d.ended()); diff != "" || d.opens(t, cookie) != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	for _, table := range []string{
		"avatars", "identities", "factors", "recovery_codes", "links", "security_events", "sessions", "places",
	} {
		if n := d.count(t, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	kept, err := d.store.FindMatch(t.Context(), m.ID)
	if err != nil || kept.Players[0].User != 0 || kept.Players[0].Name != "" || kept.Players[0].Score != m.Players[0].Score {
		t.Errorf("her match: %+v, %v", kept.Players[0], err)
	}
	if kept.Players[1].Name != "Berta" || userNow(t, d.store, berta.ID).Losses != 1 {
		t.Errorf("the other's: %+v", kept.Players[1])
	}
	newUser(t, d.store, "Anna") // name and address are free
}

// Whom somebody leaves behind hears of it: what their open pages show is over.
func TestDeleteDueTells(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Me", "friend", "asking", "asked", "blocking", "blocked", "noticed", "reading", "read", "Anna")
	me, friend, asking, asked, blocking, blocked := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]
	noticed, reading, read := ids[6], ids[7], ids[8]
	d.befriend(t, friend, me) // who has a notice of it
	d.ask(t, asking, me)
	d.ask(t, me, asked)
	act(t, s.Block, blocking, me)
	d.ask(t, me, blocking) // who never sees it
	act(t, s.Block, me, blocked)
	d.ask(t, blocked, me)
	d.befriend(t, noticed, me)
	act(t, s.Remove, noticed, me)
	for _, id := range []rally.UserID{reading, read} {
		if _, err := s.SendMessage(t.Context(), me, id, "hello", true); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.MarkMessagesRead(t.Context(), read, me, 1<<40); err != nil {
		t.Fatal(err)
	}
	if err := s.ScheduleDeletion(t.Context(), me, time.Now()); err != nil {
		t.Fatal(err)
	}
	d.move(time.Minute)
	d.forget()
	if n, err := s.DeleteDue(t.Context()); n != 1 || err != nil {
		t.Fatalf("deleted %d, %v", n, err)
	}
	for kind, want := range map[rally.EventKind][][]rally.UserID{
		rally.FriendsChanged: {{me, friend}, {me, asking}, {me, asked}, {me, blocked}},
		rally.Noticed:        {{friend}, {asked}, {noticed}},
		rally.MessagesRead:   {{reading}},
	} {
		got := d.told(kind)
		slices.SortFunc(got, slices.Compare)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// Several nodes do it at once, and each account once.
func TestDeleteDueConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const accounts = 30
	for i := range accounts {
		u := newUser(t, d.store, "Anna "+string(rune('가'+i)))
		if err := d.store.ScheduleDeletion(t.Context(), u.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	d.move(time.Minute)
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			n, err := d.store.DeleteDue(t.Context())
			if err != nil {
				t.Error(err)
			}
			total.Add(int64(n))
		})
	}
	wg.Wait()
	if left := d.count(t, "SELECT count(*) FROM users"); total.Load() != accounts || left != 0 {
		t.Errorf("deleted %d, and %d are left", total.Load(), left)
	}
}
