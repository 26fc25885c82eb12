// Package mail sends e-mail: by SMTP, or, on a development server, into a box
// that is looked at in the browser. All of it is plain text. What an e-mail
// says is not known here.
package mail

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"rally"
)

// ErrRefused is in the chain of an error that trying again will not mend: the
// server refuses this address or this e-mail, or it is none that may be sent.
// Everything else, a wrong password of ours included, may be another day.
var ErrRefused = errors.New("refused for good")

// check refuses what could become more than the one e-mail it should be: a
// recipient that is not exactly one plain address, or a subject with a control
// character, such as the line break that would begin another header.
func check(m rally.Mail) error {
	if a, err := mail.ParseAddress(m.To); err != nil || a.Address != m.To || strings.ContainsFunc(m.To, unicode.IsControl) {
		return fmt.Errorf("sending to what is no plain address: %w", ErrRefused)
	}
	if strings.ContainsFunc(m.Subject, unicode.IsControl) {
		return fmt.Errorf("sending a subject with control characters: %w", ErrRefused)
	}
	return nil
}
