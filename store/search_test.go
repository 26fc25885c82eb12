package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"rally"
	"rally/store"
)

// search gives whom a search finds, in pages of this size.
func (d *desk) search(t *testing.T, viewer rally.UserID, text string, size int) (all []rally.Person) {
	t.Helper()
	for cursor, pages := "", 0; ; pages++ {
		people, next, err := d.store.SearchPeople(t.Context(), viewer, text, cursor, size)
		if err != nil || len(people) > size || pages > 1000 {
			t.Fatalf("%q: %d people on page %d, %v", text, len(people), pages, err)
		}
		if all = append(all, people...); next == "" {
			return all
		}
		cursor = next
	}
}

func TestSearchPeople(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	me := d.people(t, "Marius")[0]
	d.people(t, "Maria", "Mariana", "Ada Lovelace", "Zacharias", "김철수", "김영희", "x_y", "Käthe", "percent.sign", "Jonathan")
	for text, want := range map[string][]string{
		"mari":                   {"Maria", "Mariana"}, // not the viewer
		"MARIA":                  {"Maria", "Mariana"},
		"  maria  ":              {"Maria", "Mariana"},
		"marai":                  {"Maria"}, // mistyped
		"Jonatan":                {"Jonathan"},
		"jhonathan":              {"Jonathan"},
		"lovelace":               {"Ada Lovelace"}, // a part
		"lovelance":              {"Ada Lovelace"},
		"ada l":                  {"Ada Lovelace"},
		"김":                      {"김영희", "김철수"},
		"김철":                     {"김철수"},
		"\uff4d\uff41\uff52i":    {"Maria", "Mariana"}, // fullwidth
		"KÄ":                     {"Käthe"},
		"x":                      {"x_y"},
		"x_":                     {"x_y"},
		"%":                      nil,
		"_":                      nil,
		"":                       nil,
		" ":                      nil,
		"\x00":                   nil,
		"\xff":                   nil,
		"' OR 1=1 --":            nil,
		"qqqqq":                  nil,
		fmt.Sprintf("%0100d", 1): nil,
	} {
		for _, size := range []int{1, 2, 100} {
			if diff := cmp.Diff(want, names(d.search(t, me, text, size))); diff != "" {
				t.Errorf("%q in pages of %d (-want +got):\n%s", text, size, diff)
			}
		}
	}
	_, _, err := d.store.SearchPeople(t.Context(), me, "maria", "nonsense", 10)
	isError(t, err, rally.EInvalid, "error.invalid")
}

// Who has blocked the viewer is found as anybody else is, and whom the viewer
// has blocked too, with how the two stand.
func TestSearchPeopleRelations(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Me", "test-friend", "test-asked", "test-asking", "test-blocked", "test-blocking", "test-leaving", "test-nobody")
	me := ids[0]
	d.befriend(t, me, ids[1])
	d.ask(t, me, ids[2])
	d.ask(t, ids[3], me)
	act(t, d.store.Block, me, ids[4])
	act(t, d.store.Block, ids[5], me)
	if err := d.store.ScheduleDeletion(t.Context(), ids[6], time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"test", "tset-", "est-"} {
		got := make(map[string]rally.Relation)
		for _, p := range d.search(t, me, text, 100) {
			got[p.User.Name] = p.Relation
			if p.User.Email != "" || !p.SeenAt.IsZero() {
				t.Errorf("%s shows too much: %+v", p.User.Name, p)
			}
		}
		if text == "test" {
			want := map[string]rally.Relation{
				"test-friend": rally.RelationFriends, "test-asked": rally.RelationAsked, "test-asking": rally.RelationAskedBy,
				"test-blocked": rally.RelationBlocked, "test-blocking": rally.RelationNone, "test-nobody": rally.RelationNone,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		for _, hidden := range []string{"test-leaving", "Me"} {
			if _, found := got[hidden]; found {
				t.Errorf("%q finds %s", text, hidden)
			}
		}
	}
}

// Among ten thousand people a search reads a few of them, by an index.
func TestSearchPeopleAmongMany(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.crowd(t, 10_000)
	me := d.people(t, "Maria Curie")[0]
	other := d.people(t, "Marie Curie")[0]
	d.exec(t, `
		INSERT INTO users (name, name_skeleton, email, rating, deviation, volatility, created_at)
		SELECT name, name, '', 1500, 350, 0.06, now()
		FROM (SELECT (ARRAY['anna', 'berta', 'carla', 'dora', 'max', 'simon'])[1 + i % 6] || ' ' || md5(i::text) AS name
		      FROM generate_series(1, 1000) i) x (long),
		     LATERAL (SELECT left(long, 14)) y (name)`)
	d.exec(t, "VACUUM ANALYZE users") // as the server does by itself in time
	if got := d.search(t, me, "maria curie", 10); len(got) != 1 || got[0].User.ID != other {
		t.Errorf("found %v", names(got))
	}
	all := names(d.search(t, me, "crowd-12", 20))
	if len(all) != 111+50 || !slices.IsSorted(all[:111]) {
		t.Errorf("found %d: %v", len(all), all)
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(all))); len(unique) != len(all) {
		t.Errorf("%d of %d are found twice", len(all)-len(unique), len(all))
	}
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, sql := range store.SearchSQL() {
		for _, text := range []string{"m", "simon", "crwod-777", "mraia"} {
			rows, _ := conn.Query(t.Context(), "EXPLAIN "+sql, int64(me), int64(-1), "", 21, text)
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if plan := strings.Join(lines, "\n"); err != nil || strings.Contains(plan, "Seq Scan on users") {
				t.Errorf("%q reads everybody: %v\n%s", text, err, plan)
			}
		}
	}
}
