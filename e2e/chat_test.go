package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// talksTo opens the conversation with somebody and gives their id.
func (p *person) talksTo(other *person) (id string) {
	p.t.Helper()
	id = strings.TrimPrefix(other.profile(), "/players/")
	p.open("/chat/" + id)
	p.until(socketIsOpen)
	return id
}

// says types a message where the focus is, key by key, and sends it.
func (p *person) says(text string) {
	p.t.Helper()
	for _, r := range text {
		p.letter(r)
	}
	p.key("Enter")
}

// letter presses the key of a lower-case letter, or of a space.
func (p *person) letter(r rune) {
	p.t.Helper()
	code := "Key" + strings.ToUpper(string(r))
	if r == ' ' {
		code = "Space"
	}
	for _, typ := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		text := string(r)
		if typ == input.DispatchKeyEventTypeKeyUp {
			text = ""
		}
		params := input.DispatchKeyEventParams{Type: typ, Key: string(r), Code: code, Text: text}
		p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, params)
			return err
		}))
	}
}

// lines is what a page's log has, one line for each message.
const lines = `[...document.querySelectorAll("[role=log] .line-text")].map(e => e.textContent).join("|")`

// Two people write to each other, each on the page of the conversation: what one
// says is there once for both, in order, and read by whoever looks at it.
func TestChat(t *testing.T) {
	t.Parallel()
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	ann.befriends(bob)
	toBob := ann.talksTo(bob)
	toAnn := bob.talksTo(ann)
	count := `document.querySelector("#message-count").textContent`

	ann.do(click("#chat-" + toBob + "-text"))
	for _, text := range []string{"one", "two", "three"} {
		ann.says(text) // without waiting for the one before
	}
	ann.typeText("not yet")
	for _, p := range []*person{ann, bob} {
		p.until(lines + ` === "one|two|three"`)
	}
	bob.until(count + ` === ""`)
	ann.until(`document.activeElement.id === "chat-` + toBob + `-text" && document.activeElement.value === "not yet"`)
	ann.until(`document.querySelectorAll(".line-own").length === 3`)
	if got := bob.see(`document.querySelectorAll(".line-own").length`); got != "0" {
		t.Errorf("%s of them are Bob's", got)
	}

	t.Log("a screen reader hears of each message once, and is not sent elsewhere")
	log := `document.querySelector("#chat-` + toAnn + `-log")`
	bob.see(`(window.heard = [], new MutationObserver(all => all.forEach(m => m.addedNodes.forEach(n => {
		if (n.nodeType === 1 && n.matches(".line")) heard.push(n.querySelector(".line-text").textContent)
	}))).observe(` + log + `, {childList: true, subtree: true}), 0)`)
	bob.do(click("#chat-" + toAnn + "-text"))
	bob.says("four")
	ann.until(lines + ` === "one|two|three|four"`)
	ann.do(click("#chat-" + toBob + "-text"))
	ann.says(" five")
	bob.until(lines + `.endsWith("|four|not yet five")`)
	if got := bob.see(`heard.join("|")`); got != "four|not yet five" {
		t.Errorf("put among the messages: %s", got)
	}
	if got := bob.see(log + `.role + " " + ` + log + `.tabIndex + " " + (` + log + `.ariaLabel.length > 3)`); got != "log 0 true" {
		t.Errorf("the log is %s", got)
	}
	bob.look("a conversation")

	t.Log("a lost line: what was said meanwhile is there when it is back")
	bob.see(`document.body._htmx.ws.connection.socket.close()`)
	ann.says("six")
	bob.until(lines + `.endsWith("|six") && ` + socketIsOpen)

	t.Log("what nobody looks at is not read, and counted on every page")
	bob.open("/leaderboard")
	bob.until(socketIsOpen)
	ann.says("seven")
	bob.until(count + ` === "1"`)
	bob.open("/chat")
	bob.until(socketIsOpen + ` && document.querySelector(".chat-row .chat-count")`)
	ann.says("eight")
	bob.until(`document.querySelector(".chat-row-last bdi").textContent === "eight"`)
	bob.look("the list of conversations")
	bob.do(click(".chat-row-name a"))
	bob.until(lines + `.endsWith("|seven|eight") && ` + count + ` === ""`)

	t.Log("whoever is muted is not heard of")
	bob.do(press("/chat/" + toAnn + "/mute"))
	bob.until(`document.querySelector(".chat-bar [name=mute]").value === "off" && document.querySelector("#status").innerText !== ""`)
	bob.look("a muted conversation")
	ann.says("nine")
	ann.until(lines + `.endsWith("|nine")`)
	bob.open("/chat/" + toAnn)
	bob.until(lines + `.endsWith("|nine") && ` + count + ` === ""`)

	t.Log("too long is said, and nothing is lost")
	long := strings.Repeat("x", 501)
	ann.expect("422 ()")
	ann.do(click("#chat-" + toBob + "-text"))
	ann.typeText(long)
	ann.key("Enter")
	ann.until(`document.querySelector(".chat-form [role=alert]") && document.activeElement.value === "` + long + `" && document.activeElement.ariaInvalid === "true"`)
	ann.look("a message that is too long")

	t.Log("too much at once has to wait, and nothing is lost")
	ann.open("/chat/" + toBob)
	ann.until(socketIsOpen)
	ann.expect("429 ()")
	ann.do(click("#chat-" + toBob + "-text"))
	sent := 0
	for ; sent < 60 && ann.see(`!!document.querySelector(".chat-form [role=alert]")`) == "false"; sent++ {
		ann.typeText(fmt.Sprintf("(%d)", sent))
		ann.key("Enter")
	}
	ann.until(fmt.Sprintf(`[...Array(%d).keys()].every(n => (%s + document.querySelector("[name=text]").value).includes("(" + n + ")"))`, sent, lines))
}

