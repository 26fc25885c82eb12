package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium process.
type browser struct {
	// open makes a context that stands for a window with cookies and storage
	// of its own.
	open func() (context.Context, context.CancelFunc)
	stop func()
}

// startBrowser launches Debian's Chromium, headless, without the services that
// would call out.
func startBrowser(profile string) (b *browser, err error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if path == "" {
		return nil, errors.New("no Chromium found: `make test` installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.Flag("user-data-dir", profile), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en-US"),
		// Two pages play at once, and only one of them can be in front.
		chromedp.Flag("disable-renderer-backgrounding", true),
		chromedp.Flag("disable-backgrounding-occluded-windows", true),
		chromedp.Flag("disable-background-timer-throttling", true),
		chromedp.Flag("window-size", "1440,900"))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		stopBrowser()
		stopAllocator()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return &browser{
		open: func() (context.Context, context.CancelFunc) {
			return chromedp.NewContext(ctx, chromedp.WithNewBrowserContext())
		},
		stop: func() { stopBrowser(); stopAllocator() },
	}, nil
}

// person is somebody at a browser of their own.
type person struct {
	t     *testing.T
	ctx   context.Context
	name  string
	email string

	mu         sync.Mutex
	complaints []string // what the browser reported: CSP violations, exceptions, errors
	expected   []string
}

const (
	password = "correct-horse-battery"
	patience = 60 * time.Second // how long a person waits for anything
)

var people atomic.Int64

// newPerson opens an empty browser window for someone with an unused name.
// At the end of the test the browser must have nothing to complain of.
func newPerson(t *testing.T, setUp ...chromedp.Action[chromedp.Void]) *person {
	t.Helper()
	n := people.Add(1)
	// Tests read the court's pixels, which no player does.
	p := &person{t: t, expected: []string{"willReadFrequently"}, name: fmt.Sprintf("Player %d", n), email: fmt.Sprintf("player%d@example.org", n)}
	ctx, cancel := chromium.open()
	p.ctx = ctx
	// The first call opens the window and ties it to its context, which must
	// therefore have no deadline.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening a window: %v", err)
	}
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}))
	p.do(setUp...)
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Type == "error" || m.Type == "warning" || m.IsException() || m.Source == "security" {
				p.mu.Lock()
				p.complaints = append(p.complaints, strings.TrimSpace(m.Source+" "+m.String()+" "+m.URL))
				p.mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() {
		p.noteCookies()
		cancel()
		<-done
		for _, c := range p.complaints {
			if !p.expects(c) {
				t.Errorf("%s's browser complains: %s", p.name, c)
			}
		}
	})
	return p
}

// expect names a part of a complaint that belongs to what the test does.
func (p *person) expect(part string) { p.expected = append(p.expected, part) }

func (p *person) expects(complaint string) bool {
	for _, part := range p.expected {
		if strings.Contains(complaint, part) {
			return true
		}
	}
	return false
}

// do runs browser actions and fails the test with the page's text when one
// does not succeed.
func (p *person) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, p.describe())
	}
}

// describe tells what page the person is on, for a failure's message.
func (p *person) describe() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + " says:\n" + (document.body ? document.body.innerText : "")`))
	if err != nil {
		return "the page cannot be read: " + err.Error()
	}
	return text
}

func (p *person) open(path string) {
	p.t.Helper()
	p.do(chromedp.Navigate(site.URL + path))
}

// until waits until a JavaScript expression is truthy, across navigations.
func (p *person) until(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	ask(ctx, p, expression, chromedp.Evaluate[bool]("!!("+expression+")"), func(ok bool) bool { return ok })
}

// see gives the value of a JavaScript expression as text, as soon as the page it
// may be on its way to can tell.
func (p *person) see(expression string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return ask(ctx, p, expression, chromedp.Evaluate[string]("String("+expression+")"), func(string) bool { return true })
}

// ask evaluates until there is an answer that will do.
func ask[T any](ctx context.Context, p *person, expression string, evaluate chromedp.Action[T], will func(T) bool) T {
	p.t.Helper()
	again := time.NewTicker(30 * time.Millisecond)
	defer again.Stop()
	for {
		answer, err := chromedp.Run(ctx, evaluate)
		if err == nil && will(answer) {
			return answer
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("%s waited in vain for %s (%v)\n%s", p.name, expression, err, p.describe())
		case <-again.C:
		}
	}
}

func (p *person) path() string {
	p.t.Helper()
	return p.see("location.pathname")
}

// fill types into the field of the page's main form.
func fill(field, value string) chromedp.Action[chromedp.Void] {
	return chromedp.SendKeys(chromedp.CSS(`main [name="`+field+`"]`), value)
}

// press clicks the button that submits the form posting to action.
func press(action string) chromedp.Action[chromedp.Void] {
	return click(`form[action="` + action + `"] button`)
}

// signOut opens the viewer's menu and presses what signs out.
func signOut() []chromedp.Action[chromedp.Void] {
	return []chromedp.Action[chromedp.Void]{click(".nav-self summary"), click(`header form[action="/sign-out"] button`)}
}

// click waits until the first element a selector finds can be seen and reached
// and stays where it is, and presses the mouse on it.
func click(selector string) chromedp.Action[chromedp.Void] {
	spot := chromedp.Evaluate[[]float64](fmt.Sprintf(`(() => {
		const e = document.querySelector(%q)
		if (!e) return []
		e.scrollIntoView({block: "center", behavior: "instant"})
		const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2
		return e.contains(document.elementFromPoint(x, y)) ? [x, y] : []
	})()`, selector))
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		again := time.NewTicker(30 * time.Millisecond)
		defer again.Stop()
		var before []float64
		for {
			at, err := spot(ctx, target)
			if err == nil && len(at) == 2 && slices.Equal(at, before) {
				return chromedp.MouseClickXY(at[0], at[1])(ctx, target)
			}
			before = at
			select {
			case <-ctx.Done():
				return none, fmt.Errorf("cannot click %s: %w", selector, errors.Join(ctx.Err(), err))
			case <-again.C:
			}
		}
	}
}

// signUp makes the person's account through the form.
func (p *person) signUp() {
	p.t.Helper()
	p.open("/sign-up")
	p.do(fill("name", p.name), fill("email", p.email), fill("password", password), press("/sign-up"))
	p.until(`location.pathname !== "/sign-up"`)
	p.noteCookies()
}
