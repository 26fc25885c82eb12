package store_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// startCluster starts a fast cluster in dir and stops it after the test.
func startCluster(t *testing.T, dir string) *store.Cluster {
	t.Helper()
	c, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		if err := store.RemoveCluster(context.Background(), c.Dir()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// clusterDir gives an empty folder that the server's user can reach, removed
// after the test.
func clusterDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rally-cluster-") //nolint:usetesting // TempDir's parent is shut to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// postmaster gives the process of the server of the cluster in dir.
func postmaster(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// until waits for the condition to hold.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	const limit = 2 * time.Minute // only a hang reaches it
	deadline := time.After(limit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("not within %s: %s", limit, what)
		case <-tick.C:
		}
	}
}

func TestClusterFresh(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	c := startCluster(t, clusterDir(t))
	t.Logf("a fresh cluster was ready after %s", time.Since(begin))

	if err := c.EnsureDatabase(t.Context(), "rally"); err != nil {
		t.Fatal(err)
	}
	if err := c.EnsureDatabase(t.Context(), "rally"); err != nil {
		t.Errorf("the second time: %v", err)
	}
	s := storetest.Open(t, c.URL("rally"))
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(t.Context()); err != nil {
		t.Error(err)
	}

	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Errorf("stopped again: %v", err)
	}
	if err := s.Ready(t.Context()); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("after the stop: %v", err)
	}
	if u, err := store.ClusterURL(c.Dir(), "rally"); err == nil {
		t.Errorf("after the stop, its URL is %q", u)
	}
}

// The socket's folder is the whole of who may come in.
func TestClusterShut(t *testing.T) {
	t.Parallel()
	c := startCluster(t, clusterDir(t))
	u, err := url.Parse(c.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	socket := u.Query().Get("host")
	for _, dir := range []string{socket, filepath.Join(c.Dir(), "data")} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		owner := int(info.Sys().(*syscall.Stat_t).Uid)
		if info.Mode().Perm() != 0o700 || owner == 0 || (os.Geteuid() != 0 && owner != os.Geteuid()) {
			t.Errorf("%s has mode %v and owner %d", dir, info.Mode(), owner)
		}
	}
	if os.Geteuid() == 0 {
		if info, err := os.Stat(c.Dir()); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
			t.Errorf("%s is not root's: %v", c.Dir(), err)
		}
	}
	if path := filepath.Join(socket, ".s.PGSQL.5432"); len(path) > 100 {
		t.Errorf("the socket's path has %d bytes", len(path))
	}
}

