package main

import (
	"net"
	"strings"
	"testing"

	"rally/auth"
)

// plain is a configuration as it is when nothing is set.
func plain() config {
	return config{Addr: ":8443", HTTPAddr: ":8080", TLS: tlsSelf, Data: ".data", Log: "info", Points: 11}
}

func TestSettleAcceptsWhatIsPlain(t *testing.T) {
	t.Parallel()
	s, err := plain().settle()
	if err != nil {
		t.Fatal(err)
	}
	if got := s.base.String(); got != "https://localhost:8443" {
		t.Errorf("base URL is %s", got)
	}
	if !s.redirect {
		t.Error("plain HTTP does not redirect")
	}
	want := []string{"https://localhost:8443", "https://127.0.0.1:8443", "https://[::1]:8443"}
	if got := s.origins(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("origins are %v", got)
	}
}

func TestSettleFillsIn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change  func(*config)
		base    string
		metrics string
	}{
		"the scheme's own port is left out": {func(c *config) { c.Addr = ":443" }, "https://localhost", ""},
		"without TLS":                       {func(c *config) { c.TLS, c.Addr = tlsOff, "127.0.0.1:80" }, "http://localhost", ""},
		"behind a proxy":                    {func(c *config) { c.TLS, c.BaseURL = tlsOff, "https://pong.example.org/" }, "https://pong.example.org", ""},
		"a base of its own":                 {func(c *config) { c.BaseURL = "https://pong.example.org:8443" }, "https://pong.example.org:8443", ""},
		"an address of six":                 {func(c *config) { c.BaseURL = "https://[::1]:443" }, "https://[::1]", ""},
		"metrics stay at home":              {func(c *config) { c.MetricsAddr = ":9090" }, "https://localhost:8443", "127.0.0.1:9090"},
		"metrics go out when told to":       {func(c *config) { c.MetricsAddr = "0.0.0.0:9090" }, "https://localhost:8443", "0.0.0.0:9090"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plain()
			test.change(&c)
			s, err := c.settle()
			if err != nil {
				t.Fatal(err)
			}
			if got := s.base.String(); got != test.base {
				t.Errorf("base URL is %s, want %s", got, test.base)
			}
			if s.MetricsAddr != test.metrics {
				t.Errorf("metrics listen on %q, want %q", s.MetricsAddr, test.metrics)
			}
		})
	}
}

func TestSettleSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*config)
		want   []string // each is in the message
	}{
		"address":              {func(c *config) { c.Addr = "8443" }, []string{`RALLY_ADDR is "8443"`}},
		"redirect":             {func(c *config) { c.HTTPAddr = "8080" }, []string{`RALLY_HTTP_ADDR is "8080"`}},
		"TLS":                  {func(c *config) { c.TLS = "on" }, []string{`RALLY_TLS is "on": choose self, files or off`}},
		"files without names":  {func(c *config) { c.TLS = tlsFiles }, []string{"RALLY_TLS_CERT and RALLY_TLS_KEY"}},
		"names without files":  {func(c *config) { c.TLSKey = "key.pem" }, []string{"only with RALLY_TLS=files"}},
		"base without scheme":  {func(c *config) { c.BaseURL = "pong.example.org" }, []string{"https://pong.example.org"}},
		"base with path":       {func(c *config) { c.BaseURL = "https://example.org/pong" }, []string{"root of its host"}},
		"base with user":       {func(c *config) { c.BaseURL = "https://a:b@example.org" }, []string{"RALLY_BASE_URL"}},
		"http and TLS":         {func(c *config) { c.BaseURL = "http://example.org" }, []string{"RALLY_TLS=off"}},
		"no data":              {func(c *config) { c.Data = "" }, []string{"RALLY_DATA"}},
		"other database":       {func(c *config) { c.DatabaseURL = "mysql://x" }, []string{"RALLY_DATABASE_URL"}},
		"NATS":                 {func(c *config) { c.NATSURL = "localhost" }, []string{"nats://host:4222"}},
		"level":                {func(c *config) { c.Log = "loud" }, []string{`RALLY_LOG is "loud"`}},
		"no points":            {func(c *config) { c.Points = 0 }, []string{"RALLY_POINTS is 0: choose 1 to 21"}},
		"too many points":      {func(c *config) { c.Points = 22 }, []string{"RALLY_POINTS is 22"}},
		"proxies":              {func(c *config) { c.TrustedProxies = []string{"10.0.0.0/8", "nginx"} }, []string{`has "nginx"`}},
		"several things":       {func(c *config) { c.Points, c.Log = 0, "loud" }, []string{"RALLY_POINTS", "RALLY_LOG"}},
		"cheap passwords":      {func(c *config) { c.Argon2Memory, c.Argon2Passes = 19, 2 }, []string{"RALLY_ARGON2_MEMORY is 19: choose 64", "RALLY_ARGON2_PASSES is 2: choose 3"}},
		"dear passwords":       {func(c *config) { c.Argon2Memory, c.Argon2Workers = 1<<20, 1000 }, []string{"RALLY_ARGON2_MEMORY", "RALLY_ARGON2_WORKERS is 1000"}},
		"metrics without port": {func(c *config) { c.MetricsAddr = "localhost" }, []string{"RALLY_METRICS_ADDR"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := plain()
			test.change(&c)
			_, err := c.settle()
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// Requirement 11.
func TestSettleSetsWhatPasswordsCost(t *testing.T) {
	t.Parallel()
	c := plain()
	s, err := c.settle()
	if err != nil || s.hashing != (auth.PasswordConfig{Memory: 64 << 10, Iterations: 3}) {
		t.Errorf("by default %+v, %v", s.hashing, err)
	}
	c.Argon2Memory, c.Argon2Passes, c.Argon2Workers = 256, 4, 2
	s, err = c.settle()
	if err != nil || s.hashing != (auth.PasswordConfig{Memory: 256 << 10, Iterations: 4, Workers: 2}) {
		t.Errorf("set, %+v, %v", s.hashing, err)
	}
}

func TestSettleKeepsSecrets(t *testing.T) {
	t.Parallel()
	c := plain()
	c.DatabaseURL = "mysql://rally:hunter2@db/rally"
	if _, err := c.settle(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error is %v", err)
	}
}

func TestSettingsLearnTheirPort(t *testing.T) {
	t.Parallel()
	c := plain()
	c.Addr = "127.0.0.1:0"
	s, err := c.settle()
	if err != nil {
		t.Fatal(err)
	}
	s = s.at(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711})
	if got := s.base.String(); got != "https://localhost:4711" {
		t.Errorf("base URL is %s", got)
	}
}

func TestDialAddr(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		":8443":          "127.0.0.1:8443",
		"0.0.0.0:8443":   "127.0.0.1:8443",
		"[::]:8443":      "[::1]:8443",
		"10.1.2.3:8443":  "10.1.2.3:8443",
		"localhost:8443": "localhost:8443",
	} {
		if got, err := dialAddr(addr); err != nil || got != want {
			t.Errorf("dialAddr(%q) = %q, %v; want %q", addr, got, err, want)
		}
	}
}
