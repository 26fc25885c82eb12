package views_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestEveryPage holds what is true of all pages, in both languages.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	for _, locale := range site(t).Locales() {
		for name, page := range pages() {
			t.Run(locale+" "+name, func(t *testing.T) {
				t.Parallel()
				d := render(t, locale, page)
				if !strings.HasPrefix(d.text, "<!doctype html>") {
					t.Error("no doctype")
				}
				if got := attr(d.one("html"), "lang"); got != locale {
					t.Errorf("lang is %q, want %q", got, locale)
				}
				if title := textOf(d.one("title")); !strings.HasSuffix(title, " · Rally") {
					t.Errorf("title is %q", title)
				}
				d.one("h1")
				d.one("header nav[aria-label]")
				d.one("main#main")
				d.one("body > .skip:first-child[href='#main']")
				if attr(d.one("#call"), "role") != "alert" || attr(d.one("#status"), "role") != "status" {
					t.Error("the live regions have lost their roles")
				}
				if len(d.all("body[data-hx-ws\\:connect]")) != len(d.all("#lost[role=alert][data-text]")) {
					t.Error("a page with a socket cannot say that it is lost, or one without can")
				}
				d.has("footer form[method=post][action='/preferences'] button[name=locale][value=ko][lang=ko]",
					"footer form[method=post][action='/preferences'] button[name=theme][value=system]")
				checkHarmless(t, d)
				checkSpaced(t, d)
				checkTied(t, d)
			})
		}
	}
}

func TestEveryFragment(t *testing.T) {
	t.Parallel()
	for _, locale := range site(t).Locales() {
		for name, fragment := range fragments() {
			t.Run(locale+" "+name, func(t *testing.T) {
				t.Parallel()
				d := render(t, locale, fragment)
				if strings.Contains(d.text, "<html") {
					t.Error("a fragment is not a page")
				}
				checkHarmless(t, d)
				checkSpaced(t, d)
			})
		}
	}
}

var runTogether = regexp.MustCompile(`[\pL\d]+<(time|a) [^>]*>`)

// checkSpaced fails on a word that runs into the time or the link after it.
func checkSpaced(t *testing.T, d document) {
	t.Helper()
	for _, found := range runTogether.FindAllString(d.text, -1) {
		t.Errorf("there is no space in %s", found)
	}
}

// checkHarmless fails on anything the Content-Security-Policy would refuse, or
// that would run as script.
func checkHarmless(t *testing.T, d document) {
	t.Helper()
	d.lacks("style", "[style]", "script:not([src])", "iframe", "object", "base")
	for n := range d.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), strings.Contains(a.Key, "hx-on"):
				t.Errorf("<%s> has a handler %s", n.Data, a.Key)
			case strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:"), strings.HasPrefix(a.Val, "js:"):
				t.Errorf("<%s %s> holds script: %s", n.Data, a.Key, a.Val)
			case a.Key == "data-hx-trigger" && strings.Contains(a.Val, "["):
				t.Errorf("a trigger filter needs eval: %s", a.Val)
			}
		}
	}
	for _, n := range d.all("link[rel=stylesheet], link[rel=icon], link[rel=preload], link[rel=modulepreload], script") {
		if address := attr(n, "href") + attr(n, "src"); !strings.HasPrefix(address, "/static/test/") {
			t.Errorf("<%s> comes from %q", n.Data, address)
		}
	}
}

// checkTied fails where something names an element that is not there, or two
// elements share an id, or a control has no name.
func checkTied(t *testing.T, d document) {
	t.Helper()
	ids := make(map[string]bool)
	for _, n := range d.all("[id]") {
		if id := attr(n, "id"); ids[id] {
			t.Errorf("two elements have the id %q", id)
		} else {
			ids[id] = true
		}
	}
	for _, name := range []string{"for", "aria-describedby", "aria-labelledby"} {
		for _, n := range d.all("[" + name + "]") {
			for id := range strings.FieldsSeq(attr(n, name)) {
				if !ids[id] {
					t.Errorf("%s of <%s> names %q, which is not there", name, n.Data, id)
				}
			}
		}
	}
	for _, n := range d.all("input:not([type=hidden]):not([hidden])") {
		if len(d.all("label[for='"+attr(n, "id")+"']")) != 1 {
			t.Errorf("input %q has no label", attr(n, "name"))
		}
	}
	for _, n := range d.all("button, a[href]") {
		if textOf(n) == "" && attr(n, "aria-label") == "" {
			t.Errorf("<%s> has no name", n.Data)
		}
	}
	for _, n := range d.all("button") {
		if attr(n, "type") == "" {
			t.Errorf("button %q has no type", textOf(n))
		}
	}
	for _, n := range d.all("form") {
		if looks := attr(n, "method") == "get" && attr(n, "role") == "search"; !looks && attr(n, "method") != "post" || attr(n, "action") == "" {
			t.Errorf("a form does not work without JavaScript: %v", n.Attr)
		}
		if post := attr(n, "data-hx-post"); post != "" && post != attr(n, "action") {
			t.Errorf("a form goes to %q with htmx and to %q without", post, attr(n, "action"))
		}
	}
}
