package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// pidFile is a server's postmaster.pid.
type pidFile struct {
	path   string
	pid    int
	socket string
	status string
}

// readPidFile reads the pid file of the server of this data, if there is one.
// A server writes it in several steps, so later fields may yet be empty.
func readPidFile(data string) (pidFile, bool) {
	pf := pidFile{path: filepath.Join(data, "postmaster.pid")}
	b, err := os.ReadFile(pf.path)
	if err != nil {
		return pidFile{}, false
	}
	// The lines: process, data folder, start time, port, socket folder,
	// address, shared memory, status.
	lines := strings.Split(string(b), "\n")
	line := func(i int) string {
		if i >= len(lines) {
			return ""
		}
		return strings.TrimSpace(lines[i])
	}
	pf.pid, _ = strconv.Atoi(line(0)) // 0 is nobody's
	pf.socket, pf.status = line(4), line(7)
	return pf, true
}

// ready says whether the server accepts connections.
func (pf pidFile) ready() bool { return pf.status == "ready" }

// running says whether the process is there and is the server of this data. A
// server works in its data's folder, which tells it from whoever was given its
// number later.
func (pf pidFile) running(data string) bool {
	if pf.pid <= 0 || errors.Is(syscall.Kill(pf.pid, 0), syscall.ESRCH) {
		return false
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pf.pid)); err == nil {
		return cwd == data
	}
	if _, err := os.Stat("/proc/self/cwd"); err == nil {
		return false // a process that has ended, or of a user who is not ours
	}
	//nolint:gosec,noctx // a number; over at once
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pf.pid)).Output()
	return err == nil && strings.Contains(string(out), data)
}
