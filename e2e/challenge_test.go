package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// profile gives the address of the person's own page.
func (p *person) profile() string {
	p.t.Helper()
	p.until(`document.querySelector('.nav-self a[href^="/players/"]')`)
	return p.see(`document.querySelector('.nav-self a[href^="/players/"]').getAttribute("href")`)
}

// befriends makes two people friends, each on the other's profile.
func (p *person) befriends(other *person) {
	p.t.Helper()
	own, others := p.profile(), other.profile()
	p.open(others)
	p.do(press(strings.Replace(others, "/players/", "/people/", 1) + "/ask"))
	p.until(`document.querySelector('main form[action$="/withdraw"]')`)
	other.open(own)
	other.do(press(strings.Replace(own, "/players/", "/people/", 1) + "/accept"))
	other.until(`document.querySelector('main a[href^="/challenges/new"]')`)
}

// A friend is asked on whatever page they are, without being disturbed in what
// they do there, and accepts with the keyboard; both land on one court.
func TestChallengeAFriend(t *testing.T) {
	t.Parallel()
	ada, bea := newPerson(t), newPerson(t)
	ada.signUp()
	bea.signUp()
	ada.befriends(bea)

	t.Log("the friend is in the middle of something else")
	bea.open("/settings")
	bea.until(socketIsOpen)
	bea.do(chromedp.Focus(chromedp.CSS(`main [name="name"]`)))

	ada.open(bea.profile())
	ada.do(click(`main a[href^="/challenges/new"]`))
	ada.until(at("/challenges/new"))
	ada.do(click(`.option:has([name="points"][value="3"])`), click(`.option:has([name="kind"][value="casual"])`), press("/challenges"))
	ada.until(`location.pathname.match(/^\/challenges\/[a-z2-7]+$/) && document.querySelector('#challenge form[action$="/withdraw"]')`)
	challenge := ada.path()
	match := strings.Replace(challenge, "/challenges/", "/matches/", 1)
	ada.look("a challenge that waits")

	accept := `.invite form[action="` + challenge + `/accept"] button`
	bea.until(`document.querySelector('` + accept + `')?.checkVisibility()`)
	if at := bea.see(`document.activeElement.name`); at != "name" {
		t.Errorf("the focus went to %q", at)
	}
	bea.look("an invitation")
	for _, size := range [][2]int64{{360, 740}, {320, 568}} {
		bea.do(window(size[0], size[1]))
		bea.look("an invitation on a telephone")
	}

	t.Log("a page that is opened meanwhile asks as well, and a word in another one is kept")
	bea.open("/play")
	bea.until(socketIsOpen + ` && document.querySelectorAll(".invite").length === 1`)
	bea.tabTo(accept)
	bea.key("Enter")
	for _, p := range []*person{ada, bea} {
		p.until(`location.pathname === "` + match + `" && document.querySelector("#ready")`)
	}
	if n := bea.see(`document.querySelectorAll(".invite").length`); n != "0" {
		t.Errorf("%s invitations are left", n)
	}

	t.Log("the challenge leads to its match from now on")
	ada.open(challenge)
	ada.until(`location.pathname === "` + match + `"`)
	ada.do(press(match + "/resign"))
	bea.until(phaseIs("over"))
	ada.open(challenge)
	ada.until(`document.querySelector('#challenge a[href="` + match + `"]')`)
}

// Declining takes the invitation away on every page, leaves the focus on what
// the page is about, and tells whoever asked.
func TestDeclineAChallenge(t *testing.T) {
	t.Parallel()
	ada, bea := newPerson(t), newPerson(t)
	ada.signUp()
	bea.signUp()
	ada.befriends(bea)
	bea.open("/leaderboard")
	bea.until(socketIsOpen)
	tab := bea.otherTab()
	tab.open("/settings")
	tab.until(socketIsOpen)

	ada.open("/challenges/new?to=" + strings.TrimPrefix(bea.profile(), "/players/"))
	ada.do(press("/challenges"))
	ada.until(`document.querySelector("#challenge")`)
	challenge := ada.path()
	ada.open("/settings")
	ada.until(socketIsOpen)
	for _, p := range []*person{bea, tab} {
		p.until(`document.querySelector(".invite")`)
	}
	bea.tabTo(`.invite form[action="` + challenge + `/decline"] button`)
	bea.key("Enter")
	for _, p := range []*person{bea, tab} {
		p.until(`!document.querySelector(".invite")`)
	}
	bea.until(`document.activeElement.id === "main" && document.querySelector("#status").innerText.includes("` + ada.name + `")`)
	ada.until(`document.querySelector("#status").innerText.includes("` + bea.name + `")`)
	bea.open(challenge)
	bea.until(`document.querySelector("#challenge h2") && !document.querySelector("#challenge form")`)
	bea.look("a challenge that is over")
	for _, path := range []string{"/notices", "/challenges", "/challenges/new", "/challenges/new?to=" + strings.TrimPrefix(ada.profile(), "/players/")} {
		bea.open(path)
		bea.until(socketIsOpen)
		for _, width := range []int64{1440, 320} {
			bea.do(window(width, 800))
			bea.look(path)
		}
	}
}

// A link is taken by somebody who knows nobody here, and has to sign up first.
func TestTakeALink(t *testing.T) {
	t.Parallel()
	ada, bea := newPerson(t), newPerson(t, withoutJavaScript)
	ada.signUp()
	ada.open("/challenges/new")
	ada.do(press("/challenges"))
	ada.until(`document.querySelector("#address")?.value === location.href && ` + socketIsOpen)
	challenge := ada.path()

	bea.open(challenge)
	bea.until(`location.pathname === "/sign-in"`)
	bea.do(click(`main a[href^="/sign-up"]`))
	bea.until(`location.pathname === "/sign-up"`)
	bea.do(fill("name", bea.name), fill("email", bea.email), fill("password", password), press("/sign-up"))
	bea.until(`location.pathname === "` + challenge + `"`)
	bea.do(press(challenge + "/accept"))
	match := strings.Replace(challenge, "/challenges/", "/matches/", 1)
	for _, p := range []*person{bea, ada} {
		p.until(`location.pathname === "` + match + `"`)
	}
}
