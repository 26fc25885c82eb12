package mail

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"rally"
)

// How the way to the server is secured.
const (
	// StartTLS begins in the clear and insists on TLS before anything is said.
	StartTLS = "starttls"
	// ImplicitTLS is TLS from the first byte, usually on port 465.
	ImplicitTLS = "tls"
	// NoTLS is for a server on this machine or on a network of one's own.
	NoTLS = "off"
)

// sendTime bounds the sending of one e-mail, from the first packet on.
const sendTime = 10 * time.Second

// Config names an SMTP server.
type Config struct {
	Host     string
	Port     int    // 0: 587, or 465 with ImplicitTLS
	User     string // "": nobody signs in
	Password string
	From     string         // who writes: "rally@example.org", or with a name before it in front of <>
	TLS      string         // StartTLS, ImplicitTLS or NoTLS; "": StartTLS
	Roots    *x509.CertPool // who may vouch for the server; nil: whom the system trusts
}

// SMTP hands e-mails to a server. It is safe for concurrent use; each Send has
// a connection of its own.
type SMTP struct {
	config Config
	from   *mail.Address
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	limit  time.Duration
}

// NewSMTP makes an SMTP. It checks the config and connects to nothing.
func NewSMTP(c Config) (*SMTP, error) {
	c.TLS = cmp.Or(c.TLS, StartTLS)
	switch c.TLS {
	case StartTLS, NoTLS:
		c.Port = cmp.Or(c.Port, 587)
	case ImplicitTLS:
		c.Port = cmp.Or(c.Port, 465)
	default:
		return nil, fmt.Errorf("mail: %q is no way to secure a connection", c.TLS)
	}
	if c.Host == "" || c.Port < 1 || c.Port > 65535 {
		return nil, errors.New("mail: no server, or no port")
	}
	from, err := ParseFrom(c.From)
	if err != nil {
		return nil, err
	}
	return &SMTP{config: c, from: from, dial: new(net.Dialer).DialContext, limit: sendTime}, nil
}

// ParseFrom reads who writes the e-mails: an address, perhaps with a name.
func ParseFrom(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("mail: reading the sender's address: %w", err)
	}
	return from, nil
}

// Send hands an e-mail to the server, within ten seconds and before ctx ends.
// Without an error the server has taken it; an error with ErrRefused in its
// chain says that it never will. Like SMTP itself, a connection lost at the
// very end leaves open whether it has. No error names the recipient.
func (s *SMTP) Send(ctx context.Context, m rally.Mail) error {
	if err := check(m); err != nil {
		return err
	}
	message, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	if err := s.deliver(ctx, message); err != nil {
		if refused(err) {
			err = fmt.Errorf("%w: %w", ErrRefused, err)
		} else if ctx.Err() != nil { // what it did to the connection says less
			err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return fmt.Errorf("sending mail by %s: %w", s.config.Host, &discreet{err, m.To})
	}
	return nil
}

// discreet is an error that does not name the recipient: who reads the log need
// not know them, and servers like to repeat what they refuse.
type discreet struct {
	error
	recipient string
}

// Error gives the error's text.
func (d *discreet) Error() string {
	return strings.ReplaceAll(d.error.Error(), d.recipient, "the recipient")
}

// Unwrap gives the error itself to errors.Is.
func (d *discreet) Unwrap() error { return d.error }

// compose writes the e-mail as it goes over the wire.
func (s *SMTP) compose(m rally.Mail) (*gomail.Msg, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(s.from)
	if err := message.To(m.To); err != nil {
		return nil, fmt.Errorf("addressing mail: %w: %w", ErrRefused, err)
	}
	message.Subject(m.Subject)
	message.SetDate()
	// The library would put the machine's own name there.
	message.SetMessageIDWithValue(rand.Text() + s.from.Address[strings.LastIndexByte(s.from.Address, '@'):])
	// RFC 3834: nobody's holiday notice shall answer.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	return message, nil
}

// deliver takes a message to the server over a connection of its own.
func (s *SMTP) deliver(ctx context.Context, message *gomail.Msg) error {
	client, err := gomail.NewClient(s.config.Host, s.options(ctx)...)
	if err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	err = client.SendWithSMTPClient(conn, message)
	// The server has it, or not; how saying goodbye goes changes neither.
	_ = conn.Quit()
	_ = conn.Close()
	return err
}

// options are the library's words for the config, for one delivery.
func (s *SMTP) options(ctx context.Context) []gomail.Option {
	secured := &tls.Config{ServerName: s.config.Host, RootCAs: s.config.Roots, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.config.Port), gomail.WithTimeout(s.limit), gomail.WithTLSConfig(secured),
		// One e-mail goes over a connection: nothing to ask before it, and
		// nothing after it that could fail once the server has it.
		gomail.WithoutNoop(), gomail.WithoutRset(),
		gomail.WithTLSPolicy(gomail.TLSMandatory),
	}
	if s.config.TLS != StartTLS {
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	options = append(options, gomail.WithDialContextFunc(func(dialing context.Context, network, addr string) (net.Conn, error) {
		plain, err := s.dial(dialing, network, addr)
		if err != nil {
			return nil, fmt.Errorf("dialing: %w", err)
		}
		// Not with dialing, which ends when the server is dialed.
		conn := newLimited(ctx, plain)
		if s.config.TLS != ImplicitTLS {
			return conn, nil
		}
		return tls.Client(conn, secured), nil // shakes hands when the greeting is read
	}))
	if s.config.User != "" {
		// The last two tell the password; the library refuses that without TLS,
		// but to this machine.
		options = append(options, gomail.WithUsername(s.config.User), gomail.WithPassword(s.config.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthCramMD5, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

// refused says whether the server has refused this very e-mail for good: its
// recipient or its content. What it says of the sender or of the password is
// for the operator to put right, and then it may be tried again.
func refused(err error) bool {
	failed, ok := errors.AsType[*gomail.SendError](err)
	if !ok || failed.ErrorCode() < 500 {
		return false
	}
	switch failed.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		return true
	default:
		return false
	}
}

// sayMost is how many bytes a server may say while it takes one e-mail.
const sayMost = 1 << 20

// limited is a connection that ends with a context, and with a server that
// does not come to an end. The library gives every step a deadline of its own;
// none may be later than the whole one.
type limited struct {
	net.Conn
	until time.Time
	said  int // bytes
	stop  func() bool
}

// newLimited makes conn end with ctx, which has a deadline.
func newLimited(ctx context.Context, conn net.Conn) net.Conn {
	until, _ := ctx.Deadline()
	return &limited{Conn: conn, until: until, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
}

// Read reads what the server says.
func (l *limited) Read(p []byte) (int, error) {
	if l.said > sayMost {
		return 0, errors.New("the server talks too much")
	}
	n, err := l.Conn.Read(p)
	l.said += n
	return n, err
}

// SetDeadline sets the deadline, or the whole one if that is sooner.
func (l *limited) SetDeadline(t time.Time) error {
	if t.IsZero() || t.After(l.until) {
		t = l.until
	}
	return l.Conn.SetDeadline(t)
}

// Close closes the connection, and forgets the context.
func (l *limited) Close() error {
	l.stop()
	return l.Conn.Close()
}
