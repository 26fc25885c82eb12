package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// page is a page that somebody has open: what came over its socket is put into
// it as htmx does.
type page struct {
	t      *testing.T
	socket *socket
	root   *html.Node
	done   int // fragments put in
}

// opens opens a page and its socket.
func (b *browser) opens(path string) *page {
	b.t.Helper()
	res := b.get(path)
	res.wants(http.StatusOK)
	return &page{t: b.t, socket: b.open(), root: res.parsed()}
}

// parsed gives the page of an answer.
func (a *answer) parsed() *html.Node {
	a.t.Helper()
	root, err := html.Parse(strings.NewReader(a.text))
	if err != nil {
		a.t.Fatal(err)
	}
	return root
}

// says gives the text of everything that matches.
func (a *answer) says(selector string) []string {
	a.t.Helper()
	return (&page{t: a.t, root: a.parsed()}).says(selector)
}

// swap puts an answer into the page: its <hx-partial>s where they say. The rest
// of it has a place only the request knows.
func (p *page) swap(text string) {
	p.t.Helper()
	nodes, err := html.ParseFragment(strings.NewReader(text), &html.Node{Type: html.ElementNode, DataAtom: atom.Body, Data: "body"})
	if err != nil {
		p.t.Fatal(err)
	}
	type task struct {
		target, content *html.Node
		style           string
	}
	var tasks []task // all are found before the first is done
	for _, part := range nodes {
		if part.Data != "hx-partial" {
			continue
		}
		var selector, style string
		for _, a := range part.Attr {
			switch a.Key {
			case "data-hx-target":
				selector = a.Val
			case "data-hx-swap":
				var how string
				if style, how, _ = strings.Cut(a.Val, " "); how == "strip:true" {
					part = part.FirstChild
				}
			}
		}
		for _, target := range p.find(selector) {
			tasks = append(tasks, task{target, part, style})
		}
	}
	for _, x := range tasks {
		p.put(x.target, x.content, x.style)
	}
}

// put does one swap.
func (p *page) put(target, content *html.Node, style string) {
	p.t.Helper()
	copies := func(to func(*html.Node)) {
		for c := range content.ChildNodes() {
			to(clone(c))
		}
	}
	switch style {
	case "delete":
		if target.Parent != nil {
			target.Parent.RemoveChild(target)
		}
	case "innerHTML", "innerMorph":
		for target.FirstChild != nil {
			target.RemoveChild(target.FirstChild)
		}
		copies(target.AppendChild)
	case "beforeend":
		copies(target.AppendChild)
	case "outerMorph", "outerHTML":
		if target.Parent != nil {
			copies(func(n *html.Node) { target.Parent.InsertBefore(n, target) })
			target.Parent.RemoveChild(target)
		}
	default:
		p.t.Fatalf("a swap by %q", style)
	}
}

// clone copies a node and what is below it.
func clone(n *html.Node) *html.Node {
	c := &html.Node{Type: n.Type, DataAtom: n.DataAtom, Data: n.Data, Namespace: n.Namespace, Attr: slices.Clone(n.Attr)}
	for child := range n.ChildNodes() {
		c.AppendChild(clone(child))
	}
	return c
}

func (p *page) find(selector string) []*html.Node {
	p.t.Helper()
	sel, err := cascadia.ParseGroup(selector)
	if err != nil {
		p.t.Fatalf("%q: %v", selector, err)
	}
	return cascadia.QueryAll(p.root, sel)
}

// says gives the text of everything that matches.
func (p *page) says(selector string) []string {
	p.t.Helper()
	var all []string
	for _, n := range p.find(selector) {
		var b strings.Builder
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				b.WriteString(d.Data + " ")
			}
		}
		all = append(all, strings.Join(strings.Fields(b.String()), " "))
	}
	return all
}

// until puts in what comes until the page says this where it is looked for.
func (p *page) until(selector string, want ...string) {
	p.t.Helper()
	var got []string
	defer func() {
		if p.t.Failed() {
			p.t.Logf("%s says %q, want %q", selector, got, want)
		}
	}()
	until(p.t, selector, func() bool {
		p.catchUp()
		got = p.says(selector)
		return slices.Equal(got, want)
	})
}

// catchUp puts in what has come.
func (p *page) catchUp() {
	p.t.Helper()
	p.socket.mu.Lock()
	texts := slices.Clone(p.socket.texts[p.done:])
	p.socket.mu.Unlock()
	p.done += len(texts)
	for _, text := range texts {
		parses(p.t, text)
		p.swap(text)
	}
	ids := map[string]bool{}
	for _, n := range p.find("[id]") {
		for _, a := range n.Attr {
			if a.Key == "id" && ids[a.Val] {
				p.t.Errorf("two elements have the id %q", a.Val)
			} else if a.Key == "id" {
				ids[a.Val] = true
			}
		}
	}
}
