package store_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// Every migration can be taken back and run again, by several nodes at once.
func TestMigrate(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	var nodes []*store.Store
	for range 3 {
		nodes = append(nodes, storetest.Open(t, url))
	}
	if err := nodes[0].Migrate(t.Context()); err != nil {
		t.Errorf("with nothing to do: %v", err)
	}
	newUser(t, nodes[0], "Anna")
	if err := nodes[0].MigrateDown(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := &desk{url: url}
	const tables = `SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%'`
	if n := d.count(t, tables); n != 0 {
		t.Errorf("%d tables are left", n)
	}
	var wg sync.WaitGroup
	for _, s := range nodes {
		wg.Go(func() {
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := d.count(t, tables); n != 26 {
		t.Errorf("there are %d tables, want 26", n)
	}
	for i, s := range nodes {
		newUser(t, s, []string{"Anna", "Berta", "Carla"}[i])
	}
}

// Names from before look-alikes were refused are guarded as well, also those
// that look alike already.
func TestMigrateLookAlikes(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.store.MigrateDownTo(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Tom", "Anna", "\u0410nna", "bob"} { // a Cyrillic A
		d.exec(t, `INSERT INTO users (name, email, rating, deviation, volatility, created_at)
		           VALUES ($1, $2, 1500, 350, 0.06, now())`, name, fmt.Sprintf("%+q@example.com", name))
	}
	if err := d.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Torn", "T\u043em", "\u0410nn\u0430", "B\u043eb", "BOB"} { // Cyrillic o, A, a
		_, err := d.store.CreateUser(t.Context(), rally.NewUser{Name: name, Email: "new@example.com"})
		if got := fields(t, err, rally.EConflict); got["name"] != "field.name_taken" {
			t.Errorf("%+q: %v", name, got)
		}
	}
	if n := d.count(t, "SELECT count(*) FROM users WHERE email_verified_at IS NULL AND delete_at IS NULL"); n != 4 {
		t.Errorf("%d accounts are left", n)
	}
}

// Names from before those were refused that look alike in capitals are guarded
// too, and a start does not fail of two that do.
func TestMigrateCapitals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.store.MigrateDownTo(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"illia", "\u0406LLI\u0410", "bill"} { // a Cyrillic I, A
		d.exec(t, `INSERT INTO users (name, name_skeleton, email, rating, deviation, volatility, created_at)
		           VALUES ($1, $1, $2, 1500, 350, 0.06, now())`, name, fmt.Sprintf("%+q@example.com", name))
	}
	if err := d.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ILLI\u0410", "\u0412ILL"} { // Cyrillic A, Ve
		_, err := d.store.CreateUser(t.Context(), rally.NewUser{Name: name, Email: "new@example.com"})
		if got := fields(t, err, rally.EConflict); got["name"] != "field.name_taken" {
			t.Errorf("%+q: %v", name, got)
		}
	}
	if n := d.count(t, "SELECT count(*) * 10 + count(name_capitals) FROM users"); n != 32 {
		t.Errorf("accounts, and of them with capitals: %d", n)
	}
	if _, err := d.store.Rename(t.Context(), 1, "Illia"); err != nil {
		t.Errorf("the first of them: %v", err)
	}
}

// An operator whose database user may not add extensions is told what to do.
func TestMigrateWithoutExtension(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.store.MigrateDownTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	d.exec(t, `DROP EXTENSION pg_trgm`)
	d.exec(t, `CREATE ROLE humble LOGIN`)
	d.exec(t, `GRANT ALL ON SCHEMA public TO humble`)
	d.exec(t, `GRANT ALL ON ALL TABLES IN SCHEMA public TO humble`)
	u, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("humble")
	humble := storetest.Open(t, u.String())
	err = humble.Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "CREATE EXTENSION pg_trgm") {
		t.Errorf("got %v", err)
	}
	d.exec(t, `CREATE EXTENSION pg_trgm`)
	d.exec(t, `ALTER TABLE users OWNER TO humble`)
	if err := humble.Migrate(t.Context()); err != nil {
		t.Errorf("with the extension there: %v", err)
	}
}
