package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startProcess runs the program as a process of its own until it is ready, and
// gives the port of the site. ended gets what it exits with.
func startProcess(t *testing.T) (process *os.Process, port string, ended <-chan error) {
	t.Helper()
	c := testConfig(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asMain+"=1", "RALLY_ADDR="+c.Addr, "RALLY_HTTP_ADDR=off",
		"RALLY_DATA="+c.Data, "RALLY_DATABASE_URL="+c.DatabaseURL)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "Rally is ready at ") {
		t.Fatalf("it says %q, %v", line, err)
	}
	exit := make(chan error, 1)
	go func() {
		_, _ = io.Copy(io.Discard, out) // Wait wants the pipe read
		exit <- cmd.Wait()
	}()
	_, port, _ = strings.Cut(strings.TrimSpace(line), "localhost:")
	return cmd.Process, port, exit
}

func TestSignalStopsProperly(t *testing.T) {
	t.Parallel()
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			process, _, ended := startProcess(t)
			if err := process.Signal(s); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("it exits with %v", err)
				}
			case <-time.After(time.Minute):
				t.Error("it does not end")
			}
		})
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	process, port, ended := startProcess(t)
	// Somebody who has connected and says nothing is waited for a while.
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	impatience := time.NewTicker(20 * time.Millisecond)
	defer impatience.Stop()
	limit := time.After(time.Minute)
	for {
		select {
		case err := <-ended:
			exit, ok := errors.AsType[*exec.ExitError](err)
			if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
				t.Errorf("it ends with %v, not by the signal", err)
			}
			return
		case <-impatience.C:
			if err := process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		case <-limit:
			t.Fatal("it does not end")
		}
	}
}
