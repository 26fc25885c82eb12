package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"rally/auth"
	"rally/mail"
)

// config is everything that can be set, as it was written: each field is a
// flag and an environment variable. settle checks it.
type config struct {
	Addr           string   `default:":8443" env:"RALLY_ADDR" group:"Serving" help:"Where the site listens." placeholder:"HOST:PORT"`
	HTTPAddr       string   `default:":8080" env:"RALLY_HTTP_ADDR" group:"Serving" help:"Where plain HTTP listens, to redirect to TLS; \"off\" for nowhere." name:"http-addr" placeholder:"HOST:PORT"`
	TLS            string   `default:"self" env:"RALLY_TLS" group:"Serving" help:"\"self\": a certificate Rally makes for itself; \"files\": your own; \"off\": none, behind a proxy that has one." name:"tls" placeholder:"self|files|off"`
	TLSCert        string   `env:"RALLY_TLS_CERT" group:"Serving" help:"The certificate and its chain in PEM, with --tls=files." name:"tls-cert" placeholder:"FILE"`
	TLSKey         string   `env:"RALLY_TLS_KEY" group:"Serving" help:"Its private key in PEM, with --tls=files." name:"tls-key" placeholder:"FILE"`
	BaseURL        string   `env:"RALLY_BASE_URL" group:"Serving" help:"The site's address as people type it (default: https://localhost and the port of --addr)." name:"base-url" placeholder:"URL"`
	TrustedProxies []string `env:"RALLY_TRUSTED_PROXIES" group:"Serving" help:"Networks of the proxies in front, whose X-Forwarded-For is believed." placeholder:"CIDR"`
	Data           string   `default:".data" env:"RALLY_DATA" group:"Storage" help:"Folder for the private database, keys and certificates." placeholder:"DIR"`
	DatabaseURL    string   `env:"RALLY_DATABASE_URL" group:"Storage" help:"A PostgreSQL database to use instead of the private one." name:"database-url" placeholder:"URL"`
	NATSURL        string   `env:"RALLY_NATS_URL" group:"Storage" help:"A NATS server to use instead of the one in the process." name:"nats-url" placeholder:"URL"`
	MetricsAddr    string   `env:"RALLY_METRICS_ADDR" group:"Operation" help:"Where /metrics and /debug/pprof listen; without a host, on this machine alone (default: nowhere)." placeholder:"HOST:PORT"`
	Log            string   `default:"info" env:"RALLY_LOG" group:"Operation" help:"How much is logged." placeholder:"debug|info|warn|error"`
	Dev            bool     `env:"RALLY_DEV" group:"Operation" help:"For working on Rally: assets from disk, log lines for people, letters at /dev/mail."`
	Points         int      `default:"11" env:"RALLY_POINTS" group:"Game" help:"Points that win a match, 1 to 21." placeholder:"N"`

	passwordConfig
	secretConfig
	oauthConfig
	mailConfig
}

// The ways to TLS.
const (
	tlsSelf  = "self"
	tlsFiles = "files"
	tlsOff   = "off"
)

// settings are what config says, checked and parsed.
type settings struct {
	config
	base     *url.URL       // scheme and host; its port may still be 0, see at
	level    slog.Level     // of the log
	proxies  []netip.Prefix // trusted
	redirect bool           // plain HTTP redirects to TLS

	hashing   auth.PasswordConfig   // of passwords
	secretKey []byte                // nil: the one in the data folder
	providers []auth.ProviderConfig // whose accounts may sign in
	smtp      *mail.Config          // nil: no letters, or a box for them
}

