package main

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"rally"
	"rally/store"
)

func TestRunDeletesAccountsThatAreDue(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	db, err := store.Open(t.Context(), store.Config{URL: c.DatabaseURL, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	pages := map[string]int{} // and how they answer in the end
	for name, at := range map[string]time.Time{"Due": time.Now().Add(-time.Minute), "Later": time.Now().Add(time.Hour)} {
		u, err := db.CreateUser(t.Context(), rally.NewUser{Name: name, Email: name + "@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.ScheduleDeletion(t.Context(), u.ID, at); err != nil {
			t.Fatal(err)
		}
		pages["/players/"+strconv.FormatInt(int64(u.ID), 10)] = map[string]int{"Due": http.StatusNotFound, "Later": http.StatusOK}[name]
	}
	r := start(t, c)
	limit, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for path, want := range pages {
		for {
			response, body := r.get(r.client, r.url+path)
			if response.StatusCode == want {
				break
			}
			select {
			case <-tick.C:
			case <-limit:
				t.Fatalf("%s answers %s:\n%s", path, response.Status, body)
			}
		}
	}
}
