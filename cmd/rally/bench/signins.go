package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Logins makes the accounts that sign in: they have a password, the same for
// all, and no session.
type Logins interface {
	// Open makes n accounts and gives the addresses they sign in with.
	Open(ctx context.Context, n int) (addresses []string, password string, err error)
	// Close deletes them, and what they have signed in to.
	Close(ctx context.Context) error
}

// SignInConfig says what RunSignIns does. All fields are needed except TLS,
// Metrics, Wrong and Progress.
type SignInConfig struct {
	Base     *url.URL    // the site's own address, for the Origin header
	Addr     string      // where to reach it, host:port; on this machine
	TLS      *tls.Config // nil: plain HTTP
	Metrics  string      // host:port of the server's metrics; "": unknown
	Rate     int         // sign-ins begun a second, however long they take
	Duration time.Duration
	Wrong    bool // with a wrong password
	Logins   Logins
	Progress io.Writer // a line while it runs; nil: none
}

const (
	signInAccounts = 100              // that take turns
	signInLimit    = 15 * time.Second // for one answer
	peakEvery      = 200 * time.Millisecond
)

// RunSignIns sends sign-ins at a steady rate, whether or not earlier ones have
// been answered, as a crowd or an attacker does, and cleans up after itself.
func RunSignIns(ctx context.Context, cfg SignInConfig) (report SignInReport, err error) {
	if err := needFiles(cfg.Rate*int(signInLimit/time.Second) + 200); err != nil {
		return report, err
	}
	progress := newProgress(cfg.Progress)
	defer progress.done()
	site, err := newSite(Config{Base: cfg.Base, Addr: cfg.Addr, TLS: cfg.TLS, Metrics: cfg.Metrics})
	if err != nil {
		return report, err
	}
	defer site.close()
	progress.say("making %d accounts", signInAccounts)
	addresses, password, err := cfg.Logins.Open(ctx, signInAccounts)
	defer func() {
		progress.say("deleting the accounts")
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
		defer cancel()
		err = errors.Join(err, cfg.Logins.Close(clean))
	}()
	if err != nil {
		return report, err
	}
	if cfg.Wrong {
		password = "not " + password
	}
	first, err := site.sample(ctx, true)
	if err != nil {
		return report, err
	}

	crowd := &crowd{site: site, password: password, byStatus: map[int][]time.Duration{}}
	peak := crowd.peak(ctx)
	begun, own := time.Now(), ownCPU()
	err = crowd.run(ctx, cfg, addresses, progress)
	span := time.Since(begun)
	resident := peak()
	if err != nil {
		return report, err
	}
	last, err := site.sample(ctx, false)
	if err != nil {
		return report, err
	}
	report = crowd.report(cfg, span)
	report.BenchCPU = 100 * (ownCPU() - own).Seconds() / span.Seconds()
	if cfg.Metrics != "" {
		report.Known = true
		report.CPUPercent = 100 * (last.values[metricCPU] - first.values[metricCPU]) / last.at.Sub(first.at).Seconds()
		report.BeforeMB = first.values[metricResident] / (1 << 20)
		report.PeakMB = max(resident, last.values[metricResident]) / (1 << 20)
	}
	return report, nil
}

// crowd is everybody who signs in, and what they were answered.
type crowd struct {
	site     *site
	password string

	mu       sync.Mutex
	byStatus map[int][]time.Duration // 0: no answer
}

// run begins a sign-in at every turn of the clock, and waits for the last.
func (c *crowd) run(ctx context.Context, cfg SignInConfig, addresses []string, progress *progress) error {
	var asked sync.WaitGroup
	defer asked.Wait()
	all := int(cfg.Duration.Seconds() * float64(cfg.Rate))
	begun := time.Now()
	for i := range all {
		due := begun.Add(time.Duration(i) * time.Second / time.Duration(cfg.Rate))
		if err := wait(ctx, time.Until(due)); err != nil {
			return err
		}
		asked.Go(func() { c.signIn(ctx, addresses[i%len(addresses)]) })
		progress.count("sign-ins begun", int64(i+1), all)
	}
	return nil
}

