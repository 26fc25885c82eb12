package store_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rally/store"
)

// killedHolder starts a process that starts the cluster in dir, kills it, and
// gives the server's process, which may have outlived it.
func killedHolder(t *testing.T, dir string, fast bool) (server int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), holdCluster+"="+dir)
	if fast {
		cmd.Env = append(cmd.Env, "FAST=1")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "started: <nil>\n" {
		t.Fatalf("the holder says %q, %v", line, err)
	}
	_, err = store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("got %v, want an error that names process %d", err, cmd.Process.Pid)
	}
	server = postmaster(t, dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "signal: killed"
	return server
}

// gone says whether there is no such process.
func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// A server whose Rally was killed is taken over by the next one.
func TestClusterTakenOver(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	server := killedHolder(t, dir, false)
	if gone(server) {
		t.Fatal("the server went with its Rally")
	}
	begin := time.Now()
	c, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("taken over after %s", time.Since(begin))
	if got := postmaster(t, dir); got != server {
		t.Errorf("the server is process %d, want %d", got, server)
	}
	if err := c.EnsureDatabase(t.Context(), "rally"); err != nil {
		t.Error(err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	until(t, "the server is gone", func() bool { return gone(server) })
	if err := store.RemoveCluster(t.Context(), dir); err != nil {
		t.Error(err)
	}
}

// A server that answers no more, because its socket is lost, is restarted.
func TestClusterTakenOverDeaf(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	server := killedHolder(t, dir, false)
	if err := os.Remove(dir + "/run/.s.PGSQL.5432"); err != nil {
		t.Fatal(err)
	}
	c, err := store.StartCluster(t.Context(), store.ClusterConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got := postmaster(t, dir); got == server {
		t.Errorf("the server is still process %d", got)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := store.RemoveCluster(t.Context(), dir); err != nil {
		t.Error(err)
	}
}

// A test's server goes with the test; where the system cannot do that, the
// folder's removal ends it.
func TestClusterFastGoesAlong(t *testing.T) {
	t.Parallel()
	dir := clusterDir(t)
	server := killedHolder(t, dir, true)
	if runtime.GOOS == "linux" {
		until(t, "the server is gone", func() bool { return gone(server) })
	}
	if err := store.RemoveCluster(context.Background(), dir); err != nil {
		t.Error(err)
	}
	until(t, "the server is gone", func() bool { return gone(server) })
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
