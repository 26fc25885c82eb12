package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"rally"
)

// told gives what was published of this kind since the last call of forget, as
// the users of each.
func (d *desk) told(kind rally.EventKind) (users [][]rally.UserID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.said {
		if e.Kind == kind {
			users = append(users, e.Users)
		}
	}
	return users
}

// forget forgets what was published.
func (d *desk) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.said = nil
}

// people makes accounts.
func (d *desk) people(t *testing.T, names ...string) (ids []rally.UserID) {
	t.Helper()
	for _, name := range names {
		ids = append(ids, newUser(t, d.store, name).ID)
	}
	return ids
}

// ask asks and says how the two stand then.
func (d *desk) ask(t *testing.T, from, to rally.UserID) rally.Relation {
	t.Helper()
	now, err := d.store.Ask(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// befriend makes two people friends.
func (d *desk) befriend(t *testing.T, a, b rally.UserID) {
	t.Helper()
	d.ask(t, a, b)
	if d.ask(t, b, a) != rally.RelationFriends {
		t.Fatalf("%d and %d are no friends", a, b)
	}
}

// stand gives how two people stand to each other.
func (d *desk) stand(t *testing.T, a, b rally.UserID) [2]rally.Relation {
	t.Helper()
	there, err := d.store.FindPerson(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	back, err := d.store.FindPerson(t.Context(), b, a)
	if err != nil {
		t.Fatal(err)
	}
	return [2]rally.Relation{there.Relation, back.Relation}
}

// act does what must not fail.
func act(t *testing.T, fn func(context.Context, rally.UserID, rally.UserID) error, a, b rally.UserID) {
	t.Helper()
	if err := fn(t.Context(), a, b); err != nil {
		t.Fatal(err)
	}
}

// names gives the names in a list of people.
func names(people []rally.Person) (names []string) {
	for _, p := range people {
		names = append(names, p.User.Name)
	}
	return names
}

// How two people stand after each thing that one of them may do, and who is told.
func TestFriends(t *testing.T) {
	t.Parallel()
	const none, asked, askedBy, friends = rally.RelationNone, rally.RelationAsked, rally.RelationAskedBy, rally.RelationFriends
	ask := func(d *desk) func(context.Context, rally.UserID, rally.UserID) error {
		return func(ctx context.Context, a, b rally.UserID) error { _, err := d.store.Ask(ctx, a, b); return err }
	}
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta")
	for i, step := range []struct {
		what string
		do   func(context.Context, rally.UserID, rally.UserID) error
		by   int
		want [2]rally.Relation // of Anna to Berta, and back
		told int               // how many hear of it
	}{
		{"ask", ask(d), 0, [2]rally.Relation{asked, askedBy}, 2},
		{"ask twice", ask(d), 0, [2]rally.Relation{asked, askedBy}, 0},
		{"decline one's own", s.Decline, 0, [2]rally.Relation{asked, askedBy}, 0},
		{"withdraw the other's", s.Withdraw, 1, [2]rally.Relation{asked, askedBy}, 0},
		{"remove no friend", s.Remove, 1, [2]rally.Relation{asked, askedBy}, 0},
		{"decline", s.Decline, 1, [2]rally.Relation{none, none}, 2},
		{"decline again", s.Decline, 1, [2]rally.Relation{none, none}, 0},
		{"ask again", ask(d), 0, [2]rally.Relation{asked, askedBy}, 2},
		{"withdraw", s.Withdraw, 0, [2]rally.Relation{none, none}, 2},
		{"be asked", ask(d), 1, [2]rally.Relation{askedBy, asked}, 2},
		{"accept", s.Accept, 0, [2]rally.Relation{friends, friends}, 2},
		{"accept twice", s.Accept, 0, [2]rally.Relation{friends, friends}, 0},
		{"ask a friend", ask(d), 0, [2]rally.Relation{friends, friends}, 0},
		{"withdraw what became friendship", s.Withdraw, 1, [2]rally.Relation{friends, friends}, 0},
		{"decline what became friendship", s.Decline, 0, [2]rally.Relation{friends, friends}, 0},
		{"remove", s.Remove, 1, [2]rally.Relation{none, none}, 2},
		{"ask once more", ask(d), 1, [2]rally.Relation{askedBy, asked}, 2},
		{"cross", ask(d), 0, [2]rally.Relation{friends, friends}, 2},
		{"block", s.Block, 0, [2]rally.Relation{rally.RelationBlocked, none}, 2},
		{"block twice", s.Block, 0, [2]rally.Relation{rally.RelationBlocked, none}, 0},
		{"ask who blocks one", ask(d), 1, [2]rally.Relation{rally.RelationBlocked, asked}, 1},
		{"that twice", ask(d), 1, [2]rally.Relation{rally.RelationBlocked, asked}, 0},
		{"decline what one does not see", s.Decline, 0, [2]rally.Relation{rally.RelationBlocked, asked}, 0},
		{"withdraw it", s.Withdraw, 1, [2]rally.Relation{rally.RelationBlocked, none}, 1},
		{"ask who blocks one again", ask(d), 1, [2]rally.Relation{rally.RelationBlocked, asked}, 1},
		{"unblock", s.Unblock, 0, [2]rally.Relation{none, asked}, 1},
		{"unblock twice", s.Unblock, 0, [2]rally.Relation{none, asked}, 0},
		{"ask who has unblocked", ask(d), 1, [2]rally.Relation{askedBy, asked}, 2},
		{"block who has asked", s.Block, 0, [2]rally.Relation{rally.RelationBlocked, none}, 2},
		{"ask who blocks one then", ask(d), 1, [2]rally.Relation{rally.RelationBlocked, asked}, 1},
		{"block back", s.Block, 1, [2]rally.Relation{rally.RelationBlocked, rally.RelationBlocked}, 1},
	} {
		d.forget()
		if err := step.do(t.Context(), ids[step.by], ids[1-step.by]); err != nil {
			t.Fatalf("%d, %s: %v", i, step.what, err)
		}
		if got := d.stand(t, ids[0], ids[1]); got != step.want {
			t.Fatalf("%d, %s: they stand %q, want %q", i, step.what, got, step.want)
		}
		var want [][]rally.UserID
		if step.told > 0 {
			want = [][]rally.UserID{[]rally.UserID{ids[step.by], ids[1-step.by]}[:step.told]}
		}
		if diff := cmp.Diff(want, d.told(rally.FriendsChanged)); diff != "" {
			t.Errorf("%d, %s: told (-want +got):\n%s", i, step.what, diff)
		}
	}
}

func TestFriendsRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta")
	anna, berta := ids[0], ids[1]
	for name, do := range map[string]func(context.Context, rally.UserID, rally.UserID) error{
		"Ask":    func(ctx context.Context, a, b rally.UserID) error { _, err := s.Ask(ctx, a, b); return err },
		"Accept": s.Accept, "Decline": s.Decline, "Withdraw": s.Withdraw, "Remove": s.Remove, "Block": s.Block, "Unblock": s.Unblock,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			isError(t, do(t.Context(), anna, anna), rally.EInvalid, "friends.self")
			isError(t, do(t.Context(), anna, 12345), rally.ENotFound, "error.not_found")
			isError(t, do(t.Context(), 0, anna), rally.ENotFound, "error.not_found")
		})
	}
	isError(t, s.Accept(t.Context(), anna, berta), rally.ENotFound, "friends.no_request")
	act(t, s.Block, anna, berta)
	d.ask(t, berta, anna)
	isError(t, s.Accept(t.Context(), anna, berta), rally.ENotFound, "friends.no_request")
	_, err := s.Ask(t.Context(), anna, berta)
	isError(t, err, rally.EConflict, "friends.unblock_first")
	// What was asked unseen counts when the other asks by themselves.
	act(t, s.Unblock, anna, berta)
	if now := d.ask(t, anna, berta); now != rally.RelationFriends {
		t.Errorf("they are %q", now)
	}
	// Nor can the tables hold what makes no sense.
	for _, sql := range []string{
		`INSERT INTO friendships (low, high, asked_by, asked_at) VALUES (%[2]d, %[1]d, %[1]d, now())`,
		`INSERT INTO friendships (low, high, asked_by, asked_at) VALUES (%[1]d, %[1]d, %[1]d, now())`,
		`INSERT INTO friendships (low, high, asked_by, asked_at) VALUES (%[1]d, %[2]d, %[1]d, now())`,
		`UPDATE friendships SET asked_by = 12345`,
		`UPDATE friendships SET hidden = true`,
		`INSERT INTO blocks (blocker, blocked, since) VALUES (%[1]d, %[1]d, now())`,
	} {
		sql = fmt.Sprintf(sql+" -- %[1]d %[2]d", anna, berta)
		if d.tries(t, sql) == nil {
			t.Errorf("done: %s", sql)
		}
	}
}

