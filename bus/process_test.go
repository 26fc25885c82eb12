package bus_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"rally/bus"
)

// holderOf, in the environment, makes the test program a process that holds a
// lease on the NATS at that address.
const holderOf = "RALLY_TEST_HOLDER_OF"

func TestMain(m *testing.M) {
	if url := os.Getenv(holderOf); url != "" {
		if err := hold(url); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// hold acquires the lease, and then says for every line it is given whether it
// has it.
func hold(url string) error {
	b, err := bus.New(bus.Config{URL: url})
	if err != nil {
		return err
	}
	defer b.Close()
	l, err := b.Acquire(context.Background(), "k", "process", brief)
	if err != nil {
		return err
	}
	fmt.Println("acquired")
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		fmt.Println(l.Held())
	}
	return nil
}

// holder is such a process.
type holder struct {
	*exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func startHolder(t *testing.T, url string) holder {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), holderOf+"="+url)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	h := holder{c, in, bufio.NewScanner(out)}
	h.answers(t, "acquired")
	return h
}

func (h holder) asks(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(h.in, "held?\n"); err != nil {
		t.Fatal(err)
	}
}

func (h holder) answers(t *testing.T, want string) {
	t.Helper()
	if !h.out.Scan() || h.out.Text() != want {
		t.Fatalf("the holder says %q, not %q", h.out.Text(), want)
	}
}

func (h holder) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := h.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// A process that was stopped, and did nothing meanwhile, knows that it has lost
// the lease when it goes on, before anything else has run.
func TestLeaseOfStoppedProcess(t *testing.T) {
	t.Parallel()
	url := keeping(t, 0, t.TempDir()).ClientURL()
	b := open(t, url)
	h := startHolder(t, url)
	h.asks(t)
	h.answers(t, "true")
	h.signal(t, syscall.SIGSTOP)
	l := acquire(t, b, "k", "test", time.Minute)
	h.asks(t)
	h.signal(t, syscall.SIGCONT)
	h.answers(t, "false")
	if !l.Held() {
		t.Error("taken back")
	}
}

// What a killed process held can be had a ttl later, and that it is gone is
// told at the same time.
func TestLeaseOfKilledProcess(t *testing.T) {
	t.Parallel()
	url := keeping(t, 0, t.TempDir()).ClientURL()
	b := open(t, url)
	h := startHolder(t, url)
	s := watchLeases(t, open(t, url), "")
	if s.holder("k") != "process" {
		t.Error("the holder is not told")
	}
	h.signal(t, syscall.SIGKILL)
	until(t, "it is told to be gone", func() bool { return s.holder("k") == "" })
	acquire(t, b, "k", "test", brief)
	until(t, "the next is told", func() bool { return s.holder("k") == "test" })
}
