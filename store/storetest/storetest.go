// Package storetest gives every test a real, empty, migrated database of its
// own. A test binary has one private PostgreSQL server, which goes when it
// goes; a database is a copy of a template and takes some tens of milliseconds.
//
//	func TestMain(m *testing.M) { storetest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		s := storetest.New(t)
//		...
//	}
package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally/store"
)

const (
	template  = "rally_template"
	dirPrefix = "rally-storetest-"
	// leftAfter is how old a folder must be to count as left behind: a younger
	// one may be another test binary's that has not locked it yet.
	leftAfter = time.Minute
	// startTime and stopTime are reached by nothing but a hang.
	startTime = 5 * time.Minute
	stopTime  = time.Minute
)

// Patience is a test's with its database, unless that is what it is about: a
// busy machine is no failure.
const Patience = time.Minute

// server is the test binary's PostgreSQL; tests cannot hand it to each other,
// so it is the one variable of its kind.
var server struct {
	sync.Mutex
	main    bool // Main is running, and will stop it
	cluster *store.Cluster
	err     error
	names   atomic.Int64
}

// Main runs the tests of a package, for its TestMain. The server is started by
// the first test that asks for a database, and stopped when all are done.
func Main(m *testing.M) {
	server.Lock()
	server.main = true
	server.Unlock()
	m.Run() // the test binary exits with its result when TestMain returns
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "storetest:", err)
	}
}

// New gives a Store on an empty database of the test's own. Both are gone when
// the test is over. Each change may alter the configuration before it is used.
func New(tb testing.TB, changes ...func(*store.Config)) *store.Store {
	tb.Helper()
	return Open(tb, URL(tb), changes...)
}

// Open is New on a database that there is.
func Open(tb testing.TB, url string, changes ...func(*store.Config)) *store.Store {
	tb.Helper()
	cfg := store.Config{URL: url, Patience: Patience}
	for _, change := range changes {
		change(&cfg)
	}
	s, err := store.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// URL gives the connection string of an empty database of the test's own,
// which is gone when the test is over.
func URL(tb testing.TB) string {
	tb.Helper()
	c, err := cluster()
	if err != nil {
		tb.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", server.names.Add(1))
	if err := c.CloneDatabase(tb.Context(), name, template); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		if err := c.DropDatabase(ctx, name); err != nil {
			tb.Error(err)
		}
	})
	return c.URL(name)
}

// cluster gives the test binary's server with its template, starting it first
// if nobody has.
func cluster() (*store.Cluster, error) {
	server.Lock()
	defer server.Unlock()
	switch {
	case !server.main:
		return nil, errors.New("storetest: call storetest.Main from this package's TestMain")
	case server.cluster != nil || server.err != nil:
		return server.cluster, server.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	sweep(ctx)
	server.cluster, server.err = start(ctx)
	return server.cluster, server.err
}

// start starts a server and makes the template.
func start(ctx context.Context) (*store.Cluster, error) {
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		return nil, err
	}
	c, err := store.StartCluster(ctx, store.ClusterConfig{Dir: dir, Fast: true})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, c); err != nil {
		return nil, errors.Join(err, remove(ctx, c))
	}
	return c, nil
}

// migrate makes the template. Nobody is connected to it afterwards.
func migrate(ctx context.Context, c *store.Cluster) error {
	if err := c.EnsureDatabase(ctx, template); err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{URL: c.URL(template), Patience: Patience})
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Migrate(ctx)
}

// stop ends the server, if there is one, and removes its folder.
func stop() error {
	server.Lock()
	defer server.Unlock()
	server.main = false
	if server.cluster == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	return remove(ctx, server.cluster)
}

// remove stops c and removes its folder.
func remove(ctx context.Context, c *store.Cluster) error {
	if err := c.Stop(ctx); err != nil {
		return err
	}
	return store.RemoveCluster(ctx, c.Dir())
}

// sweep removes what test binaries that were killed have left behind.
func sweep(ctx context.Context) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*")) // fails only for a bad pattern
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > leftAfter {
			// Refused when a test binary is still using it.
			_ = store.RemoveCluster(ctx, dir)
		}
	}
}
