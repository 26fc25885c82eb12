package mailtest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"slices"
	"strings"
)

// Message is an e-mail as it was received.
type Message struct {
	From, To string // of the envelope
	User     string // who had signed in; "" nobody
	Secured  bool   // it came over TLS
	Header   mail.Header
	Subject  string   // decoded
	Text     string   // decoded, with "\n" between lines
	Links    []string // addresses of web pages in Text, in order
	Raw      []byte   // all of it, as it came over the wire
}

// Link gives the first link that holds part; "" when there is none.
func (m Message) Link(part string) string {
	if i := slices.IndexFunc(m.Links, func(link string) bool { return strings.Contains(link, part) }); i >= 0 {
		return m.Links[i]
	}
	return ""
}

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

// parse reads a message of plain text; anything else is an error.
func parse(raw []byte) (Message, error) {
	read, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Message{}, fmt.Errorf("mailtest: reading a message: %w", err)
	}
	m := Message{Header: read.Header, Raw: raw}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil {
		return Message{}, fmt.Errorf("mailtest: decoding a subject: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil {
		return Message{}, fmt.Errorf("mailtest: reading a content type: %w", err)
	}
	if kind != "text/plain" || !strings.EqualFold(parameters["charset"], "utf-8") {
		return Message{}, fmt.Errorf("mailtest: %q is not plain text in UTF-8", read.Header.Get("Content-Type"))
	}
	body := read.Body
	switch encoding := strings.ToLower(read.Header.Get("Content-Transfer-Encoding")); encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "", "7bit", "8bit":
	default:
		return Message{}, fmt.Errorf("mailtest: nobody knows the encoding %q", encoding)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return Message{}, fmt.Errorf("mailtest: decoding a message: %w", err)
	}
	m.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
	for _, found := range link.FindAllString(m.Text, -1) {
		m.Links = append(m.Links, strings.TrimRight(found, ".,;:!?)"))
	}
	return m, nil
}
