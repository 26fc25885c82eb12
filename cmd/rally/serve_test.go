package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rally/store/storetest"
)

// asMain makes the test binary behave as the program itself; see signal_test.go.
const asMain = "RALLY_TEST_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	storetest.Main(m)
}

// running is a whole Rally, started by run.
type running struct {
	t         *testing.T
	config    config
	url       string            // of the site
	addresses map[string]string // of the listeners
	client    *http.Client      // trusts the site's certificate
	greeting  []string          // the lines it has printed
	logs      *logBuffer
	stop      func() error // asks it to stop, and gives what run gave; may be called again
}

// logBuffer keeps what was logged; it may be written and read at once.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testConfig gives a configuration with a database and ports of the test's own.
func testConfig(t *testing.T) config {
	t.Helper()
	c := plain()
	c.Addr, c.HTTPAddr, c.MetricsAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.Data, c.DatabaseURL, c.Log = t.TempDir(), storetest.URL(t), "debug"
	return c
}

// start runs c until the test stops it, or is over, and returns once it is
// ready.
func start(t *testing.T, c config) *running {
	t.Helper()
	r := &running{t: t, config: c, logs: &logBuffer{}}
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan struct{})
	var ended error
	go func() {
		defer close(done)
		ended = run(ctx, c, in, r.logs)
		in.Close()
	}()
	r.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case <-done:
			return ended
		case <-time.After(time.Minute):
			t.Fatalf("it does not stop; it logged:\n%s", r.logs)
			return nil
		}
	})
	t.Cleanup(func() { _ = r.stop() })
	said := make([]byte, 4096)
	n, err := out.Read(said) // it says all at once
	if err != nil {
		t.Fatalf("it does not start: %v", r.stop())
	}
	r.greeting = strings.Split(strings.TrimSpace(string(said[:n])), "\n")
	r.url = strings.TrimPrefix(r.greeting[0], "Rally is ready at ")
	if !strings.HasPrefix(r.url, "http") {
		t.Fatalf("it says %q", r.greeting)
	}
	// Whoever asks for the site at its own address gets to this server.
	r.addresses = r.logged("serving")
	_, port, err := net.SplitHostPort(r.addresses[siteListener])
	if err != nil {
		t.Fatal(err)
	}
	r.config.Addr = net.JoinHostPort("127.0.0.1", port)
	s, err := r.config.settle()
	if err != nil {
		t.Fatal(err)
	}
	if r.client, err = localClient(s); err != nil {
		t.Fatal(err)
	}
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// logged gives the addresses in the log line with this message.
func (r *running) logged(message string) map[string]string {
	r.t.Helper()
	for line := range strings.Lines(r.logs.String()) {
		var entry struct {
			Msg       string
			Addresses map[string]string
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			r.t.Fatalf("log line %q: %v", line, err)
		}
		if entry.Msg == message {
			return entry.Addresses
		}
	}
	r.t.Fatalf("%q was not logged:\n%s", message, r.logs)
	return nil
}

// get asks for a page and gives status and body.
func (r *running) get(client *http.Client, url string) (*http.Response, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response, string(body)
}

// expect asks the site for a page and wants a status and a text on it.
func (r *running) expect(path string, status int, text string) {
	r.t.Helper()
	response, body := r.get(r.client, r.url+path)
	if response.StatusCode != status || !strings.Contains(body, text) {
		r.t.Errorf("%s answers %s without %q:\n%s", path, response.Status, text, body)
	}
}

// stopWell stops it and wants that to be clean. That it is quick is what package
// e2e makes sure of: there the machine's speed is known.
func (r *running) stopWell() {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Errorf("it stops with %v", err)
	}
}

func TestRunWithItsOwnDatabase(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.DatabaseURL = ""
	// As root, another user has to get to the database in there.
	if err := os.Chmod(filepath.Dir(c.Data), 0o711); err != nil {
		t.Fatal(err)
	}
	r := start(t, c)
	r.expect("/healthz", http.StatusOK, "ok")
	r.expect("/readyz", http.StatusOK, "ready")
	r.expect("/sign-up", http.StatusOK, `name="email"`)
	r.stopWell()

	again := start(t, c)
	again.expect("/readyz", http.StatusOK, "ready")
	again.stopWell()
}

