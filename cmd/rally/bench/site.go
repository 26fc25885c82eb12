package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"rally"
)

// ErrNotLocal is what the bench says to an address that is not on this
// machine: a load on somebody else's server is an attack.
var ErrNotLocal = errors.New("the bench plays only against a server on this machine")

// requestsAtOnce is how many HTTP connections the bench keeps open.
const requestsAtOnce = 64

// site is the server under load, as a browser sees it.
type site struct {
	root    string // where requests go: scheme and host, without a slash
	origin  string // what its pages say they are
	metrics string
	client  *http.Client
}

// newSite refuses any address that is not a loopback one.
func newSite(cfg Config) (*site, error) {
	if err := checkLocal(cfg.Addr); err != nil {
		return nil, err
	}
	if cfg.Metrics != "" {
		if err := checkLocal(cfg.Metrics); err != nil {
			return nil, err
		}
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		// Whatever the site is called, it is reached at the address checked.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, cfg.Addr)
		},
		TLSClientConfig:     cfg.TLS,
		TLSHandshakeTimeout: 20 * time.Second,
		MaxIdleConnsPerHost: requestsAtOnce,
		DisableCompression:  true,
		// Not HTTP/2: a socket's handshake cannot be had over it.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	scheme := "https"
	if cfg.TLS == nil { // even if a proxy in front has it
		scheme = "http"
	}
	return &site{
		root:    scheme + "://" + cfg.Base.Host,
		origin:  strings.TrimSuffix(cfg.Base.String(), "/"),
		metrics: cfg.Metrics,
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func (s *site) close() { s.client.CloseIdleConnections() }

// checkLocal says whether addr is a loopback address and port.
func checkLocal(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("reading address %q: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("%w, and %s is not", ErrNotLocal, addr)
	}
	return nil
}

// sample asks the server for its metrics; nothing when they are unknown.
func (s *site) sample(ctx context.Context, tidy bool) (sample, error) {
	if s.metrics == "" {
		return sample{at: time.Now()}, nil
	}
	return scrape(ctx, s.metrics, tidy)
}

// settled waits until the server has stored every result: one stored later
// would stay behind when the accounts are gone.
func (s *site) settled(ctx context.Context) error {
	for {
		now, err := s.sample(ctx, false)
		if err != nil {
			return err
		}
		if now.values[metricUnstored] == 0 {
			// Without metrics there is no telling; a second is usual.
			return wait(ctx, time.Second)
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("the results of the matches are not stored: %w", err)
		}
	}
}

// connect opens a player's socket.
func (s *site) connect(ctx context.Context, account Account) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, s.root+"/live", &websocket.DialOptions{ //nolint:bodyclose // Dial does it
		HTTPClient: s.client,
		HTTPHeader: http.Header{"Cookie": {account.Cookie}, "Origin": {s.origin}},
	})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("opening a socket: the server answers %s", response.Status)
		}
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	conn.SetReadLimit(1 << 20)
	return conn, nil
}

// connectAll opens a socket for each of many, some at a time, and hands it over
// as soon as it is there.
func connectAll[T any](
	ctx context.Context, s *site, progress *progress, many []T, account func(T) Account, take func(T, *websocket.Conn),
) error {
	var open atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for _, one := range many {
		group.Go(func() error {
			conn, err := s.connect(ctx, account(one))
			if err != nil {
				return err
			}
			take(one, conn)
			progress.count("sockets", open.Add(1), len(many))
			return nil
		})
	}
	return wrap("connecting", group.Wait())
}

// post sends an empty form as a player, and gives the status and where the
// answer leads.
func (s *site) post(ctx context.Context, account Account, path string) (status int, location string, err error) {
	return s.do(ctx, http.MethodPost, account, path)
}

// get asks for a page as a player.
func (s *site) get(ctx context.Context, account Account, path string) (status int, location string, err error) {
	return s.do(ctx, http.MethodGet, account, path)
}

func (s *site) do(ctx context.Context, method string, account Account, path string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.root+path, http.NoBody)
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	request.Header.Set("Cookie", account.Cookie)
	if method == http.MethodPost {
		request.Header.Set("Origin", s.origin)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	return response.StatusCode, response.Header.Get("Location"), nil
}

// matchesIn gives the ids of the matches that text links to.
func matchesIn[T string | []byte](text T, yield func(rally.MatchID)) {
	const link = "/matches/"
	for s := string(text); ; {
		at := strings.Index(s, link)
		if at < 0 {
			return
		}
		s = s[at+len(link):]
		if len(s) >= rally.MatchIDLen {
			if id := rally.MatchID(s[:rally.MatchIDLen]); id.Valid() {
				yield(id)
			}
		}
	}
}
