package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"rally/cmd/rally/bench"
)

// benchCommand plays against the server that the same configuration describes.
type benchCommand struct {
	Matches  int           `default:"50" help:"Matches at once, each of two players." short:"n"`
	Rate     int           `default:"10" help:"Direction changes a second and player, 1 to 30." short:"r"`
	Duration time.Duration `default:"20s" help:"How long is measured, 1s to 5m." short:"d"`
	JSON     bool          `help:"Print the result as JSON." name:"json"`
	Quiet    bool          `help:"Do not say what is going on." short:"q"`
}

// Run is called by kong.
func (b benchCommand) Run(ctx context.Context, c config, to streams) error {
	switch {
	case b.Matches < 1 || b.Matches > 20000:
		return fmt.Errorf("--matches is %d: choose 1 to 20000", b.Matches)
	case b.Rate < 1 || b.Rate > 30:
		return fmt.Errorf("--rate is %d: choose 1 to 30; a server cuts off whoever sends more than 40 messages a second", b.Rate)
	case b.Duration < time.Second || b.Duration > 5*time.Minute:
		return fmt.Errorf("--duration is %s: choose 1s to 5m", b.Duration)
	}
	s, err := c.settle()
	if err != nil {
		return err
	}
	cfg := bench.Config{Base: s.base, Matches: b.Matches, Rate: b.Rate, Duration: b.Duration, Metrics: s.MetricsAddr}
	if cfg.Addr, err = dialAddr(s.Addr); err != nil {
		return err
	}
	if s.TLS != tlsOff {
		if cfg.TLS, err = clientTLS(s); err != nil {
			return err
		}
	}
	if !b.Quiet {
		cfg.Progress = to.err
	}
	accounts, err := openAccounts(ctx, s, newLog(io.Discard, s.level, s.Dev))
	if err != nil {
		return err
	}
	defer accounts.close()
	cfg.Accounts = accounts
	report, err := bench.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if b.JSON {
		encoder := json.NewEncoder(to.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return report.WriteText(to.out)
}
