package store_test

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"rally"
	"rally/store"
)

// What waits for somebody is what the lists say, found with one query.
func TestInbox(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora", "Emil")
	anna, berta, carla, dora, emil := ids[0], ids[1], ids[2], ids[3], ids[4]
	check := func(what string, user rally.UserID, want rally.Inbox) {
		t.Helper()
		got, err := d.store.Inbox(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got.Friends)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(rally.User{}, "Rating", "CreatedAt")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("nothing", anna, rally.Inbox{})
	check("nobody", 1<<40, rally.Inbox{})

	d.befriend(t, berta, anna)
	d.befriend(t, anna, carla)
	d.ask(t, dora, anna)
	d.ask(t, anna, emil)
	if err := d.store.MarkRead(t.Context(), anna, 1<<40); err != nil {
		t.Fatal(err)
	}
	d.say(t, berta, anna, "one")
	d.say(t, berta, anna, "two")
	d.say(t, carla, anna, "from somebody muted")
	d.say(t, anna, berta, "one's own")
	d.mute(t, anna, carla, true)
	first := d.challenge(t, berta, anna, 5)
	d.move(time.Second)
	second := d.challenge(t, carla, anna, 7)
	d.challenge(t, dora, anna, 11) // of somebody who is no friend
	d.challenge(t, anna, berta, 3) // would be crossed, with other rules: accepted
	want := rally.Inbox{Requests: 1, Notices: 1, Messages: 2, Friends: []rally.UserID{berta, carla}, Challenges: []rally.Challenge{second}}
	check("all kinds", anna, want)
	if first.ID == second.ID {
		t.Fatal("two challenges are one")
	}

	d.move(rally.ChallengeLife)
	want.Challenges = nil
	check("challenges are over", anna, want)
	if err := d.store.Block(t.Context(), anna, berta); err != nil {
		t.Fatal(err)
	}
	check("one is blocked", anna, rally.Inbox{Requests: 1, Notices: 1, Friends: []rally.UserID{carla}})
}

func TestInboxIsOneQuery(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta")
	d.befriend(t, ids[0], ids[1])
	d.challenge(t, ids[1], ids[0], 5)
	var q queryCounter
	s := q.open(t, d.url)
	q.reset()
	if in, err := s.Inbox(t.Context(), ids[0]); err != nil || len(in.Challenges) != 1 {
		t.Fatalf("%+v, %v", in, err)
	}
	if verbs := q.verbs(); len(verbs) != 1 {
		t.Errorf("statements: %v", verbs)
	}
}

// However many there are, counting ends: a friend who writes all day long does
// not make every page slow.
func TestInboxCountsSoFar(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta")
	d.exec(t, `INSERT INTO messages (from_user, to_user, at, text) SELECT $1, $2, now(), 'again' FROM generate_series(1, 300)`,
		int64(ids[1]), int64(ids[0]))
	d.exec(t, `INSERT INTO notices (user_id, kind, from_user, at) SELECT $1, 'tournament_call', $2, now() FROM generate_series(1, 300)`,
		int64(ids[0]), int64(ids[1]))
	in, err := d.store.Inbox(t.Context(), ids[0])
	if err != nil || in.Messages != rally.InboxMax || in.Notices != rally.InboxMax {
		t.Errorf("%d messages, %d notices, %v", in.Messages, in.Notices, err)
	}
}

// Nor does somebody who is muted or blocked and goes on writing: what they say is
// not even read, whatever the database knows of its tables.
func TestInboxSkipsTheMuted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora", "Emil")
	anna, muted, blocked := ids[0], ids[2], ids[4]
	d.mute(t, anna, muted, true)
	act(t, d.store.Block, anna, blocked)
	const say = `INSERT INTO messages (from_user, to_user, at, text) SELECT $1, $2, now(), 'again' FROM generate_series(1, $3)`
	for i, n := range []int{3, 3000, 3, 3000} {
		d.exec(t, say, int64(ids[i+1]), int64(anna), n)
	}
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	scan := regexp.MustCompile(`Scan .*on messages.*rows=(\d+) loops=(\d+)`)
	now := time.Now()
	for _, known := range []string{"SELECT", "ANALYZE", "SET plan_cache_mode = force_generic_plan"} {
		if _, err := conn.Exec(t.Context(), known); err != nil {
			t.Fatal(err)
		}
		rows, _ := conn.Query(t.Context(), "EXPLAIN (ANALYZE) "+store.InboxSQL, int64(anna), now, now.Add(-time.Hour), now.Add(-time.Hour), 50, 100)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan, read := strings.Join(lines, "\n"), 0
		for _, found := range scan.FindAllStringSubmatch(plan, -1) {
			n, _ := strconv.Atoi(found[1])
			loops, _ := strconv.Atoi(found[2])
			read += n * loops
		}
		if read == 0 || read > 100 {
			t.Errorf("%s: %d rows are read:\n%s", known, read, plan)
		}
	}
	if in, err := d.store.Inbox(t.Context(), anna); err != nil || in.Messages != 6 {
		t.Errorf("%d messages, %v", in.Messages, err)
	}
}
