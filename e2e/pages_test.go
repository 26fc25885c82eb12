package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe/axe.min.js
var axe string

// look holds the page a person is on against axe's WCAG 2.2 AA rules, and
// against the width of its window.
func (p *person) look(what string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any](axe+";0")); err != nil {
		p.t.Fatalf("%s: loading axe: %v", what, err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
		.then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.help + "\n  " + v.nodes.map(n => n.html + " " + n.failureSummary).join("\n  "))))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: running axe: %v", what, err)
	}
	var violations []string
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		p.t.Fatal(err)
	}
	for _, v := range violations {
		p.t.Errorf("%s: %s", what, v)
	}
	if wide := p.see(`document.documentElement.scrollWidth > innerWidth + 1`); wide == "true" {
		p.t.Errorf("%s: the page is wider (%s px) than its window (%s px)", what,
			p.see("document.documentElement.scrollWidth"), p.see("innerWidth"))
	}
	if n := p.see(`document.querySelectorAll("h1").length`); n != "1" {
		p.t.Errorf("%s: %s level-one headings", what, n)
	}
}

// window sets the size of a person's window.
func window(width, height int64) chromedp.Action[chromedp.Void] {
	return chromedp.EmulateViewport(width, height)
}

// Every page, in both languages, both themes and at both ends of the widths
// people have, is sound by axe and fits its window.
func TestPagesAreAccessibleAndFit(t *testing.T) {
	t.Parallel()
	host := newPerson(t)
	host.signUp()
	profile := host.see(`document.querySelector('header a[href^="/players/"]').getAttribute("href")`)
	anonymous := []string{"/", "/sign-up", "/sign-in", profile, "/forgot", "/reset", "/confirm-email"}
	member := []string{
		"/play", profile, "/settings", "/settings/security", "/settings/devices", "/settings/log", "/settings/data",
		"/settings/password", "/settings/email", "/settings/codes", "/settings/delete",
		"/friends", "/friends/blocked", "/people?q=player",
		"/chat", strings.Replace(profile, "/players/", "/chat/", 1),
	}
	for _, locale := range []string{"en", "ko"} {
		for _, theme := range []string{"light", "dark"} {
			t.Run(locale+" "+theme, func(t *testing.T) {
				t.Parallel()
				for _, who := range []struct {
					pages []string
					in    bool
				}{{anonymous, false}, {member, true}} {
					p := newPerson(t)
					p.expect("404 ()")
					p.expect("410 ()")
					if who.in {
						p.signUp()
						p.open("/settings/proof")
						p.prove(password)
					} else {
						p.open("/")
					}
					p.prefer("locale", locale)
					p.prefer("theme", theme)
					for _, path := range who.pages {
						p.do(window(1440, 900))
						p.open(path)
						p.look(fmt.Sprintf("%s at 1440", path))
						p.do(window(320, 640))
						p.look(fmt.Sprintf("%s at 320", path))
					}
				}
			})
		}
	}
}

// prefer chooses a language or a theme by the buttons at the foot of the page.
func (p *person) prefer(what, value string) {
	p.t.Helper()
	if p.see(`document.querySelector('footer button[name="`+what+`"][value="`+value+`"]').ariaPressed`) == "true" {
		return
	}
	p.do(click(`footer button[name="` + what + `"][value="` + value + `"]`))
	p.until(`document.querySelector('footer button[name="` + what + `"][value="` + value + `"][aria-pressed="true"]')`)
}

