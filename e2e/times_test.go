package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// inSeoul is a browser nine hours ahead of what the server writes.
func inSeoul(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
	_, err = cdp.Call(ctx, target, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Asia/Seoul"})
	return none, err
}

// Times are those of the reader's clock: as the page comes, when a part of it
// comes anew, and when one is pushed.
func TestTimesWhereTheReaderIs(t *testing.T) {
	t.Parallel()
	ann, bob := newPerson(t, inSeoul), newPerson(t)
	ann.signUp()
	bob.signUp()
	ann.befriends(bob)
	local := func(what string) {
		t.Helper()
		const found = `document.querySelector("main time[data-local=minute]")`
		ann.until(found)
		at, err := time.Parse(time.RFC3339, ann.see(found+`.dateTime`))
		if err != nil {
			t.Fatal(err)
		}
		text, want := ann.see(found+`.textContent`), at.Add(9*time.Hour).Format("3:04")
		if !strings.Contains(text, want) || strings.Contains(text, "UTC") {
			t.Errorf("%s, %v is %q, want something with %q", what, at, text, want)
		}
	}
	bob.do(chromedp.Navigate("about:blank"))
	ann.open("/friends")
	ann.until(socketIsOpen)
	local("where somebody has gone")
	ann.open("/notices")
	local("on a page")
	ann.until(socketIsOpen)
	ann.see(`document.querySelector("main time").textContent = "not asked for yet"`)
	ann.see(`document.body.dispatchEvent(new Event("rally:back"))`)
	ann.until(`!document.querySelector("main time").textContent.startsWith("not")`)
	local("in what is asked for")
}
