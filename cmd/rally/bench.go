package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"rally"
	"rally/cmd/rally/bench"
)

// benchCommand puts a load on the server that the same configuration describes.
type benchCommand struct {
	Matches  benchMatchesCommand  `cmd:"" default:"withargs" help:"Play many matches at once (what happens without naming one)."`
	SignIns  benchSignInsCommand  `cmd:"" help:"Sign in many times a second."`
	Presence benchPresenceCommand `cmd:"" help:"Look on with many sockets while friends come and go."`
}

// benchOutput is how a bench tells what it found.
type benchOutput struct {
	JSON  bool `help:"Print the result as JSON." name:"json"`
	Quiet bool `help:"Do not say what is going on." short:"q"`
}

// textWriter is a report.
type textWriter interface{ WriteText(w io.Writer) error }

// write prints a report.
func (o benchOutput) write(to streams, report textWriter) error {
	if o.JSON {
		encoder := json.NewEncoder(to.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return report.WriteText(to.out)
}

// progress is where the bench says what is going on; nil for nowhere.
func (o benchOutput) progress(to streams) io.Writer {
	if o.Quiet {
		return nil
	}
	return to.err
}

// target is the server that a configuration describes, for a bench.
func (c config) target(ctx context.Context) (s settings, addr string, clientConfig *tls.Config, accounts *benchAccounts, err error) {
	if s, err = c.settle(); err != nil {
		return s, "", nil, nil, err
	}
	if addr, err = dialAddr(s.Addr); err != nil {
		return s, "", nil, nil, err
	}
	if s.TLS != tlsOff {
		if clientConfig, err = clientTLS(s); err != nil {
			return s, "", nil, nil, err
		}
	}
	accounts, err = openAccounts(ctx, s, newLog(io.Discard, s.level, s.Dev))
	return s, addr, clientConfig, accounts, err
}

// benchMatchesCommand plays.
type benchMatchesCommand struct {
	Matches  int           `default:"50" help:"Matches at once, each of two players." short:"n"`
	Rate     int           `default:"10" help:"Direction changes a second and player, 1 to 30." short:"r"`
	Duration time.Duration `default:"20s" help:"How long is measured, 1s to 5m." short:"d"`
	benchOutput
}

// Run is called by kong.
func (b benchMatchesCommand) Run(ctx context.Context, c config, to streams) error {
	switch {
	case b.Matches < 1 || b.Matches > 20000:
		return fmt.Errorf("--matches is %d: choose 1 to 20000", b.Matches)
	case b.Rate < 1 || b.Rate > 30:
		return fmt.Errorf("--rate is %d: choose 1 to 30; a server cuts off whoever sends more than 40 messages a second", b.Rate)
	case b.Duration < time.Second || b.Duration > 5*time.Minute:
		return fmt.Errorf("--duration is %s: choose 1s to 5m", b.Duration)
	}
	s, addr, clientConfig, accounts, err := c.target(ctx)
	if err != nil {
		return err
	}
	defer accounts.close()
	report, err := bench.Run(ctx, bench.Config{
		Base: s.base, Addr: addr, TLS: clientConfig, Metrics: s.MetricsAddr,
		Matches: b.Matches, Rate: b.Rate, Duration: b.Duration, Accounts: accounts, Progress: b.progress(to),
	})
	if err != nil {
		return err
	}
	return b.write(to, report)
}

// benchSignInsCommand signs in.
type benchSignInsCommand struct {
	Rate     int           `default:"200" help:"Sign-ins begun a second, 1 to 1000." short:"r"`
	Duration time.Duration `default:"10s" help:"For how long, 1s to 1m." short:"d"`
	Wrong    bool          `help:"With a wrong password."`
	benchOutput
}

// Run is called by kong.
func (b benchSignInsCommand) Run(ctx context.Context, c config, to streams) error {
	switch {
	case b.Rate < 1 || b.Rate > 1000:
		return fmt.Errorf("--rate is %d: choose 1 to 1000", b.Rate)
	case b.Duration < time.Second || b.Duration > time.Minute:
		return fmt.Errorf("--duration is %s: choose 1s to 1m", b.Duration)
	}
	s, addr, clientConfig, accounts, err := c.target(ctx)
	if err != nil {
		return err
	}
	defer accounts.close()
	report, err := bench.RunSignIns(ctx, bench.SignInConfig{
		Base: s.base, Addr: addr, TLS: clientConfig, Metrics: s.MetricsAddr,
		Rate: b.Rate, Duration: b.Duration, Wrong: b.Wrong, Logins: benchLogins{accounts}, Progress: b.progress(to),
	})
	if err != nil {
		return err
	}
	return b.write(to, report)
}

// benchPresenceCommand looks on.
type benchPresenceCommand struct {
	Sockets   int           `default:"5000" help:"Sockets that stay open and look on." short:"n"`
	Friends   int           `default:"50" help:"Friends of everybody, an even number." short:"f"`
	Changes   int           `default:"100" help:"Times a second that somebody comes or goes, 2 to 1000." short:"r"`
	Duration  time.Duration `default:"20s" help:"How long is measured, 1s to 5m." short:"d"`
	Elsewhere string        `help:"Another node of the same site on this machine, for those who come and go." placeholder:"HOST:PORT"`
	benchOutput
}

// Run is called by kong.
func (b benchPresenceCommand) Run(ctx context.Context, c config, to streams) error {
	switch {
	case b.Sockets < 1 || b.Sockets > 20000:
		return fmt.Errorf("--sockets is %d: choose 1 to 20000", b.Sockets)
	case b.Friends < 0 || b.Friends > rally.FriendsMax || b.Friends%2 != 0:
		return fmt.Errorf("--friends is %d: choose an even number to %d", b.Friends, rally.FriendsMax)
	case b.Changes < 2 || b.Changes > 1000:
		return fmt.Errorf("--changes is %d: choose 2 to 1000", b.Changes)
	case b.Duration < time.Second || b.Duration > 5*time.Minute:
		return fmt.Errorf("--duration is %s: choose 1s to 5m", b.Duration)
	}
	s, addr, clientConfig, accounts, err := c.target(ctx)
	if err != nil {
		return err
	}
	defer accounts.close()
	report, err := bench.RunPresence(ctx, bench.PresenceConfig{
		Base: s.base, Addr: addr, Elsewhere: b.Elsewhere, TLS: clientConfig, Metrics: s.MetricsAddr,
		Sockets: b.Sockets, Friends: b.Friends, Changes: b.Changes, Duration: b.Duration,
		Accounts: accounts, Progress: b.progress(to),
	})
	if err != nil {
		return err
	}
	return b.write(to, report)
}