// settle checks a configuration. The error names every setting that is wrong,
// one sentence a line, and what to do about it.
func (c config) settle() (settings, error) {
	s := settings{config: c}
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	checkAddr := func(name, value string) {
		if _, port, err := net.SplitHostPort(value); err != nil || port == "" {
			complain("%s is %q: write host:port, or :port for every address of this machine", name, value)
		}
	}
	checkAddr("RALLY_ADDR", c.Addr)
	switch c.TLS {
	case tlsSelf, tlsFiles:
		if s.redirect = c.HTTPAddr != "" && c.HTTPAddr != "off"; s.redirect {
			checkAddr("RALLY_HTTP_ADDR", c.HTTPAddr)
		}
	case tlsOff:
	default:
		complain("RALLY_TLS is %q: choose self, files or off", c.TLS)
	}
	switch {
	case c.TLS == tlsFiles && (c.TLSCert == "" || c.TLSKey == ""):
		complain("RALLY_TLS is files: say which, in RALLY_TLS_CERT and RALLY_TLS_KEY")
	case c.TLS != tlsFiles && (c.TLSCert != "" || c.TLSKey != ""):
		complain("RALLY_TLS_CERT and RALLY_TLS_KEY are used only with RALLY_TLS=files, and it is %q", c.TLS)
	}
	if c.MetricsAddr != "" {
		checkAddr("RALLY_METRICS_ADDR", c.MetricsAddr)
		if host, port, err := net.SplitHostPort(c.MetricsAddr); err == nil && host == "" {
			s.MetricsAddr = net.JoinHostPort("127.0.0.1", port)
		}
	}

	var err error
	if s.base, err = c.parseBase(); err != nil {
		wrong = append(wrong, err)
	}
	if c.Data == "" {
		complain("RALLY_DATA is empty: name a folder")
	}
	if u, err := url.Parse(c.DatabaseURL); c.DatabaseURL != "" && (err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql")) {
		// The value may hold a password, so it is not repeated.
		complain("RALLY_DATABASE_URL is not an address of PostgreSQL: write postgres://user:password@host:5432/database")
	}
	if u, err := url.Parse(c.NATSURL); c.NATSURL != "" && (err != nil || u.Host == "") {
		complain("RALLY_NATS_URL is not an address of NATS: write nats://host:4222")
	}
	if err := s.level.UnmarshalText([]byte(c.Log)); err != nil {
		complain("RALLY_LOG is %q: choose debug, info, warn or error", c.Log)
	}
	if c.Points < 1 || c.Points > 21 {
		complain("RALLY_POINTS is %d: choose 1 to 21", c.Points)
	}
	for _, text := range c.TrustedProxies {
		prefix, err := parsePrefix(strings.TrimSpace(text))
		if err != nil {
			complain("RALLY_TRUSTED_PROXIES has %q: write networks such as 10.0.0.0/8, or addresses, with commas between them", text)
			continue
		}
		s.proxies = append(s.proxies, prefix)
	}
	s.hashing = c.passwords(complain)
	if c.SecretKey != "" {
		if s.secretKey, err = auth.ParseSecretKey(c.SecretKey); err != nil {
			complain("RALLY_SECRET_KEY is %w", err) // which does not repeat it
		}
	}
	s.providers = c.oauthProviders(complain)
	s.smtp = c.mailServer(complain)
	return s, errors.Join(wrong...)
}

// parseBase gives the site's own address: what was set, or localhost with the
// port of Addr.
func (c config) parseBase() (*url.URL, error) {
	if c.BaseURL == "" {
		scheme := "https"
		if c.TLS == tlsOff {
			scheme = "http"
		}
		_, port, err := net.SplitHostPort(c.Addr)
		if err != nil {
			port = "0" // complained about already
		}
		return &url.URL{Scheme: scheme, Host: withPort(scheme, "localhost", port)}, nil
	}
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.User != nil:
		return nil, fmt.Errorf("RALLY_BASE_URL is %q: write it as people type it, such as https://pong.example.org", c.BaseURL)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("RALLY_BASE_URL is %q: Rally lives at the root of its host, so leave out everything after the host", c.BaseURL)
	case u.Scheme == "http" && c.TLS != tlsOff:
		return nil, fmt.Errorf("RALLY_BASE_URL is %q, but RALLY_TLS is %q: write https://, or set RALLY_TLS=off", c.BaseURL, c.TLS)
	}
	return &url.URL{Scheme: u.Scheme, Host: withPort(u.Scheme, u.Hostname(), u.Port())}, nil
}

// at gives the settings with the base URL's port made true, once the site
// listens on addr: port 0 means "any free one".
func (s settings) at(addr net.Addr) settings {
	if s.base.Port() != "0" {
		return s
	}
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return s
	}
	s.base = &url.URL{Scheme: s.base.Scheme, Host: withPort(s.base.Scheme, s.base.Hostname(), port)}
	return s
}

// origins gives the origins that pages of the site have in a browser: the base
// URL's, and on this machine also the other names of localhost.
func (s settings) origins() []string {
	origins := []string{s.base.String()}
	if s.base.Hostname() == "localhost" {
		for _, host := range []string{"127.0.0.1", "::1"} {
			origins = append(origins, s.base.Scheme+"://"+withPort(s.base.Scheme, host, s.base.Port()))
		}
	}
	return origins
}

// withPort gives host:port, without the port where it is the scheme's own.
func withPort(scheme, host, port string) string {
	if port == "" || (scheme == "https" && port == "443") || (scheme == "http" && port == "80") {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}

// dialAddr gives where a process on this machine reaches what listens on addr.
func dialAddr(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", fmt.Errorf("reading address %q: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(cmp.Or(host, "0.0.0.0")); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}

// parsePrefix reads a network, or an address as the network of it alone.
func parsePrefix(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("reading network %q: %w", text, err)
	}
	return prefix.Masked(), nil
}
