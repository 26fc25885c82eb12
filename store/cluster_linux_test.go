package store_test

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"rally/store"
)

// A process that is being started has a copy of every open file until it runs,
// of the lock too. The folder is free all the same once the cluster is stopped.
func TestClusterFreed(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	c, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	copied := copyOpen(t, filepath.Join(c.Dir(), "lock"))
	t.Cleanup(func() { _ = syscall.Close(copied) })
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	startCluster(t, dir)
}

// copyOpen copies the descriptor of a file that this process has open.
func copyOpen(t *testing.T, path string) (fd int) {
	t.Helper()
	const open = "/proc/self/fd"
	entries, err := os.ReadDir(open)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name, err := os.Readlink(filepath.Join(open, e.Name())); err != nil || name != path {
			continue // or closed meanwhile
		}
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		syscall.ForkLock.RLock() // nobody else starts a process with it
		defer syscall.ForkLock.RUnlock()
		if fd, err = syscall.Dup(n); err != nil {
			t.Fatal(err)
		}
		syscall.CloseOnExec(fd)
		return fd
	}
	t.Fatalf("%s is not open", path)
	return 0
}