// What is kept survives a stop, a kill of the server, and a start of ours on
// what they left.
func TestClusterKeeps(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	start := func() *store.Cluster {
		// Not Fast: that promises nothing after a crash.
		c, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := start()
	if err := c.EnsureDatabase(t.Context(), "rally"); err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, c.URL("rally"))
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	u := newUser(t, s, "Anna")
	check := func(after string) {
		t.Helper()
		if _, err := storetest.Open(t, c.URL("rally")).FindUser(t.Context(), u.ID); err != nil {
			t.Errorf("after %s: %v", after, err)
		}
	}

	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	c = start()
	check("a stop")

	// The pool s reaches the same socket: it must heal by itself.
	until(t, "the pool heals", func() bool { return s.Ready(t.Context()) == nil })

	if err := syscall.Kill(postmaster(t, c.Dir()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the server is gone", func() bool { return s.Ready(t.Context()) != nil })
	if err := c.Stop(t.Context()); err != nil { // frees the folder, as the end of the process would
		t.Fatal(err)
	}
	c = start()
	check("a kill")

	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	// A pid file that names somebody alive who is not a server.
	stale := strconv.Itoa(os.Getppid()) + "\n" + filepath.Join(c.Dir(), "data") + "\n1\n5432\n/nowhere\n\n1 1\nready\n"
	if err := os.WriteFile(filepath.Join(c.Dir(), "data", "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	c = start()
	check("a pid file left behind")
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.RemoveCluster(t.Context(), c.Dir()); err != nil {
		t.Error(err)
	}
}

func TestClusterSecondProcess(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	c := startCluster(t, dir)
	if u, err := store.ClusterURL(dir, "postgres"); err != nil || u != c.URL("postgres") {
		t.Errorf("beside the first, its URL is %q, %v; want %q", u, err, c.URL("postgres"))
	}
	_, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir, Fast: true})
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("got %v, want an error that names process %d", err, os.Getpid())
	}
	if err := store.RemoveCluster(t.Context(), c.Dir()); err == nil {
		t.Error("the cluster was removed while in use")
	}
}

// Whoever starts at the same moment, one has the cluster and the others say so.
func TestClusterRace(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	clusters := make([]*store.Cluster, 4)
	var wg sync.WaitGroup
	for i := range clusters {
		wg.Go(func() {
			clusters[i], _ = store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir, Fast: true})
		})
	}
	wg.Wait()
	started := 0
	for _, c := range clusters {
		if c != nil {
			started++
			if err := c.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if started != 1 {
		t.Errorf("%d started, want 1", started)
	}
	if err := store.RemoveCluster(t.Context(), dir); err != nil {
		t.Error(err)
	}
}

// Odd folders: a path too long for a socket, spaces, quotes, commas.
func TestClusterOddFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("long", 30), `a "b", c's & d%41`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t, filepath.Join(clusterDir(t), name))
			if err := c.EnsureDatabase(t.Context(), `odd "name"`); err != nil {
				t.Fatal(err)
			}
			if err := storetest.Open(t, c.URL(`odd "name"`)).Ready(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Started by root in a folder that only root can reach, the cluster goes where
// its user can. An ordinary user's own private folder is used as it is.
func TestClusterPrivateParent(t *testing.T) {
	t.Parallel()
	parent := clusterDir(t) // 0700
	asked := filepath.Join(parent, "postgres")
	var said strings.Builder
	c, err := store.StartCluster(t.Context(), store.ClusterConfig{
		Dir: asked, Fast: true, Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.EnsureDatabase(t.Context(), "rally"); err != nil {
		t.Fatal(err)
	}
	if u, err := store.ClusterURL(asked, "rally"); err != nil || u != c.URL("rally") {
		t.Errorf("its URL is %q, %v; want %q", u, err, c.URL("rally"))
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	moved := os.Geteuid() == 0
	if got := strings.HasPrefix(c.Dir(), "/var/lib/rally/"); got != moved {
		t.Errorf("the cluster is in %s", c.Dir())
	}
	if got := strings.Contains(said.String(), c.Dir()) && strings.Contains(said.String(), "cannot reach"); got != moved {
		t.Errorf("the log says:\n%s", said.String())
	}

	again, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: asked, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	if again.Dir() != c.Dir() {
		t.Errorf("the second time in %s, the first in %s", again.Dir(), c.Dir())
	}
	// With its own name: the same cluster is meant.
	if err := again.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.RemoveCluster(t.Context(), asked); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(c.Dir()); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", c.Dir(), err)
	}
}

// A start that cannot succeed says why, with the server's own words.
func TestClusterBroken(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	c := startCluster(t, dir)
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	control := filepath.Join(c.Dir(), "data", "global", "pg_control")
	if err := os.Truncate(control, 10); err != nil {
		t.Fatal(err)
	}
	_, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir, Fast: true})
	if err == nil || !strings.Contains(err.Error(), "pg_control") {
		t.Errorf("got %v, want the server's complaint", err)
	}
	if err := os.WriteFile(filepath.Join(c.Dir(), "data", "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir, Fast: true})
	if err == nil || !strings.Contains(err.Error(), "postgresql-9") {
		t.Errorf("got %v, want the package to install", err)
	}
}

// The server runs as a user without privileges, in a process group of its own.
func TestClusterProcess(t *testing.T) {
	t.Parallel()
	c := startCluster(t, clusterDir(t))
	pid := postmaster(t, c.Dir())
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process %d is in group %d (%v)", pid, group, err)
	}
	info, err := os.Stat(filepath.Join(c.Dir(), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	owner, err := user.LookupId(strconv.Itoa(int(info.Sys().(*syscall.Stat_t).Uid)))
	if err != nil || owner.Uid == "0" {
		t.Errorf("the server runs as %v (%v)", owner, err)
	}
}