// Whoever is no friend any more cannot be written to: an open page says so at
// once, to the keyboard too, and what was typed can still be read.
func TestChatEnds(t *testing.T) {
	t.Parallel()
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	ann.befriends(bob)
	toBob := ann.talksTo(bob)
	ann.do(click("#chat-" + toBob + "-text"))
	ann.typeText("a long careful message")
	bob.open("/friends")
	bob.do(click(".own-friends .person-more summary"), press(strings.Replace(ann.profile(), "players", "people", 1)+"/remove"))
	ann.until(`document.querySelector(".chat-unsent:not([hidden])")?.innerText.includes("a long careful message")`)
	ann.until(`document.activeElement.matches(".chat-closed")`)
	ann.look("a conversation that has ended")

	t.Log("and once they are friends again, it goes on")
	tab := ann.otherTab()
	tab.open("/leaderboard")
	bob.befriends(tab)
	ann.until(`document.querySelector(".chat-form [name=text]")?.value === ""`)
	ann.do(click("#chat-" + toBob + "-text"))
	ann.says("hello")
	ann.until(lines + ` === "hello"`)
}

// During a match the opponents write to each other below the court, and what
// they type moves no paddle.
func TestChatDuringAMatch(t *testing.T) {
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	pair(ann, bob)
	side := "left"
	if ann.see(`document.querySelector("#court").dataset.side`) == "1" {
		side = "right"
	}
	ann.do(click(".match-chat summary"))
	ann.do(click(".match-chat [name=text]"))
	at := func() string { return ann.see(`(` + paddleScript(side) + `).toFixed(3)`) }
	ann.paddle(side)
	before := at()
	ann.says("wwwsss ws")
	if now := at(); now != before {
		t.Errorf("the paddle was at %s, and is at %s", before, now)
	}
	bob.until(`document.querySelector(".match-chat .chat-count").textContent.trim() !== ""`)
	if open := bob.see(`document.querySelector(".match-chat").open`); open != "false" {
		t.Error("Bob's chat has opened by itself")
	}
	bob.do(click(".match-chat summary"))
	bob.until(`document.querySelector(".match-chat .chat-count").textContent.trim() === ""`)
	bob.until(lines + `.startsWith("wwwsss ws")`)
	bob.do(click(".match-chat [name=text]"))
	bob.says("good luck")
	ann.until(lines + `.endsWith("|good luck")`)

	t.Log("back on the court the keys move the paddle")
	ann.hold("ArrowDown")
	ann.until(paddleScript(side) + ` > ` + before + ` + 0.05`)
	ann.release("ArrowDown")

	t.Log("the panel changes, and the chat stays as it is")
	ann.do(click(".match-chat [name=text]"))
	ann.typeText("wait")
	bob.do(click("#resign-question summary"), press(bob.path()+"/resign"))
	ann.until(phaseIs("over"))
	ann.until(`document.querySelector(".match-chat").open && document.activeElement.matches(".match-chat [name=text]") && document.activeElement.value === "wait"`)
	ann.look("chat below a match that is over")
	ann.key("Enter")
	bob.until(lines + `.endsWith("|wait")`)
}

// Without JavaScript a message is sent, read and answered by forms.
func TestChatWithoutJavaScript(t *testing.T) {
	t.Parallel()
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	ann.befriends(bob)
	toAnn, toBob := ann.profile(), bob.profile()
	toAnn, toBob = strings.TrimPrefix(toAnn, "/players/"), strings.TrimPrefix(toBob, "/players/")
	bob.do(withoutJavaScript)
	ann.open("/chat/" + toBob)
	ann.do(click("#chat-" + toBob + "-text"))
	ann.says("hello")
	ann.until(lines + ` === "hello"`)
	bob.open("/chat")
	bob.until(`document.querySelector(".chat-row .chat-count")`)
	bob.open("/chat/" + toAnn)
	bob.do(press("/chat/" + toAnn + "/read"))
	bob.until(`!document.querySelector('form[action$="/read"]') && document.querySelector("#message-count").textContent === ""`)
	bob.do(fill("text", "hi"), press("/chat/"+toAnn))
	bob.until(lines + ` === "hello|hi"`)
	ann.until(lines + ` === "hello|hi"`)
	bob.expect("422 ()")
	bob.do(fill("text", strings.Repeat("y", 501)), press("/chat/"+toAnn))
	bob.until(`document.querySelector(".chat-form .problem") && document.querySelector("[name=text]").value.length === 501`)
	bob.do(press("/chat/" + toAnn + "/mute"))
	bob.until(`document.querySelector(".chat-bar [name=mute]").value === "off"`)
	bob.open("/settings")
	bob.do(click(`form[action="/settings/chat"] [value="off"]`))
	bob.until(`document.querySelector('form[action="/settings/chat"] [value="off"]').ariaPressed === "true"`)
	ann.expect("403 ()")
	ann.says("still there?")
	ann.until(`document.querySelector(".chat-form [role=alert]")`)
}
