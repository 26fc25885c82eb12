package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// secrets is everything that people and the server have kept from others while
// the tests ran: none of it may be in a log.
var secrets struct {
	sync.Mutex
	all []string
}

// secret notes secrets and gives the first.
func secret(all ...string) string {
	secrets.Lock()
	defer secrets.Unlock()
	secrets.all = append(secrets.all, all...)
	return all[0]
}

// noteCookies notes what the person's cookies hold at this moment.
func (p *person) noteCookies() {
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		res, err := cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
		if err != nil {
			return err
		}
		for _, c := range res.Cookies {
			// The first half of a session's cookie is its public name.
			_, kept, cut := strings.Cut(c.Value, ".")
			switch {
			case c.Name == "__Host-rally_session" && cut:
				secret(kept)
			case strings.HasPrefix(c.Name, "__Host-rally_") && len(c.Value) > 16:
				secret(c.Value)
			}
		}
		return nil
	}))
}

// logHoldsNoSecret looks through all that the server has printed.
func logHoldsNoSecret(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	secrets.Lock()
	defer secrets.Unlock()
	slices.Sort(secrets.all)
	all := slices.Compact(secrets.all)
	for _, s := range all {
		if s != "" && bytes.Contains(text, []byte(s)) {
			return fmt.Errorf("the server's log holds a secret of the tests: %.6s…", s)
		}
	}
	// With -run only some of the tests have been at work.
	if len(all) < 20 && flag.Lookup("test.run").Value.String() == "" {
		return fmt.Errorf("only %d secrets were noted: the tests have lost sight of them", len(all))
	}
	return nil
}
