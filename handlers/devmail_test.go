package handlers_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"rally"
	"rally/handlers"
)

func TestDevMailShowsLetters(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.Dev, c.Mailbox = true, c.Mailer.(handlers.Mailbox) })
	b := s.browser(t)
	page := b.get("/dev/mail")
	page.wants(http.StatusOK)
	page.hasNot("article")
	ada := s.member(t, "Ada").user
	s.wrote(t, rally.Letter{Kind: rally.LetterReset, User: ada.ID, To: ada.Email})
	page = b.get("/dev/mail")
	page.wants(http.StatusOK)
	if n := len(page.find("article")); n != 2 { // one came with the account
		t.Errorf("%d letters are shown", n)
	}
	link := s.URL + s.link(t, ada.Email)
	if got := page.attr(`article a[href*="/links/"]`, "href"); got != link {
		t.Errorf("the newest letter's link leads to %s, not %s", got, link)
	}
}

// The letters open other people's accounts.
func TestDevMailIsForThisMachineAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) {
		c.Dev, c.Mailbox = true, c.Mailer.(handlers.Mailbox)
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	s.member(t, "Ada")
	for address, want := range map[string]int{
		"127.0.0.1": http.StatusOK, "::1": http.StatusOK,
		"192.0.2.7": http.StatusNotFound, "10.0.0.1": http.StatusNotFound, "2001:db8::1": http.StatusNotFound,
	} {
		page := s.browser(t).get("/dev/mail", header{"X-Forwarded-For", address})
		page.wants(want)
		if want != http.StatusOK && strings.Contains(page.text, "/links/") {
			t.Errorf("%s reads letters", address)
		}
	}
}
