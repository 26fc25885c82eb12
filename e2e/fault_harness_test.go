package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rally/store"
)

// soon is what anything takes that is not measured: more only if it never ends.
const soon = time.Minute

// house is a server of a test's own, which may be brought down and started
// again on the same data folder.
type house struct {
	*server
	t    *testing.T
	dir  string
	env  []string
	down bool
}

// newHouse starts one. When the test is over it must stop as it should.
func newHouse(t *testing.T, env ...string) *house {
	t.Helper()
	h := &house{t: t, dir: folder(t), env: append(env, "RALLY_METRICS_ADDR=127.0.0.1:0"), down: true}
	t.Cleanup(func() {
		if !h.down {
			if err := h.stop(); err != nil {
				t.Errorf("stopping the server: %v", err)
			}
		}
		// What it left running, if it was killed last.
		if err := store.RemoveCluster(context.Background(), filepath.Join(h.dir, "data", "postgres")); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			h.tell(t.Output())
		}
	})
	h.start()
	return h
}

// folder gives an empty folder that another user can pass through: as root,
// the database is run by one.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts the server, anew after it was brought down, and gives how long
// it took to be ready.
func (h *house) start() time.Duration {
	h.t.Helper()
	begun := time.Now()
	s, err := startServer(site.cmd.Path, h.dir, h.env...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.server, h.down = s, false
	return time.Since(begun)
}

// end waits for the process to be gone, once something has made it go, and
// gives how it went.
func (h *house) end() *os.ProcessState {
	h.t.Helper()
	select {
	case <-h.exited:
		h.down = true
		return h.cmd.ProcessState
	case <-time.After(soon):
		h.t.Fatalf("it is still there after %v", soon)
		return nil
	}
}

func (h *house) signal(s syscall.Signal) {
	h.t.Helper()
	if err := h.cmd.Process.Signal(s); err != nil {
		h.t.Fatal(err)
	}
}

// postmaster gives the process of the private database.
func (h *house) postmaster() string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "data", "postgres", "data", "postmaster.pid"))
	if err != nil {
		h.t.Fatal(err)
	}
	process, _, _ := strings.Cut(string(text), "\n")
	return process
}

// lines gives the lines of the log with this message.
func (h *house) lines(message string) (found []map[string]any) {
	h.t.Helper()
	for _, line := range h.entries() {
		if line["msg"] == message {
			found = append(found, line)
		}
	}
	return found
}

// complaints gives the messages of all warnings and errors in the log.
func (h *house) complaints() (found []string) {
	h.t.Helper()
	for _, line := range h.entries() {
		if line["level"] == "WARN" || line["level"] == "ERROR" {
			found = append(found, fmt.Sprint(line["msg"]))
		}
	}
	return found
}

// entries reads the log. Whatever is in it that is no log line is an error: the
// race detector's findings and panics are.
func (h *house) entries() (lines []map[string]any) {
	h.t.Helper()
	text, err := os.ReadFile(h.log)
	if err != nil {
		h.t.Fatal(err)
	}
	// The last line may be on its way still.
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	for line := range bytes.Lines(text) {
		var entry map[string]any
		if err := json.Unmarshal(line, &entry); err == nil {
			lines = append(lines, entry)
		} else if !bytes.HasPrefix(line, []byte("Rally is ready at ")) {
			h.t.Fatalf("it printed\n%s", text)
		}
	}
	return lines
}

// metric gives what the server publishes under this name.
func (h *house) metric(name string) float64 {
	h.t.Helper()
	addresses, ok := h.lines("serving")[0]["addresses"].(map[string]any)
	if !ok {
		h.t.Fatal("it does not say where it listens")
	}
	response, err := http.Get("http://" + fmt.Sprint(addresses["metrics"]) + "/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				h.t.Fatal(err)
			}
			return number
		}
	}
	h.t.Fatalf("%s is not published", name)
	return 0
}

// database is a PostgreSQL of a test's own that can be stopped and started
// again.
type database struct {
	*store.Cluster
	t   *testing.T
	dir string
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	db := &database{t: t, dir: folder(t)}
	db.start()
	t.Cleanup(db.stop)
	return db
}

func (db *database) start() {
	db.t.Helper()
	c, err := store.StartCluster(db.t.Context(), store.ClusterConfig{Dir: db.dir})
	if err != nil {
		db.t.Fatal(err)
	}
	db.Cluster = c
}

func (db *database) stop() {
	db.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := db.Stop(ctx); err != nil {
		db.t.Error(err)
	}
}

// figuresOf gives the numbers of a profile: rating, matches won, matches lost.
func figuresOf(profile string) (figures []string) {
	for _, found := range figure.FindAllStringSubmatch(profile, -1) {
		figures = append(figures, found[1])
	}
	return figures
}

var figure = regexp.MustCompile(`class="figure">([^<]*)<`)

// eventually waits for a condition that something else brings about, and gives
// how long that took.
func eventually(t *testing.T, what string, is func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !is() {
		if time.Since(begun) > soon {
			t.Fatalf("waited %v in vain for %s", soon, what)
		}
		<-again.C
	}
	return time.Since(begun)
}
