package main

import (
	"fmt"

	"rally/handlers"
	"rally/mail"
)

// mailConfig is what can be set about sending letters.
type mailConfig struct {
	SMTPHost     string `env:"RALLY_SMTP_HOST" group:"Letters" help:"The mail server that takes letters (default: none, and no letters)." name:"smtp-host" placeholder:"HOST"`
	SMTPPort     int    `env:"RALLY_SMTP_PORT" group:"Letters" help:"Its port (default: 587, or 465 with --smtp-tls=tls)." name:"smtp-port" placeholder:"PORT"`
	SMTPUser     string `env:"RALLY_SMTP_USER" group:"Letters" help:"Who signs in there, if anybody has to." name:"smtp-user" placeholder:"NAME"`
	SMTPPassword string `env:"RALLY_SMTP_PASSWORD" group:"Letters" help:"With which password." name:"smtp-password" placeholder:"SECRET"`
	SMTPFrom     string `env:"RALLY_SMTP_FROM" group:"Letters" help:"Who writes: rally@example.org, or \"Rally <rally@example.org>\"." name:"smtp-from" placeholder:"ADDRESS"`
	SMTPTLS      string `env:"RALLY_SMTP_TLS" group:"Letters" help:"\"starttls\" (default), \"tls\" from the first byte, or \"off\" for a server on this machine." name:"smtp-tls" placeholder:"starttls|tls|off"`
}

// boxSize is how many letters a development server keeps.
const boxSize = 100

// mailServer gives the mail server that is set up, nil for none. What is wrong goes
// to complain; the password never does.
func (c mailConfig) mailServer(complain func(format string, args ...any)) *mail.Config {
	if c.SMTPHost == "" {
		if c != (mailConfig{}) {
			complain("RALLY_SMTP_HOST is missing beside the other RALLY_SMTP settings: name the mail server, or set none of them")
		}
		return nil
	}
	if c.SMTPPort < 0 || c.SMTPPort > 65535 {
		complain("RALLY_SMTP_PORT is %d: choose 1 to 65535, usually 587", c.SMTPPort)
	}
	if c.SMTPFrom == "" {
		complain("RALLY_SMTP_FROM is missing: say who writes the letters, such as rally@example.org")
	} else if _, err := mail.ParseFrom(c.SMTPFrom); err != nil {
		complain("RALLY_SMTP_FROM is %q: write an address such as rally@example.org, or with a name, \"Rally <rally@example.org>\"", c.SMTPFrom)
	}
	if (c.SMTPUser == "") != (c.SMTPPassword == "") {
		complain("RALLY_SMTP_USER and RALLY_SMTP_PASSWORD belong together: set both, or neither")
	}
	switch c.SMTPTLS {
	case "", mail.StartTLS, mail.ImplicitTLS:
	case mail.NoTLS:
		if c.SMTPPassword != "" && !isLoopback(c.SMTPHost) {
			complain("RALLY_SMTP_TLS is off, and RALLY_SMTP_PASSWORD would cross the network for all to read: choose starttls or tls")
		}
	default:
		complain("RALLY_SMTP_TLS is %q: choose starttls, tls or off", c.SMTPTLS)
	}
	return &mail.Config{
		Host: c.SMTPHost, Port: c.SMTPPort, User: c.SMTPUser, Password: c.SMTPPassword, From: c.SMTPFrom, TLS: c.SMTPTLS,
	}
}

// openMail gives what sends letters: the mail server that is set up, else, in
// development, a box to look into. Both are nil when letters cannot be sent.
func openMail(s settings) (handlers.Mailer, handlers.Mailbox, error) {
	switch {
	case s.smtp != nil:
		server, err := mail.NewSMTP(*s.smtp)
		if err != nil {
			return nil, nil, fmt.Errorf("setting up letters: %w", err)
		}
		return server, nil, nil
	case s.Dev:
		box := mail.NewBox(boxSize)
		return box, box, nil
	default:
		return nil, nil, nil
	}
}
