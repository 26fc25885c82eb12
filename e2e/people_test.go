package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Friends come, play, take another name and go, and an open page shows it where
// it stands, in the header and beside their names, without a second entry.
func TestFriendsComeAndGo(t *testing.T) {
	t.Parallel()
	ann, bob := newPerson(t), newPerson(t)
	ann.signUp()
	bob.signUp()
	ann.befriends(bob)
	id := strings.TrimPrefix(bob.profile(), "/players/")
	bob.do(chromedp.Navigate("about:blank"))
	badge := `document.querySelector('main [data-badge="` + id + `"]')`
	entries := `document.querySelectorAll("#online > li").length`
	number := `document.querySelector("#online-count").textContent`
	state := func(want string) { t.Helper(); ann.until(badge + `.dataset.state === "` + want + `"`) }

	ann.open("/friends")
	ann.until(socketIsOpen)
	state("offline")
	ann.until(entries + ` === 0 && ` + number + ` === ""`)
	bob.open("/play")
	state("online")
	ann.until(entries + ` === 1 && ` + number + ` === "1"`)

	t.Log("the list opens and closes by keyboard, and elsewhere closes it as well")
	ann.tabTo(".menu summary")
	ann.key("Enter")
	ann.until(`document.querySelector(".menu").open`)
	ann.look("friends online")
	ann.key("Tab")
	ann.until(`document.activeElement.closest("#online")`)
	ann.key("Escape")
	ann.until(`!document.querySelector(".menu").open && document.activeElement.matches(".menu summary")`)
	ann.key("Enter")
	ann.until(`document.querySelector(".menu").open`)
	ann.do(click("h1"))
	ann.until(`!document.querySelector(".menu").open`)
	ann.do(window(320, 640), click(".nav-self summary"))
	ann.look("one's own menu at 320")
	ann.do(click(".menu summary"))
	ann.until(`document.querySelectorAll(".menu[open]").length === 1`)
	ann.look("friends online at 320")

	t.Log("another name")
	name := bob.name + "2"
	bob.open("/settings")
	bob.do(chromedp.SetValue(chromedp.CSS(`main [name="name"]`), name), press("/settings/name"))
	ann.until(`[...document.querySelectorAll('[data-name="` + id + `"]')].every(e => e.textContent === "` + name + `")`)
	ann.until(entries + ` === 1`)

	t.Log("a match to watch")
	bob.open("/play")
	bob.do(click(`form[action="/practice"]:has([value="1"]) button`))
	state("playing")
	bob.until(`location.pathname.startsWith("/matches/")`)
	ann.until(`document.querySelector("#online .badge a").pathname === "` + bob.path() + `"`)

	t.Log("a lost line: what was missed is asked for")
	ann.see(`(document.querySelector("#notice-count").textContent = "7", document.body._htmx.ws.connection.socket.close())`)
	ann.until(`document.querySelector("#notice-count").textContent !== "7" && ` + socketIsOpen)
	state("playing")

	t.Log("gone")
	bob.do(click("#resign-question summary"), press(bob.path()+"/resign"))
	state("online")
	bob.do(chromedp.Navigate("about:blank"))
	state("offline")
	ann.until(entries + ` === 0 && ` + number + ` === ""`)
}