// tries runs a statement of the test's own that may fail.
func (d *desk) tries(t *testing.T, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), sql)
	return err
}

// crowd makes n more accounts in one statement and gives their ids.
func (d *desk) crowd(t *testing.T, n int) (ids []rally.UserID) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, _ := conn.Query(t.Context(), `
		INSERT INTO users (name, name_skeleton, email, rating, deviation, volatility, created_at)
		SELECT 'crowd-' || i, 'crowd-' || i, '', 1500, 350, 0.06, now() FROM generate_series(1, $1::int) i
		RETURNING id`, n)
	ids, err = pgx.CollectRows(rows, pgx.RowTo[rally.UserID])
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestFriendsLimits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	crowd := d.crowd(t, rally.BlockedMax+10)
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	friends := `INSERT INTO friendships (low, high, asked_by, asked_at, friends_since)
		SELECT id, $1, id, now(), now() FROM users WHERE id = ANY($2)`
	d.exec(t, `INSERT INTO friendships (low, high, asked_by, asked_at, hidden)
		SELECT id, $1, $1, now(), id % 2 = 0 FROM users WHERE id = ANY($2)`, anna, crowd[:rally.AskedMax])
	_, err := s.Ask(t.Context(), anna, berta)
	isError(t, err, rally.EConflict, "friends.too_many")
	act(t, s.Withdraw, anna, crowd[0])
	d.ask(t, anna, berta)

	d.exec(t, friends, berta, crowd[:rally.FriendsMax])
	isError(t, s.Accept(t.Context(), berta, anna), rally.EConflict, "friends.full")
	act(t, s.Withdraw, anna, berta)
	d.ask(t, berta, carla)
	isError(t, s.Accept(t.Context(), carla, berta), rally.EConflict, "friends.full_other")
	_, err = s.Ask(t.Context(), carla, berta)
	isError(t, err, rally.EConflict, "friends.full_other")
	act(t, s.Remove, berta, crowd[0])
	act(t, s.Accept, carla, berta)

	d.exec(t, `INSERT INTO blocks (blocker, blocked, since) SELECT $1, id, now() FROM users WHERE id = ANY($2)`, anna, crowd[:rally.BlockedMax])
	isError(t, s.Block(t.Context(), anna, berta), rally.EConflict, "blocks.too_many")
	act(t, s.Unblock, anna, crowd[1])
	act(t, s.Block, anna, berta)
}

