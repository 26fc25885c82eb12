package views_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"

	"rally"
	"rally/views"
)

// mailAddress is what mail programs make a link of.
var mailAddress = regexp.MustCompile(`(https?://|\S+@)\S+`)

func aLetter(kind rally.LetterKind) views.LetterText {
	l := views.LetterText{Kind: kind, Site: "https://rally.example.org", Name: "Mina", Other: "new@example.org", Day: noon}
	if kind == rally.LetterVerify || kind == rally.LetterReset {
		l.Link = "https://rally.example.org/links/abcdef"
	}
	if kind == rally.LetterTaken {
		l.Other = "Minna"
	}
	return l
}

var letterKinds = []rally.LetterKind{
	rally.LetterVerify, rally.LetterTaken, rally.LetterReset, rally.LetterEmailAsked, rally.LetterEmailChanged,
	rally.LetterPasswordChanged, rally.LetterCodesOn, rally.LetterCodesOff, rally.LetterDeletion,
}

func TestLetters(t *testing.T) {
	t.Parallel()
	for _, locale := range site(t).Locales() {
		subjects := make(map[string]bool)
		for _, kind := range letterKinds {
			l := aLetter(kind)
			subject, text, err := site(t).Letter(locale, l)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(subject, "Rally: ") || subjects[subject] || strings.ContainsAny(subject, "\r\n") {
				t.Errorf("%s %s has the subject %q", locale, kind, subject)
			}
			subjects[subject] = true
			for _, want := range []string{"Mina", "https://rally.example.org"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s %s does not hold %q:\n%s", locale, kind, want, text)
				}
			}
			if strings.Contains(text, "<no value>") || strings.Contains(text, "{{") || strings.Contains(text, "letter.") {
				t.Errorf("%s %s is unfinished:\n%s", locale, kind, text)
			}
			if l.Link != "" && !strings.Contains(text, "\n"+l.Link+"\n") {
				t.Errorf("%s %s has no line for its link:\n%s", locale, kind, text)
			}
			for _, address := range mailAddress.FindAllString(text, -1) {
				if strings.ContainsFunc(address, func(r rune) bool { return r > unicode.MaxASCII }) {
					t.Errorf("%s %s: something clings to the address %q", locale, kind, address)
				}
			}
			if n := strings.Count(text, "\n\n"); n < 3 {
				t.Errorf("%s %s has %d paragraphs, want a greeting, what, what if not, and from whom:\n%s", locale, kind, n+1, text)
			}
		}
	}
}

func TestLettersSayWhatMatters(t *testing.T) {
	t.Parallel()
	for kind, want := range map[rally.LetterKind]string{
		rally.LetterVerify: "for 24 hours", rally.LetterReset: "for 30 minutes", rally.LetterEmailAsked: "new@example.org",
		rally.LetterEmailChanged: "new@example.org", rally.LetterDeletion: "on 22 Nov 2026", rally.LetterCodesOff: "/settings/security",
	} {
		if _, text, err := site(t).Letter("en", aLetter(kind)); err != nil || !strings.Contains(text, want) {
			t.Errorf("%s does not say %q: %v\n%s", kind, want, err, text)
		}
	}
}

// A name cannot add lines to a letter, turn its text round, or become a link
// that the site seems to vouch for; and no name is in a subject.
func TestNamesInLettersAreInert(t *testing.T) {
	t.Parallel()
	const evil = "evil.com\r\nBcc: all@example.org\u202e\x1b[2J"
	for _, kind := range letterKinds {
		l := aLetter(kind)
		l.Name, l.Other = evil, evil
		subject, text, err := site(t).Letter("en", l)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(text, "\r\u202e\x1b") || strings.Contains(text, "\nBcc") || strings.Contains(subject, "evil") {
			t.Errorf("%s:\n%s\n%s", kind, subject, text)
		}
		if strings.Contains(text, "Hello evil.com") || kind == rally.LetterTaken && strings.Contains(text, "evil.com") {
			t.Errorf("%s holds a name that mail programs link:\n%s", kind, text)
		}
	}
}

func TestLettersNeedWhatTheySpeakOf(t *testing.T) {
	t.Parallel()
	noSite, noLink, aLink := aLetter(rally.LetterTaken), aLetter(rally.LetterReset), aLetter(rally.LetterCodesOn)
	noSite.Site, noLink.Link, aLink.Link = "", "", "https://rally.example.org/links/abc"
	for name, l := range map[string]views.LetterText{"no site": noSite, "no link": noLink, "a link too many": aLink, "no kind": aLetter("odd")} {
		if _, _, err := site(t).Letter("en", l); err == nil {
			t.Errorf("%s: written all the same", name)
		}
	}
	if subject, _, err := site(t).Letter("xx", aLetter(rally.LetterReset)); err != nil || subject != "Rally: choose a new password" {
		t.Errorf("an unknown language gives %q, %v", subject, err)
	}
}
