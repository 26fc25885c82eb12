package views

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"rally"
)

// LetterText is what a letter is written from.
type LetterText struct {
	Kind  rally.LetterKind
	Site  string    // address of the site, without a slash at its end
	Name  string    // of whom it is to; "" when that is nobody here
	Other string    // as in rally.Letter
	Link  string    // of the kinds that carry one
	Day   time.Time // LetterDeletion: when the account goes
}

// letterIDs are the messages that a letter is made of.
type letterIDs struct {
	subject string
	body    string // paragraphs, divided by empty lines
	not     string // what to do when it was not you
	hours   bool   // body counts the link's life, in hours and not in minutes
	life    time.Duration
}

// Letter writes a letter in the named language; an unknown one gives the
// default. The text is plain, one line to a paragraph, and a link has a line
// of its own. Nothing that a person has chosen is in the subject.
func (v *Views) Letter(locale string, l LetterText) (subject, text string, err error) {
	s, ok := v.locales[locale]
	if !ok {
		s = v.locales[v.names[0]]
	}
	ids, ok := lettersByKind[l.Kind]
	if !ok {
		return "", "", fmt.Errorf("views: no letter of kind %q", l.Kind)
	}
	if l.Site == "" {
		return "", "", errors.New("views: a letter must say where it comes from")
	}
	if (ids.life > 0) != (l.Link != "") {
		return "", "", fmt.Errorf("views: letter %q has link %t", l.Kind, l.Link != "")
	}
	values := vars{
		"Site":  l.Site,
		"Name":  unlinked(l.Name),
		"Other": letterOther(l),
	}
	if !l.Day.IsZero() {
		values["Day"] = s.date(l.Day)
	}
	var b strings.Builder
	if l.Name != "" {
		write(&b, s.t("letter.hello", values))
	}
	write(&b, s.t(ids.body, values))
	if l.Link != "" {
		write(&b, l.Link)
		if ids.hours {
			write(&b, s.n("letter.life_hours", int(ids.life/time.Hour)))
		} else {
			write(&b, s.n("letter.life_minutes", minutes(ids.life)))
		}
	}
	write(&b, s.t(ids.not, values))
	b.WriteString(s.t("letter.sign", values))
	b.WriteString("\n")
	return s.t(ids.subject), b.String(), nil
}

// write adds a paragraph.
func write(b *strings.Builder, paragraph string) {
	b.WriteString(strings.TrimSpace(paragraph))
	b.WriteString("\n\n")
}

// letterOther is the other name or address a letter speaks of.
func letterOther(l LetterText) string {
	if l.Kind == rally.LetterTaken {
		return unlinked(l.Other)
	}
	return tame(l.Other)
}

// unlinked is a name that no mail program makes a link of: somebody else may
// have chosen it, and it would stand in a letter that this site vouches for.
func unlinked(name string) string {
	return tame(strings.ReplaceAll(name, ".", "·"))
}

var lettersByKind = map[rally.LetterKind]letterIDs{
	rally.LetterVerify:          {subject: "letter.verify_subject", body: "letter.verify", not: "letter.verify_not", hours: true, life: rally.EmailLinkLife},
	rally.LetterTaken:           {subject: "letter.taken_subject", body: "letter.taken", not: "letter.taken_not"},
	rally.LetterReset:           {subject: "letter.reset_subject", body: "letter.reset", not: "letter.reset_not", life: rally.ResetLinkLife},
	rally.LetterEmailAsked:      {subject: "letter.email_asked_subject", body: "letter.email_asked", not: "letter.not_you"},
	rally.LetterEmailChanged:    {subject: "letter.email_changed_subject", body: "letter.email_changed", not: "letter.not_you"},
	rally.LetterPasswordChanged: {subject: "letter.password_changed_subject", body: "letter.password_changed", not: "letter.not_you"},
	rally.LetterCodesOn:         {subject: "letter.codes_on_subject", body: "letter.codes_on", not: "letter.not_you"},
	rally.LetterCodesOff:        {subject: "letter.codes_off_subject", body: "letter.codes_off", not: "letter.not_you"},
	rally.LetterDeletion:        {subject: "letter.deletion_subject", body: "letter.deletion", not: "letter.deletion_not"},
}
