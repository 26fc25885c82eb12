package storetest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"rally"
	"rally/store"
)

func TestMain(m *testing.M) { Main(m) }

// Every test has a database of its own, ready for use and empty.
func TestNew(t *testing.T) {
	t.Parallel()
	var events []rally.Event
	one, other := New(t), New(t, func(c *store.Config) {
		c.Publish = func(e rally.Event) { events = append(events, e) }
	})
	anna := rally.NewUser{Name: "Anna", Email: "anna@example.com"}
	for _, s := range []*store.Store{one, other} {
		if _, err := s.CreateUser(t.Context(), anna); err != nil {
			t.Error(err)
		}
	}
	m := rally.Match{
		ID: rally.NewMatchID(), Kind: rally.Casual, Points: 11, Outcome: rally.NoShow, Winner: rally.NoSide,
		FinishedAt: time.Now(),
	}
	if err := other.KeepMatch(t.Context(), m); err != nil || len(events) != 1 {
		t.Errorf("published %v, %v", events, err)
	}
	if _, err := one.FindMatch(t.Context(), m.ID); rally.ErrorCode(err) != rally.ENotFound {
		t.Errorf("one's match is the other's: %v", err)
	}
}

// What a killed test binary left is removed, what a running one uses is not.
func TestSweep(t *testing.T) {
	t.Parallel()
	folder := func() string {
		t.Helper()
		dir, err := os.MkdirTemp("", dirPrefix) //nolint:usetesting // where sweep looks
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	left, young, used := folder(), folder(), folder()
	if err := os.WriteFile(filepath.Join(left, "lock"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: used, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for dir, age := range map[string]time.Duration{left: 2 * leftAfter, used: 2 * leftAfter, young: 0} {
		if err := os.Chtimes(dir, time.Time{}, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}

	sweep(t.Context())

	for dir, want := range map[string]bool{left: false, young: true, used: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
