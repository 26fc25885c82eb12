package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// focused says whether what has the focus is matched by a selector.
func focused(selector string) string {
	return `document.activeElement.matches("` + selector + `")`
}

// askedFor says how often a page has fetched what is at path.
func askedFor(path string) string {
	return `performance.getEntriesByType("resource").filter((entry) => new URL(entry.name).pathname === "` + path + `").length`
}

// number gives a person's id, as addresses have it.
func (p *person) number() string {
	p.t.Helper()
	return strings.TrimPrefix(p.profile(), "/players/")
}

// Two become friends and part by keyboard alone, each on a page that was open
// before: nothing is loaded anew, the focus is never lost, and what was done is
// spoken.
func TestFriendsByKeyboard(t *testing.T) {
	t.Parallel()
	ann, bob, cat := newPerson(t), newPerson(t), newPerson(t)
	for _, p := range []*person{ann, bob, cat} {
		p.signUp()
	}
	anns, bobs, cats := ann.number(), bob.number(), cat.number()
	for _, p := range []*person{cat, bob} {
		p.open("/friends")
		p.until(socketIsOpen)
		p.see(`document.body.dataset.kept = "yes"`)
	}

	t.Log("found by a mistyped name, and asked")
	typed := strings.Replace(bob.name, "Player", "Plaier", 1)
	ann.open("/friends")
	ann.tabTo("#q")
	ann.typeText(typed)
	ann.key("Enter")
	ann.until(`location.pathname === "/people" && document.querySelector('[data-person="` + bobs + `"]') && ` + socketIsOpen)
	ann.look("people found")
	ann.tabTo(`[action='/people/` + bobs + `/ask'] button`)
	ann.key("Enter")
	ann.until(focused(`[action='/people/` + bobs + `/withdraw'] button`))
	ann.until(`document.querySelector("#status").textContent.includes("` + bob.name + `")`)
	cat.open(bob.profile())
	cat.do(press("/people/" + bobs + "/ask"))

	t.Log("the requests come to an open page; after the one is accepted the focus is at the other")
	bob.until(`document.querySelectorAll(".requests .person").length === 2`)
	bob.look("requests")
	bob.do(window(320, 640))
	bob.look("requests at 320")
	bob.tabTo(`.requests [action='/people/` + anns + `/accept'] button`)
	bob.see(`window.askedBefore = ` + askedFor("/friends"))
	bob.key("Enter")
	bob.until(`document.querySelector(".own-friends #person-` + anns + `") && ` + focused(`.requests #person-`+cats))
	ann.until(`document.querySelector('[data-person="` + bobs + `"] a[href="/chat/` + bobs + `"]')`)
	ann.until(focused("[data-person='" + bobs + "'] a"))
	// The page has asked for its lists by itself since, which is no reason to
	// take back what was spoken.
	bob.until(askedFor("/friends") + ` > window.askedBefore && document.querySelector("#status").textContent.includes("` + ann.name + `")`)
	bob.tabTo(`.requests [action='/people/` + cats + `/decline'] button`)
	bob.key("Enter")
	bob.until(`!document.querySelector(".requests") && ` + focused("#friends-title"))

	t.Log("what is done once asks for a second press, and stays open while the page changes")
	bob.tabTo(`.own-friends .person-more summary`)
	bob.key("Enter")
	bob.until(`document.querySelector(".person-more").open`)
	bob.look("more, opened, at 320")
	cat.until(`document.querySelector('main form[action="/people/` + bobs + `/ask"]')`)
	cat.do(press("/people/" + bobs + "/ask"))
	bob.until(`document.querySelectorAll(".requests .person").length === 1`)
	bob.until(`document.querySelector(".own-friends .person-more").open && ` + focused(".own-friends .person-more summary"))
	bob.tabTo(`.own-friends [action='/people/` + anns + `/block'] button`)
	bob.key("Enter")
	bob.until(`!document.querySelector(".own-friends .person") && ` + focused("#friends-title"))
	ann.until(`document.querySelector('[data-person="` + bobs + `"] form[action$="/ask"]')`)
	if bob.see(`document.body.dataset.kept`) != "yes" {
		t.Error("the page was loaded anew")
	}

	t.Log("whom one has blocked is not gone for good")
	bob.open("/friends/blocked")
	bob.look("blocked people")
	bob.tabTo(`[action='/people/` + anns + `/unblock'] button`)
	bob.key("Enter")
	bob.until(focused(`[data-person='` + anns + `'] [action$='/ask'] button`))
}

// Without JavaScript every press leads back to its page, which shows what has
// come of it.
func TestFriendsWithoutJavaScript(t *testing.T) {
	t.Parallel()
	ann, bob := newPerson(t, withoutJavaScript), newPerson(t, withoutJavaScript)
	ann.signUp()
	bob.signUp()
	anns, bobs := ann.number(), bob.number()
	ann.open("/friends")
	ann.do(chromedp.SendKeys(chromedp.CSS("#q"), bob.name), click(".people-search button"))
	ann.until(`location.pathname === "/people" && document.querySelector('form[action="/people/` + bobs + `/ask"]')`)
	ann.do(press("/people/" + bobs + "/ask"))
	ann.until(`location.pathname === "/people" && location.search && document.querySelector('form[action="/people/` + bobs + `/withdraw"]')`)
	bob.open("/friends")
	bob.do(press("/people/" + anns + "/accept"))
	bob.until(at("/friends") + ` && document.querySelector(".own-friends #person-` + anns + `")`)
	bob.do(click(".own-friends .person-more summary"), press("/people/"+anns+"/remove"))
	bob.until(at("/friends") + ` && document.querySelector(".own-friends .empty")`)
	ann.open("/friends")
	ann.until(`document.querySelector(".own-friends .empty")`)
}