// The court's page, in each phase that stands still.
func TestTheCourtsPageIsAccessible(t *testing.T) {
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	for _, p := range []*person{ann, bob} {
		p.open("/play")
		p.do(press("/play"))
	}
	ann.until(`document.querySelector('form[action$="/ready"] button')`)
	ann.do(window(320, 640))
	ann.look("ready check")
	t.Log("pressing Ready by keyboard leaves the focus on the court")
	ann.tabTo(`form[action$="/ready"] button`)
	ann.key("Enter")
	ann.until(`!document.querySelector('form[action$="/ready"]') && document.activeElement.id === "court-canvas"`)
	bob.until(`document.querySelector('form[action$="/ready"] button')`)
	bob.do(press(bob.path() + "/ready"))
	ann.until(phaseIs("playing"))
	ann.look("playing")
	bob.open("/")
	ann.until(phaseIs("paused"))
	ann.look("paused")
}

// withoutJavaScript is a browser that runs no scripts. What tests ask of the
// page it still answers.
func withoutJavaScript(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	_, err = cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return none, err
}

// Without JavaScript everything but the court works.
func TestWithoutJavaScript(t *testing.T) {
	p := newPerson(t, withoutJavaScript)
	p.signUp()
	p.open("/play")
	p.do(press("/play"))
	p.until(`document.querySelector('form[action="/play/leave"] button')`)

	t.Log("an opponent comes, and the waiting page finds it by itself")
	other := newPerson(t)
	other.signUp()
	other.open("/play")
	other.do(press("/play"))
	p.until(`location.pathname.startsWith("/matches/")`)
	p.until(`document.querySelector("#court").innerText.includes("JavaScript")`)
	p.do(signOut()...)
	p.until(`document.querySelector('header a[href="/sign-in"]')`)

	t.Log("a wrong password is said where it belongs, and the address is kept")
	p.open("/sign-in")
	p.do(fill("email", p.email), fill("password", "not the password"), press("/sign-in"))
	p.expect("401 ()")
	p.expect("422 ()")
	p.expect("400 ()")
	p.until(`document.querySelector('[name="email"]').value === "` + p.email + `" && document.querySelector("main .problem, main [aria-invalid=true]")`)
	p.do(fill("password", password), press("/sign-in"))
	p.until(`document.querySelector('header form[action="/sign-out"]')`)
}

// The keyboard alone is enough to sign up, choose an opponent and play.
func TestTheKeyboardAloneIsEnough(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.open("/")
	p.tabTo(`a[href="/sign-up"]`)
	p.key("Enter")
	p.until(`location.pathname === "/sign-up"`)
	p.tabTo(`[name="name"]`)
	p.typeText(p.name)
	p.tabTo(`[name="email"]`)
	p.typeText(p.email)
	p.tabTo(`[name="password"]`)
	p.typeText(password)
	p.key("Enter")
	p.until(`document.querySelector('header form[action="/sign-out"]')`)
	p.open("/play")
	p.tabTo(`form[action="/practice"]:has([value="1"]) button`)
	p.key("Enter")
	p.until(phaseIs("playing"))
	p.tabTo(`canvas`)
	before := p.paddle("left")
	if p.see(`document.querySelector("#court").dataset.side`) == "1" {
		before = p.paddle("right")
	}
	p.hold("ArrowUp")
	p.until(paddleScript("left") + ` < ` + before + ` - 0.05 || ` + paddleScript("right") + ` < ` + before + ` - 0.05`)
	p.release("ArrowUp")
	t.Log("the court traps nobody")
	p.tabTo(`footer button`)
}

// tabTo presses Tab until the element is focused, as somebody does who cannot
// use a mouse.
func (p *person) tabTo(selector string) {
	p.t.Helper()
	for range 60 {
		if p.see(`document.activeElement.matches(`+fmt.Sprintf("%q", selector)+`)`) == "true" {
			return
		}
		p.key("Tab")
	}
	p.t.Fatalf("%s cannot reach %s by Tab\n%s", p.name, selector, p.describe())
}

func (p *person) key(name string) {
	p.t.Helper()
	p.do(keyEvent(input.DispatchKeyEventTypeKeyDown, name), keyEvent(input.DispatchKeyEventTypeKeyUp, name))
}

func (p *person) typeText(text string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	}))
}
