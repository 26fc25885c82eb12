// Package e2e holds the browser tests: the real program, its own PostgreSQL
// cluster and real Chromium, used as people use them.
package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rally/auth/oidctest"
	"rally/mail/mailtest"
)

// site is the one server the tests of this package share: they meet on it as
// strangers do. Its matches are to five points.
var site *server

// provider and letterbox are the OpenID provider and the mail server that the
// site knows.
var (
	provider  *oidctest.Provider
	letterbox *mailtest.Server
)

// chromium is the one browser process; see newPerson.
var chromium *browser

func TestMain(m *testing.M) { os.Exit(runMain(m)) }

func runMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rally-e2e-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	ports.Store(rand.Int64N(portsTo - portsFrom))
	defer watchCrowd()()
	// The database's unprivileged user has to reach its folder when the tests
	// run as root.
	if err := os.Chmod(dir, 0o755); err != nil {
		return fail(err)
	}

	binary := filepath.Join(dir, "rally")
	build := exec.Command("go", "build", "-race", "-o", binary, "rally/cmd/rally")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fail(fmt.Errorf("building the server: %w", err))
	}
	if provider, err = oidctest.New(oidctest.Config{}); err != nil {
		return fail(err)
	}
	defer func() { _ = provider.Close() }()
	if letterbox, err = mailtest.Start(mailtest.Config{}); err != nil {
		return fail(err)
	}
	defer func() { _ = letterbox.Stop() }()
	host, port := letterbox.Addr()
	site, err = startServer(binary, filepath.Join(dir, "site"), "RALLY_POINTS=5",
		"RALLY_OAUTH_OIDC_ISSUER="+provider.URL(), "RALLY_OAUTH_OIDC_NAME=Club",
		"RALLY_OAUTH_OIDC_ID="+provider.ClientID(), "RALLY_OAUTH_OIDC_SECRET="+provider.ClientSecret(),
		"RALLY_SMTP_HOST="+host, fmt.Sprintf("RALLY_SMTP_PORT=%d", port), "RALLY_SMTP_TLS=off", "RALLY_SMTP_FROM=rally@example.org")
	if err != nil {
		return fail(err)
	}
	chromium, err = startBrowser(filepath.Join(dir, "profile"))
	if err != nil {
		return fail(errors.Join(err, site.stop()))
	}
	atOnce()
	code := m.Run()
	chromium.stop()
	if err := site.stop(); err != nil {
		code = fail(fmt.Errorf("stopping the server: %w", err))
	}
	if code == 0 {
		secret(append(provider.Secrets(), password)...)
		if err := logHoldsNoSecret(site.log); err != nil {
			code = fail(err)
		}
	}
	if code != 0 {
		site.tell(os.Stderr)
	}
	return code
}

// atOnce lets more tests run at once than there are cores, unless it was said how
// many: most of what they do is waiting, for countdowns, points and leases.
func atOnce() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // there is such a flag
	}
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "e2e:", err)
	return 1
}

// server is a running Rally process.
type server struct {
	URL    string // https://localhost:port
	log    string // path of what it printed
	cmd    *exec.Cmd
	exited chan error
}

// startServer runs the binary with a data folder of its own and waits until
// it is ready.
func startServer(binary, dir string, env ...string) (*server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	redirect, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	s := &server{URL: "https://localhost:" + port, log: logFile.Name(), exited: make(chan error, 1)}
	s.cmd = exec.Command(binary, "serve")
	s.cmd.Env = append(os.Environ(),
		"RALLY_ADDR="+addr, "RALLY_HTTP_ADDR="+redirect, "RALLY_DATA="+filepath.Join(dir, "data"), "RALLY_BASE_URL="+s.URL)
	s.cmd.Env = append(s.cmd.Env, "GORACE=atexit_sleep_ms=0") // a second that is not Rally's
	s.cmd.Env = append(s.cmd.Env, env...)
	s.cmd.Stdout, s.cmd.Stderr = logFile, logFile
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.exited <- s.cmd.Wait() }()
	if err := s.waitReady(90 * time.Second); err != nil {
		_ = s.cmd.Process.Kill()
		text, _ := os.ReadFile(s.log)
		return nil, fmt.Errorf("%w; it said:\n%s", err, text)
	}
	return s, nil
}

// tell writes what the server has logged beside the requests that went well.
func (s *server) tell(w io.Writer) {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, `"level":"INFO"`) {
			fmt.Fprint(w, "server: ", line)
		}
	}
}

// Ports that no connection to somewhere else is given: systems take those from
// 32768 or 49152 on. So one that is free stays free until the process that is to
// have it listens there, and while it is down.
const portsFrom, portsTo = 20_000, 32_000

// ports counts the addresses that were given to servers. It starts anywhere.
var ports atomic.Int64

func freeAddr() (string, error) {
	var err error
	for range portsTo - portsFrom {
		addr := fmt.Sprintf("127.0.0.1:%d", portsFrom+ports.Add(1)%(portsTo-portsFrom))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", err
}

// client trusts the certificate the server made itself.
func client() *http.Client {
	return &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
}

func (s *server) waitReady(limit time.Duration) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	c := client()
	for {
		select {
		case err := <-s.exited:
			s.exited <- err
			return fmt.Errorf("the server ended: %w", err)
		case <-deadline.C:
			return fmt.Errorf("the server was not ready within %v", limit)
		case <-again.C:
		}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := c.Do(req)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
}

// stop ends the server as an operator would and says how it went.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.exited:
		return err
	case <-time.After(soon):
		_ = s.cmd.Process.Kill()
		<-s.exited
		return fmt.Errorf("it did not stop within %v of SIGTERM", soon)
	}
}