// signIn sends the form and notes the answer.
func (c *crowd) signIn(ctx context.Context, address string) {
	ctx, cancel := context.WithTimeout(ctx, signInLimit)
	defer cancel()
	begun := time.Now()
	status := c.post(ctx, url.Values{"email": {address}, "password": {c.password}})
	took := time.Since(begun)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byStatus[status] = append(c.byStatus[status], took)
}

// post gives the status of the answer, 0 for none.
func (c *crowd) post(ctx context.Context, form url.Values) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.site.root+"/sign-in", strings.NewReader(form.Encode()))
	if err != nil {
		return 0
	}
	request.Header.Set("Origin", c.site.origin)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := c.site.client.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0
	}
	return response.StatusCode
}

// peak watches the server's memory until the function it gives is called,
// which gives the highest that was seen, in bytes; 0 when it is unknown.
func (c *crowd) peak(ctx context.Context) (stop func() float64) {
	ctx, cancel := context.WithCancel(ctx)
	highest := make(chan float64, 1)
	go func() {
		ticker := time.NewTicker(peakEvery)
		defer ticker.Stop()
		seen := 0.0
		for {
			select {
			case <-ctx.Done():
				highest <- seen
				return
			case <-ticker.C:
				if s, err := c.site.sample(ctx, false); err == nil {
					seen = max(seen, s.values[metricResident])
				}
			}
		}
	}()
	return func() float64 { cancel(); return <-highest }
}

// SignInReport is what RunSignIns found.
type SignInReport struct {
	Rate    int             `json:"rate"` // begun a second
	Seconds float64         `json:"seconds"`
	Wrong   bool            `json:"wrong_password"`
	Answers []SignInAnswers `json:"answers"` // by status

	CPUPercent float64 `json:"server_cpu_percent"` // of one core
	BeforeMB   float64 `json:"server_resident_before_mb"`
	PeakMB     float64 `json:"server_resident_peak_mb"`
	BenchCPU   float64 `json:"bench_cpu_percent"`
	Known      bool    `json:"server_metrics"`
}

// SignInAnswers is how often the server answered with a status, and after how
// long.
type SignInAnswers struct {
	Status int     `json:"status"` // 0: not within 15 s
	Count  int     `json:"count"`
	P50ms  float64 `json:"p50_ms"`
	P99ms  float64 `json:"p99_ms"`
}

func (c *crowd) report(cfg SignInConfig, span time.Duration) SignInReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := SignInReport{Rate: cfg.Rate, Seconds: span.Seconds(), Wrong: cfg.Wrong}
	for status, took := range c.byStatus {
		slices.Sort(took)
		at := func(q float64) float64 { return milliseconds(took[min(int(q*float64(len(took))), len(took)-1)]) }
		r.Answers = append(r.Answers, SignInAnswers{Status: status, Count: len(took), P50ms: at(0.5), P99ms: at(0.99)})
	}
	slices.SortFunc(r.Answers, func(a, b SignInAnswers) int { return a.Status - b.Status })
	return r
}

// WriteText writes the report as a table for people.
func (r SignInReport) WriteText(w io.Writer) error {
	kind := "the right password"
	if r.Wrong {
		kind = "a wrong password"
	}
	rows := [][2]string{{"sign-ins", fmt.Sprintf("%d a second for %.1f s, with %s", r.Rate, r.Seconds, kind)}}
	for _, a := range r.Answers {
		name := fmt.Sprintf("answered %d", a.Status)
		if a.Status == 0 {
			name = "not answered"
		}
		rows = append(rows, [2]string{name, fmt.Sprintf("%d, p50 %.0f ms, p99 %.0f ms", a.Count, a.P50ms, a.P99ms)})
	}
	if r.Known {
		rows = append(rows,
			[2]string{"server's processor", fmt.Sprintf("%.0f %% of a core", r.CPUPercent)},
			[2]string{"server's memory", fmt.Sprintf("%.0f MB resident before, %.0f MB at most", r.BeforeMB, r.PeakMB)})
	} else {
		rows = append(rows, [2]string{"the server itself", "unknown: set RALLY_METRICS_ADDR for both"})
	}
	return writeRows(w, append(rows, [2]string{"bench's own processor", fmt.Sprintf("%.0f %% of a core", r.BenchCPU)}))
}
