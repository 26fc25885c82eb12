package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/handlers"
)

// wrote has a letter written, and gives what goes out: nil for nothing.
func (s *site) wrote(t *testing.T, l rally.Letter) *rally.Mail {
	t.Helper()
	before, _ := s.mail.Mails()
	if err := s.handlers.WriteLetter(t.Context(), l); err != nil {
		t.Fatalf("%s: %v", l.Kind, err)
	}
	after, _ := s.mail.Mails()
	if len(after) == len(before) {
		return nil
	}
	return &after[0]
}

func TestLettersAreWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.insider(t, "Ada").user
	if err := s.store.ScheduleDeletion(t.Context(), ada.ID, time.Now().Add(rally.DeletionDelay)); err != nil {
		t.Fatal(err)
	}
	for kind, linked := range map[rally.LetterKind]bool{
		rally.LetterVerify: true, rally.LetterReset: true, rally.LetterTaken: false, rally.LetterEmailAsked: false,
		rally.LetterEmailChanged: false, rally.LetterPasswordChanged: false, rally.LetterCodesOn: false,
		rally.LetterCodesOff: false, rally.LetterDeletion: false,
	} {
		m := s.wrote(t, rally.Letter{Kind: kind, User: ada.ID, To: ada.Email, Other: "bob@example.org"})
		switch {
		case m == nil:
			t.Errorf("%s: nothing goes out", kind)
		case m.To != ada.Email || !strings.Contains(m.Text, "Ada") || !strings.Contains(m.Text, s.URL) ||
			strings.Contains(m.Text, s.URL+"/links/") != linked:
			t.Errorf("%s: to %s goes\n%s", kind, m.To, m.Text)
		}
	}
}

func TestLettersSpeakTheirReadersLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.insider(t, "Ada").user
	l := rally.Letter{Kind: rally.LetterCodesOn, User: ada.ID, To: ada.Email}
	english := s.wrote(t, l)
	l.Locale = "ko"
	korean := s.wrote(t, l)
	if english.Subject == korean.Subject {
		t.Errorf("both are called %q", korean.Subject)
	}
	l.Locale = ""
	if err := s.store.SetPreferences(t.Context(), ada.ID, "ko", ""); err != nil {
		t.Fatal(err)
	}
	if chosen := s.wrote(t, l); chosen.Subject != korean.Subject {
		t.Errorf("whoever has chosen Korean gets %q", chosen.Subject)
	}
	l.Locale = "tlh"
	if unknown := s.wrote(t, l); unknown.Subject != english.Subject {
		t.Errorf("in an unknown language it is called %q", unknown.Subject)
	}
}

func TestLettersThatHaveLostTheirPoint(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.insider(t, "Ada").user
	token, err := s.store.NewLink(t.Context(), ada.ID, rally.LinkEmail, ada.Email)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.store.UseEmailLink(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]rally.Letter{
		"to nobody":           {Kind: rally.LetterReset, User: ada.ID},
		"of nobody":           {Kind: rally.LetterReset, To: "eve@example.org"},
		"of a deleted user":   {Kind: rally.LetterVerify, User: ada.ID + 1000, To: "eve@example.org"},
		"to a former address": {Kind: rally.LetterReset, User: ada.ID, To: "eve@example.org"},
		"verified meanwhile":  {Kind: rally.LetterVerify, User: ada.ID, To: ada.Email},
		"kept after all":      {Kind: rally.LetterDeletion, User: ada.ID, To: ada.Email},
	} {
		if m := s.wrote(t, l); m != nil {
			t.Errorf("%s: to %s goes\n%s", name, m.To, m.Text)
		}
	}
	// Another address may be verified all the same.
	if m := s.wrote(t, rally.Letter{Kind: rally.LetterVerify, User: ada.ID, To: "new@example.org"}); m == nil || m.To != "new@example.org" {
		t.Errorf("to a new address goes %v", m)
	}
}

func TestLettersWithoutAMailer(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.Mailer = nil })
	ada := s.insider(t, "Ada").user
	if m := s.wrote(t, rally.Letter{Kind: rally.LetterReset, User: ada.ID, To: ada.Email}); m != nil {
		t.Errorf("there goes %v", m)
	}
	if len(s.log.with("a letter was dropped, there is nothing to send it by", nil)) != 1 {
		t.Error("nothing is said of it")
	}
}

// broken sends nothing.
type broken struct{ err error }

func (b broken) Send(context.Context, rally.Mail) error { return b.err }

func TestLettersThatDoNotGoOut(t *testing.T) {
	t.Parallel()
	cause := errors.New("the relay is away")
	s := newSite(t, func(c *handlers.Config) { c.Mailer = broken{cause} })
	ada := s.insider(t, "Ada").user
	if err := s.handlers.WriteLetter(t.Context(), rally.Letter{Kind: rally.LetterReset, User: ada.ID, To: ada.Email}); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.handlers.WriteLetter(ctx, rally.Letter{Kind: rally.LetterReset, User: ada.ID, To: ada.Email}); err == nil {
		t.Error("without the database it counts as done")
	}
}

// A link in a letter works once, and one drawn later kills it.
func TestLettersLinksReplaceEachOther(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada := s.insider(t, "Ada").user
	l := rally.Letter{Kind: rally.LetterReset, User: ada.ID, To: ada.Email}
	s.wrote(t, l)
	first := s.link(t, ada.Email)
	s.wrote(t, l)
	second := s.link(t, ada.Email)
	for link, want := range map[string]int{first: http.StatusGone, second: http.StatusOK} {
		b := s.browser(t)
		res := b.get(link)
		res.leadsTo("/reset")
		b.get("/reset").wants(want)
	}
}

// Requirement 30: what a person has put into their name is inert in letters,
// and in the page that shows them to a developer.
func TestLettersAreInert(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(c *handlers.Config) { c.Dev, c.Mailbox = true, c.Mailer.(handlers.Mailbox) })
	ada := s.insider(t, "Ada").user
	const script = `"><script>alert(1)</script>`
	s.wrote(t, rally.Letter{Kind: rally.LetterEmailAsked, User: ada.ID, To: ada.Email, Other: script + "\r\nBcc: eve@example.org"})
	mails, _ := s.mail.Mails()
	if strings.ContainsAny(mails[0].Subject, "\r\n") || strings.Contains(mails[0].Subject, "script") {
		t.Errorf("the subject is %q", mails[0].Subject)
	}
	page := s.browser(t).get("/dev/mail")
	page.wants(http.StatusOK)
	page.hasNot("main script")
	if !strings.Contains(page.text, "&lt;script&gt;") {
		t.Error("the letter is not shown")
	}
}
