package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// Two strangers sign up, press Play, are paired, make ready, and play with
// their keyboards until one of them has five points.
func TestTwoPeoplePlayAWholeMatch(t *testing.T) {
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	match := pair(ann, bob)

	t.Log("a key pressed by one is seen by the other")
	left, right := ann, bob
	if ann.see(`document.querySelector("#court").dataset.side`) == "1" {
		left, right = bob, ann
	}
	before := right.paddle("left")
	left.hold("ArrowUp")
	right.until(paddleScript("left") + ` < ` + before + ` - 0.05`)
	left.release("ArrowUp")

	t.Log("both play to the end")
	stop := make(chan struct{})
	played := make(chan struct{})
	go func() {
		defer close(played)
		wander(stop, ann, bob)
	}()
	ann.until(phaseIs("over"))
	close(stop)
	<-played
	bob.until(phaseIs("over"))

	t.Log("the result is public, and on both profiles")
	for _, p := range []*person{ann, bob} {
		p.open("/matches/" + match)
		p.until(phaseIs("over") + ` && [...document.querySelectorAll(".final-points")].some(e => e.innerText.includes("5"))`)
		p.open(p.profile())
		p.until(`location.pathname.startsWith("/players/") && document.querySelector('main a[href="/matches/` + match + `"]')`)
	}
	anybody := newPerson(t)
	anybody.open("/matches/" + match)
	for _, p := range []*person{ann, bob} {
		if text := anybody.see("document.body.innerText"); !strings.Contains(text, p.name) {
			t.Errorf("the public page does not name %s:\n%s", p.name, text)
		}
	}
}

// Once a match is over, one press from both starts the next.
func TestRematch(t *testing.T) {
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	first := pair(ann, bob)
	ann.do(click(`details.resign summary`), press("/matches/"+first+"/resign"))
	for _, p := range []*person{ann, bob} {
		p.until(phaseIs("over"))
	}
	ann.do(press("/matches/" + first + "/rematch"))
	bob.until(`document.querySelector("#match-panel")`)
	bob.do(press("/matches/" + first + "/rematch"))
	for _, p := range []*person{ann, bob} {
		p.until(`location.pathname.startsWith("/matches/") && !location.pathname.endsWith("` + first + `") && document.querySelector("#court canvas")`)
	}
	if ann.path() != bob.path() {
		t.Errorf("they are at %s and %s", ann.path(), bob.path())
	}
	for _, p := range []*person{ann, bob} {
		p.until(phaseIs("playing"))
	}
}

// A reload in the middle of a match pauses it for the other and costs only
// the time it takes.
func TestReloadInTheMiddleOfAMatch(t *testing.T) {
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	pair(ann, bob)
	ann.open("/")
	bob.until(phaseIs("paused"))
	ann.do(chromedp.NavigateBack())
	started := time.Now()
	ann.until(phaseIs("countdown") + "||" + phaseIs("playing"))
	t.Logf("back on court after %v", time.Since(started).Round(time.Millisecond))
	ann.until(phaseIs("playing"))
	bob.until(phaseIs("playing"))
}

// Somebody alone plays against the house bot at once.
func TestPractice(t *testing.T) {
	t.Parallel()
	for _, level := range []string{"1", "2", "3"} {
		t.Run("level "+level, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			p.signUp()
			p.open("/play")
			p.do(click(`form[action="/practice"]:has([value="` + level + `"]) button`))
			p.until(phaseIs("playing"))
			p.until(phaseIs("over"))
		})
	}
}

// pair takes two signed-in people from the lobby to the first serve and gives
// the match's id.
func pair(a, b *person) string {
	a.t.Helper()
	for _, p := range []*person{a, b} {
		p.open("/play")
		p.do(press("/play"))
		p.until(`document.querySelector("#queue time") || location.pathname.startsWith("/matches/")`)
	}
	for _, p := range []*person{a, b} {
		p.until(`location.pathname.startsWith("/matches/") && document.querySelector('form[action$="/ready"] button')`)
	}
	if a.path() != b.path() {
		a.t.Fatalf("%s is at %s and %s at %s", a.name, a.path(), b.name, b.path())
	}
	path := a.path()
	for _, p := range []*person{a, b} {
		p.do(press(path + "/ready"))
	}
	for _, p := range []*person{a, b} {
		p.until(phaseIs("playing"))
	}
	return strings.TrimPrefix(path, "/matches/")
}

// phaseIs is true on the page of a match in the given phase.
func phaseIs(phase string) string {
	return `document.querySelector("#match-panel.panel-` + phase + `")`
}

// paddleScript finds a paddle on the canvas and gives its centre's height as a
// share of the court's.
func paddleScript(side string) string {
	return `(() => {
		const c = document.querySelector("#court canvas"), g = c.getContext("2d", {willReadFrequently: true});
		const want = getComputedStyle(c).getPropertyValue("--court-paddle").trim();
		g.save(); const probe = document.createElement("canvas").getContext("2d");
		probe.fillStyle = want; probe.fillRect(0, 0, 1, 1); g.restore();
		const [r, gr, b] = probe.getImageData(0, 0, 1, 1).data;
		const w = Math.floor(c.width / 8), x0 = "` + side + `" === "left" ? 0 : c.width - w;
		const d = g.getImageData(x0, 0, w, c.height).data;
		const rows = new Array(c.height).fill(0);
		for (let y = 0; y < c.height; y++) for (let x = 0; x < w; x++) {
			const i = 4 * (y * w + x);
			if (Math.abs(d[i] - r) + Math.abs(d[i+1] - gr) + Math.abs(d[i+2] - b) < 24) rows[y]++;
		}
		let sum = 0, n = 0;
		rows.forEach((k, y) => { if (k >= 3) { sum += y; n++; } });
		return n ? sum / n / c.height : NaN;
	})()`
}

func (p *person) paddle(side string) string {
	p.t.Helper()
	p.until(`!Number.isNaN(` + paddleScript(side) + `)`)
	return p.see(paddleScript(side))
}

// hold and release press a key down and let it go, on the court.
func (p *person) hold(key string) {
	p.do(chromedp.Focus(chromedp.CSS("#court canvas")), keyEvent(input.DispatchKeyEventTypeRawKeyDown, key))
}

func (p *person) release(key string) { p.do(keyEvent(input.DispatchKeyEventTypeKeyUp, key)) }

func keyEvent(typ input.DispatchKeyEventType, key string) chromedp.Action[chromedp.Void] {
	codes := map[string]int64{"ArrowUp": 38, "ArrowDown": 40, "Enter": 13, "Tab": 9}
	text := ""
	if key == "Enter" && typ == input.DispatchKeyEventTypeKeyDown {
		text = "\r" // what makes Enter submit and press
	}
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: typ, Key: key, Code: key, Text: text, WindowsVirtualKeyCode: codes[key], NativeVirtualKeyCode: codes[key],
		})
		return err
	})
}

// wander keeps both paddles moving up and down until told to stop, as two
// people who are not very good would.
func wander(stop <-chan struct{}, people ...*person) {
	beat := time.NewTicker(400 * time.Millisecond)
	defer beat.Stop()
	keys := []string{"ArrowUp", "ArrowDown"}
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-beat.C:
		}
		for j, p := range people {
			key := keys[(i+j)%2]
			ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
			_ = chromedp.Do(ctx, keyEvent(input.DispatchKeyEventTypeRawKeyDown, key))
			_ = chromedp.Do(ctx, keyEvent(input.DispatchKeyEventTypeKeyUp, keys[(i+j+1)%2]))
			cancel()
		}
	}
}