func TestFriendLists(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Me", "zoe", "Anna", "한글", "Berta", "Carla", "Dora", "Emil")
	me, zoe, anna, hangul, berta, carla, dora, emil := ids[0], ids[1], ids[2], ids[3], ids[4], ids[5], ids[6], ids[7]
	for _, id := range []rally.UserID{zoe, anna, hangul} {
		d.befriend(t, me, id)
	}
	d.befriend(t, anna, zoe)
	seen := time.Now().UTC().Truncate(time.Microsecond)
	if err := s.SetSeen(t.Context(), map[rally.UserID]time.Time{anna: seen, berta: seen, 12345: seen}); err != nil {
		t.Fatal(err)
	}
	d.ask(t, berta, me)
	d.ask(t, carla, me)
	d.ask(t, me, dora)
	act(t, s.Block, me, emil)
	d.ask(t, emil, me)
	act(t, s.Block, dora, berta)
	d.ask(t, berta, dora)

	list := func(fn func(context.Context, rally.UserID, string, int) ([]rally.Person, string, error), user rally.UserID) []rally.Person {
		t.Helper()
		var all []rally.Person
		for cursor, pages := "", 0; ; pages++ {
			people, next, err := fn(t.Context(), user, cursor, 2)
			if err != nil || len(people) > 2 || pages > 5 {
				t.Fatalf("%d people, %v", len(people), err)
			}
			all = append(all, people...)
			if next == "" {
				break
			}
			cursor = next
		}
		whole, next, err := fn(t.Context(), user, "", 1000)
		if diff := cmp.Diff(whole, all); err != nil || next != "" || (len(all) > 0 && diff != "") {
			t.Errorf("in pages it is another list: %v, next %q, %s", err, next, diff)
		}
		return all
	}
	for what, c := range map[string]struct {
		people   []rally.Person
		want     []string
		relation rally.Relation
	}{
		"friends":           {list(s.ListFriends, me), []string{"Anna", "zoe", "한글"}, rally.RelationFriends},
		"friends of Berta":  {list(s.ListFriends, berta), nil, rally.RelationNone},
		"requests":          {list(s.ListRequests, me), []string{"Carla", "Berta"}, rally.RelationAskedBy},
		"asked":             {list(s.ListAsked, me), []string{"Dora"}, rally.RelationAsked},
		"blocked":           {list(s.ListBlocked, me), []string{"Emil"}, rally.RelationBlocked},
		"requests to Dora":  {list(s.ListRequests, dora), []string{"Me"}, rally.RelationAskedBy},
		"asked by Berta":    {list(s.ListAsked, berta), []string{"Dora", "Me"}, rally.RelationAsked},
		"blocked by nobody": {list(s.ListBlocked, emil), nil, rally.RelationNone},
	} {
		if diff := cmp.Diff(c.want, names(c.people)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		for _, p := range c.people {
			if p.Relation != c.relation {
				t.Errorf("%s: %s is %q", what, p.User.Name, p.Relation)
			}
			if p.User.Email != "" || p.User.HasPassword || p.User.Rating != rally.NewRating() || p.User.CreatedAt.IsZero() {
				t.Errorf("%s: shown as %+v", what, p.User)
			}
			if want := p.User.ID == anna; p.SeenAt.Equal(seen) != want || p.SeenAt.IsZero() == want {
				t.Errorf("%s: %s was seen %v", what, p.User.Name, p.SeenAt)
			}
		}
	}

	got, err := s.FriendIDs(t.Context(), me)
	slices.Sort(got)
	if diff := cmp.Diff([]rally.UserID{zoe, anna, hangul}, got); err != nil || diff != "" {
		t.Errorf("friends: %v %s", err, diff)
	}
	for user, want := range map[rally.UserID]int{me: 2, dora: 1, emil: 0} {
		if in, err := s.Inbox(t.Context(), user); err != nil || in.Requests != want {
			t.Errorf("%d has %d requests, want %d: %v", user, in.Requests, want, err)
		}
	}
	for pair, want := range map[[2]rally.UserID]bool{{me, emil}: true, {emil, me}: true, {me, anna}: false, {berta, dora}: true, {0, 0}: false} {
		if got, err := s.BlockedEither(t.Context(), pair[0], pair[1]); err != nil || got != want {
			t.Errorf("%v: blocked %v, %v", pair, got, err)
		}
	}
	for _, cursor := range []string{"x", "====", "\x00", "MTIz", string(make([]byte, 1000))} {
		_, _, err := s.ListFriends(t.Context(), me, cursor, 10)
		isError(t, err, rally.EInvalid, "error.invalid")
	}
	// Who goes leaves nothing behind.
	d.exec(t, `DELETE FROM users WHERE id = $1`, me)
	if n := d.count(t, `SELECT (SELECT count(*) FROM friendships) * 100 + (SELECT count(*) FROM blocks)`); n != 201 {
		t.Errorf("left: %d", n)
	}
}

// A later time counts, whoever says it and in whatever order.
func TestSetSeen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	crowd := d.crowd(t, 1200)
	base := time.Now().UTC().Truncate(time.Second)
	var wg sync.WaitGroup
	for i := range 4 {
		seen := make(map[rally.UserID]time.Time)
		for _, id := range crowd {
			seen[id] = base.Add(time.Duration(i) * time.Second)
		}
		wg.Go(func() {
			if err := d.store.SetSeen(t.Context(), seen); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := d.store.SetSeen(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if n := d.count(t, fmt.Sprintf(`SELECT count(*) FROM users WHERE seen_at = to_timestamp(%d)`, base.Unix()+3)); n != len(crowd) {
		t.Errorf("%d are right", n)
	}
}

// Whatever a few people do at once, what is left makes sense: nobody waits for
// ever, no friendship lives beside a block, and each sees what the other does.
func TestFriendsConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora")
	ops := []func(context.Context, rally.UserID, rally.UserID) error{
		func(ctx context.Context, a, b rally.UserID) error { _, err := s.Ask(ctx, a, b); return err },
		func(ctx context.Context, a, b rally.UserID) error { _, err := s.Ask(ctx, a, b); return err },
		s.Accept, s.Decline, s.Withdraw, s.Remove, s.Block, s.Unblock, s.Unblock,
	}
	for round := range 10 {
		var wg sync.WaitGroup
		for worker := range 8 {
			random := rand.New(rand.NewPCG(uint64(round), uint64(worker)))
			wg.Go(func() {
				for range 25 {
					p := random.Perm(len(ids))
					err := ops[random.IntN(len(ops))](t.Context(), ids[p[0]], ids[p[1]])
					if code := rally.ErrorCode(err); code != "" && code != rally.EConflict && code != rally.ENotFound {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		const senseless = `
			SELECT count(*)
			FROM friendships f
			JOIN blocks b ON (b.blocker, b.blocked) IN ((f.low, f.high), (f.high, f.low))
			WHERE f.friends_since IS NOT NULL OR b.blocker = f.asked_by OR NOT f.hidden`
		if n := d.count(t, senseless); n != 0 {
			t.Fatalf("%d friendships beside blocks", n)
		}
		for i, a := range ids {
			for _, b := range ids[i+1:] {
				switch got := d.stand(t, a, b); got {
				case [2]rally.Relation{rally.RelationFriends, rally.RelationFriends},
					[2]rally.Relation{rally.RelationNone, rally.RelationNone},
					[2]rally.Relation{rally.RelationAsked, rally.RelationAskedBy}, [2]rally.Relation{rally.RelationAskedBy, rally.RelationAsked},
					// Asked while blocked, and unblocked since.
					[2]rally.Relation{rally.RelationAsked, rally.RelationNone}, [2]rally.Relation{rally.RelationNone, rally.RelationAsked}:
				default:
					if !slices.Contains(got[:], rally.RelationBlocked) || slices.Contains(got[:], rally.RelationFriends) || slices.Contains(got[:], rally.RelationAskedBy) {
						t.Fatalf("%d and %d stand %q", a, b, got)
					}
				}
			}
		}
	}
}

// Both ask at the same moment, a hundred times: they are friends each time.
func TestAskCrossing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta")
	for range 100 {
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				if _, err := d.store.Ask(t.Context(), ids[i], ids[1-i]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := d.stand(t, ids[0], ids[1]); got != [2]rally.Relation{rally.RelationFriends, rally.RelationFriends} {
			t.Fatalf("they stand %q", got)
		}
		act(t, d.store.Remove, ids[0], ids[1])
	}
}

func TestRenamePublishes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta")
	if _, err := d.store.Rename(t.Context(), ids[0], "berta"); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("got %v", err)
	}
	if got := d.told(rally.Renamed); got != nil {
		t.Errorf("told of a name that was refused: %v", got)
	}
	if _, err := d.store.Rename(t.Context(), ids[0], "Anne"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]rally.UserID{{ids[0]}}, d.told(rally.Renamed)); diff != "" {
		t.Error(diff)
	}
}
