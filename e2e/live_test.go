package e2e

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// socketIsOpen is true on a page whose socket is open.
const socketIsOpen = `document.body?._htmx?.ws?.connection?.socket?.readyState === 1`

// at is true on a page of the site whose scripts may run.
func at(path string) string {
	return `location.pathname === "` + path + `" && document.readyState === "complete"`
}

// otherDevice is the same person at another browser.
func (p *person) otherDevice() *person {
	p.t.Helper()
	o := newPerson(p.t)
	o.name, o.email = p.name, p.email
	return o
}

// otherTab is the same person in another tab of the same browser.
func (p *person) otherTab() *person {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		p.t.Fatalf("opening a tab: %v", err)
	}
	p.t.Cleanup(cancel)
	return &person{t: p.t, ctx: ctx, name: p.name + "'s other tab", email: p.email}
}

// signIn signs the person in at the form that is shown or opens it.
func (p *person) signIn() {
	p.t.Helper()
	if p.path() != "/sign-in" {
		p.open("/sign-in")
	}
	p.do(fill("email", p.name), fill("password", password), press("/sign-in"))
	p.until(`location.pathname !== "/sign-in"`)
}

// isTold waits until the person reads on the sign-in page why they are there.
func (p *person) isTold(reason string) {
	p.t.Helper()
	p.until(at("/sign-in") + ` && new URLSearchParams(location.search).get("reason") === "` + reason + `"`)
	p.until(`document.querySelector("main .notice")?.innerText.trim()`)
}

// Whoever signs in on a second device is told that they are live on the first,
// and goes on on the second; the first is told why it was signed out, and can
// do the same.
func TestContinueOnAnotherDevice(t *testing.T) {
	t.Parallel()
	here := newPerson(t)
	here.signUp()
	here.open("/play")
	here.until(socketIsOpen)

	t.Log("the second device has to decide first")
	there := here.otherDevice()
	there.signIn()
	there.until(at("/sign-in/elsewhere"))
	there.open("/play")
	there.until(at("/sign-in/elsewhere"))
	if n := there.see(`document.querySelectorAll("[data-hx-ws\\:connect]").length`); n != "0" {
		t.Error("the page that says so opens a socket")
	}
	here.until(at("/play") + "&&" + socketIsOpen)

	t.Log("it goes on on the second device")
	there.do(press("/sign-in/elsewhere"))
	there.until(at("/play") + "&&" + socketIsOpen)
	here.isTold("moved")

	t.Log("and comes back to the first, where the page was")
	here.signIn()
	here.until(at("/sign-in/elsewhere"))
	here.do(press("/sign-in/elsewhere"))
	here.until(at("/play") + "&&" + socketIsOpen)
	there.isTold("moved")
}

// A device that was refused is let in as soon as the other one is gone.
func TestTheOtherDeviceIsGone(t *testing.T) {
	t.Parallel()
	here := newPerson(t)
	here.signUp()
	here.until(socketIsOpen)
	there := here.otherDevice()
	there.signIn()
	there.until(at("/sign-in/elsewhere"))

	t.Log("the way is free")
	here.do(chromedp.Navigate("about:blank"))
	there.until(`(() => {
		if (location.pathname === "/play") return ` + socketIsOpen + `;
		if (document.readyState === "complete") location.assign("/play");
	})()`)
	here.open("/play")
	here.until(at("/sign-in/elsewhere"))
}

// A match in progress moves with its player: it pauses, counts down, and is
// played on the second device.
func TestMatchMovesToAnotherDevice(t *testing.T) {
	t.Parallel()
	here := newPerson(t)
	here.signUp()
	here.open("/play")
	here.until(socketIsOpen)
	there := here.otherDevice() // signs in before the match, which does not wait
	there.signIn()
	there.until(at("/sign-in/elsewhere"))
	here.do(click(`form[action="/practice"]:has([value="1"]) button`))
	here.until(phaseIs("playing"))
	match := here.path()

	there.do(press("/sign-in/elsewhere"))
	there.until(`location.pathname === "/play" || location.pathname === "` + match + `"`)
	there.open(match)
	there.until(phaseIs("playing"))
	here.isTold("moved")
	if next := here.see(`new URLSearchParams(location.search).get("next")`); next != match {
		t.Errorf("the first device would come back to %q, want %q", next, match)
	}

	t.Log("the paddle obeys the second device")
	before := there.paddle("left")
	there.hold("ArrowUp")
	there.until(paddleScript("left") + ` < ` + before + ` - 0.05`)
	there.release("ArrowUp")
}

// Two tabs of one browser never fight, whatever is done in either; when one
// signs out, the other says so.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	one := newPerson(t)
	one.signUp()
	one.until(socketIsOpen)
	two := one.otherTab()
	for _, path := range []string{"/play", "/", "/play"} {
		two.open(path)
		two.until(at(path) + "&&" + socketIsOpen)
		one.open("/play")
		one.until(at("/play") + "&&" + socketIsOpen)
		two.until(at(path) + "&&" + socketIsOpen)
	}
	one.do(signOut()...)
	one.until(at("/"))
	two.isTold("signed_out")
	if where := one.path(); where != "/" {
		t.Errorf("who signs out lands on %s", where)
	}
}

// A changed password renews the session: the form's answer is seen, another tab
// stays as it is, with a new socket.
func TestRenewedSessionKeepsItsPages(t *testing.T) {
	t.Parallel()
	one := newPerson(t)
	one.signUp()
	one.until(socketIsOpen)
	two := one.otherTab()
	two.open("/play")
	two.until(socketIsOpen)
	two.see(`globalThis.before = document.body._htmx.ws.connection.socket`)

	one.open("/settings/password")
	one.until(at("/settings/proof"))
	one.do(fill("password", password), press("/settings/proof"))
	one.until(at("/settings/password") + "&&" + socketIsOpen)
	one.do(fill("password", password+"-again"), press("/settings/password"))
	one.until(at("/settings/security") + "&&" + socketIsOpen)
	one.until(`document.querySelector("main .notice")?.innerText.trim()`)

	two.until(`globalThis.before?.readyState === 3 && ` + socketIsOpen)
	if where := two.path(); where != "/play" {
		t.Errorf("the other tab went to %s", where)
	}
}

// An open page keeps its token fresh: soon after it was opened, and at once when
// it is seen again after a long sleep.
func TestOpenPageKeepsItsTokenFresh(t *testing.T) {
	t.Parallel()
	p := newPerson(t, everyPage(`
		const later = setTimeout;
		globalThis.setTimeout = (f, ms, ...rest) => later(f, ms === 30_000 ? 300 : ms, ...rest);
	`))
	p.signUp()
	renewed := func(times string) string {
		return `performance.getEntriesByType("resource").filter((e) =>
			e.name.endsWith("/live/token") && e.responseStatus === 204).length === ` + times
	}
	p.until(renewed("1") + "&&" + socketIsOpen)
	p.see(`(() => {
		const now = Date.now();
		document.dispatchEvent(new Event("visibilitychange"));
		Date.now = () => now + 9 * 60_000;
		document.dispatchEvent(new Event("visibilitychange"));
	})()`)
	p.until(renewed("2") + "&&" + socketIsOpen)
}

// everyPage has a script run before those of each page.
func everyPage(script string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
}