func TestRunKeepsOperationsApart(t *testing.T) {
	t.Parallel()
	r := start(t, testConfig(t))
	r.expect("/metrics", http.StatusNotFound, "")
	r.expect("/debug/pprof/", http.StatusNotFound, "")
	for path, want := range map[string]string{
		"/metrics":                "rally_matches_live 0",
		"/debug/pprof/cmdline":    "",
		"/debug/pprof/heap?gc=1":  "",
		"/debug/pprof/goroutine?": "",
	} {
		response, body := r.get(http.DefaultClient, "http://"+r.addresses[metricsListener]+path)
		if response.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %s without %q", path, response.Status, want)
		}
	}
	for _, metric := range []string{
		"process_cpu_seconds_total", "go_goroutines", "rally_sockets ", "rally_queue_length ",
		`rally_tick_lateness_seconds_bucket{le="+Inf"} 0`, `rally_inputs_dropped_total{reason="late"} 0`,
		"rally_events_published_total", `rally_events_lost_total{where="publish"} 0`,
		`rally_bus_requests_total{result="unanswered"} 0`, "rally_bus_pipe_messages_total", "rally_bus_pipe_lost_total 0",
		`rally_presence_people{where="elsewhere"} 0`, "rally_presence_watchers 0", "rally_presence_badges_total 0",
		"rally_bus_watches_resumed_total", "rally_bus_leases_expired_total 0",
	} {
		if _, body := r.get(http.DefaultClient, "http://"+r.addresses[metricsListener]+"/metrics"); !strings.Contains(body, metric) {
			t.Errorf("%s is not published", metric)
		}
	}
}

func TestRunRedirectsToTLS(t *testing.T) {
	t.Parallel()
	r := start(t, testConfig(t))
	plainClient := &http.Client{CheckRedirect: r.client.CheckRedirect}
	response, _ := r.get(plainClient, "http://"+r.addresses[httpListener]+"/sign-in?next=%2Fplay")
	want := strings.Replace(r.url, "localhost", "127.0.0.1", 1) + "/sign-in?next=%2Fplay"
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusPermanentRedirect || got != want {
		t.Errorf("answers %s to %q, want %q", response.Status, got, want)
	}
}

func TestRunSpeaksModernTLS(t *testing.T) {
	t.Parallel()
	r := start(t, testConfig(t))
	base := r.client.Transport.(*http.Transport).TLSClientConfig
	handshake := func(change func(*tls.Config)) (tls.ConnectionState, error) {
		c := base.Clone()
		c.ServerName = "localhost"
		change(c)
		conn, err := tls.Dial("tcp", r.addresses[siteListener], c)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	if state, err := handshake(func(c *tls.Config) { c.NextProtos = []string{"h2"} }); err != nil || state.NegotiatedProtocol != "h2" || state.Version != tls.VersionTLS13 {
		t.Errorf("a modern browser gets %v, %v", state.NegotiatedProtocol, err)
	}
	if _, err := handshake(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err != nil {
		t.Errorf("an older browser gets %v", err)
	}
	if _, err := handshake(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if _, err := handshake(func(c *tls.Config) {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	}); err == nil {
		t.Error("a CBC suite is spoken")
	}
}

func TestRunWithCertificateFiles(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	made := t.TempDir()
	if _, err := newAuthority(made, []string{"localhost", "pong.example.org"}).certificate(time.Now()); err != nil {
		t.Fatal(err)
	}
	c.TLS = tlsFiles
	c.TLSCert, c.TLSKey = filepath.Join(made, "tls", "cert.pem"), filepath.Join(made, "tls", "cert.key")
	c.BaseURL = "https://pong.example.org"
	r := start(t, c)
	if r.url != c.BaseURL {
		t.Errorf("it says it is at %s", r.url)
	}
	r.expect("/readyz", http.StatusOK, "ready")
	if _, err := os.Stat(authorityFile(c.Data)); err == nil {
		t.Error("it made a certificate of its own all the same")
	}
}

func TestRunWithoutTLS(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.TLS = tlsOff
	r := start(t, c)
	if !strings.HasPrefix(r.url, "http://localhost:") {
		t.Errorf("it says it is at %s", r.url)
	}
	if _, taken := r.addresses[httpListener]; taken {
		t.Error("it redirects to TLS it does not have")
	}
	r.expect("/readyz", http.StatusOK, "ready")
}

func TestRunSaysWhatKeepsItFromStarting(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	for name, test := range map[string]struct {
		change func(*config)
		want   string
	}{
		"bad settings":         {func(c *config) { c.Points = 99 }, "RALLY_POINTS is 99"},
		"port taken":           {func(c *config) { c.Addr = taken.Addr().String() }, "is taken: another program"},
		"redirect port taken":  {func(c *config) { c.HTTPAddr = taken.Addr().String() }, `set RALLY_HTTP_ADDR to another address, or to "off"`},
		"address of others":    {func(c *config) { c.Addr = "192.0.2.1:8443" }, "is not an address of this machine"},
		"no certificate there": {func(c *config) { c.TLS, c.TLSCert, c.TLSKey = tlsFiles, "no.pem", "no.key" }, "RALLY_TLS_CERT"},
		"data is a file":       {func(c *config) { c.Data = os.Args[0] }, "RALLY_DATA"},
		"database away":        {func(c *config) { c.DatabaseURL = "postgres://rally@127.0.0.1:1/rally" }, "database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(t)
			test.change(&c)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := run(ctx, c, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it fails with %v, not %q", err, test.want)
			}
		})
	}
}

func TestRunCanBeStoppedWhileItStarts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := run(ctx, testConfig(t), &out, io.Discard); err != nil || out.Len() > 0 {
		t.Errorf("it ends with %v and says %q", err, &out)
	}
}
