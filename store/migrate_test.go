package store_test

import (
	"sync"
	"testing"

	"rally/store"
	"rally/store/storetest"
)

// Every migration can be taken back and run again, by several nodes at once.
func TestMigrate(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	var nodes []*store.Store
	for range 3 {
		nodes = append(nodes, openStore(t, url))
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
	if n := d.count(t, tables); n != 20 {
		t.Errorf("there are %d tables, want 20", n)
	}
	for i, s := range nodes {
		newUser(t, s, []string{"Anna", "Berta", "Carla"}[i])
	}
}
