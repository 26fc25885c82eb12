package mail_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"rally"
	"rally/mail"
	"rally/mail/mailtest"
)

// letter is an e-mail with what is easily broken on the way.
func letter() rally.Mail {
	return rally.Mail{
		To:      "ada@example.org",
		Subject: "Rally: 이메일 주소를 확인해 주세요",
		Text:    "안녕하세요, Ada.\n\nhttps://pong.example.org/links/" + strings.Repeat("x", 90) + "\n\n.\n.. = ü\nFrom here on: the end",
	}
}

// sender gives an SMTP for a test's server, over no TLS unless change says so.
func sender(t *testing.T, s *mailtest.Server, change func(*mail.Config)) *mail.SMTP {
	t.Helper()
	host, port := s.Addr()
	c := mail.Config{Host: host, Port: port, From: "Rally <rally@pong.example.org>", TLS: mail.NoTLS}
	if change != nil {
		change(&c)
	}
	m, err := mail.NewSMTP(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// received waits for the one message a test has sent.
func received(t *testing.T, s *mailtest.Server) mailtest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m, err := s.Wait(ctx, mailtest.To("ada@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// authority gives a certificate for 127.0.0.1, and who trusts it.
func authority(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}

func TestSMTPDelivers(t *testing.T) {
	t.Parallel()
	secured, roots := authority(t)
	for name, test := range map[string]struct {
		server mailtest.Config
		change func(*mail.Config)
		user   string
		tls    bool
	}{
		"in the clear": {},
		"with a password to this machine": {
			mailtest.Config{User: "rally", Password: "s3cret"},
			func(c *mail.Config) { c.User, c.Password = "rally", "s3cret" }, "rally", false,
		},
		"with STARTTLS": {
			mailtest.Config{TLS: secured},
			func(c *mail.Config) { c.TLS, c.Roots = mail.StartTLS, roots }, "", true,
		},
		"with STARTTLS and a password": {
			mailtest.Config{TLS: secured, User: "rally", Password: "s3cret"},
			func(c *mail.Config) { c.TLS, c.Roots, c.User, c.Password = "", roots, "rally", "s3cret" }, "rally", true,
		},
		"with TLS from the start and a password": {
			mailtest.Config{TLS: secured, Implicit: true, User: "rally", Password: "s3cret"},
			func(c *mail.Config) { c.TLS, c.Roots, c.User, c.Password = mail.ImplicitTLS, roots, "rally", "s3cret" }, "rally", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, test.server)
			if err := sender(t, server, test.change).Send(t.Context(), letter()); err != nil {
				t.Fatal(err)
			}
			m, want := received(t, server), letter()
			if m.Subject != want.Subject || m.Text != want.Text+"\n" && m.Text != want.Text {
				t.Errorf("subject %q, text %q", m.Subject, m.Text)
			}
			if m.From != "rally@pong.example.org" || m.User != test.user || m.Secured != test.tls {
				t.Errorf("from %q, by %q, over TLS: %v", m.From, m.User, m.Secured)
			}
		})
	}
}

func TestSMTPWritesProperHeaders(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Config{})
	if err := sender(t, server, nil).Send(t.Context(), letter()); err != nil {
		t.Fatal(err)
	}
	m := received(t, server)
	for header, want := range map[string]string{
		"Auto-Submitted":            `^auto-generated$`,
		"Message-Id":                `^<[A-Z2-7]{26}@pong\.example\.org>$`,
		"From":                      `^"Rally" <rally@pong\.example\.org>$`,
		"To":                        `^<ada@example\.org>$`,
		"Content-Type":              `^text/plain; charset=UTF-8$`,
		"Content-Transfer-Encoding": `^quoted-printable$`,
		"User-Agent":                `^$`,
		"X-Mailer":                  `^$`,
	} {
		if got := m.Header.Get(header); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s is %q", header, got)
		}
	}
	if at, err := netmail.ParseDate(m.Header.Get("Date")); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("Date is %q", m.Header.Get("Date"))
	}
	for line := range strings.SplitSeq(string(m.Raw), "\r\n") {
		if len(line) > 78 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("line %q", line)
		}
	}
	if len(m.Links) != 1 || !strings.HasSuffix(m.Links[0], "/links/"+strings.Repeat("x", 90)) {
		t.Errorf("links %q", m.Links)
	}
}

// Requirement 30: nothing that a person can type becomes another header,
// another recipient or another e-mail.
func TestSMTPRefusesInjection(t *testing.T) {
	t.Parallel()
	server := mailtest.New(t, mailtest.Config{})
	box := mail.NewBox(10)
	for _, change := range []func(*rally.Mail){
		func(m *rally.Mail) { m.To = "ada@example.org\r\nBcc: eve@example.org" },
		func(m *rally.Mail) { m.To = "ada@example.org\nRCPT TO:<eve@example.org>" },
		func(m *rally.Mail) { m.To = "ada@example.org, eve@example.org" },
		func(m *rally.Mail) { m.To = "Ada <ada@example.org>" },
		func(m *rally.Mail) { m.To = "<ada@example.org>" },
		func(m *rally.Mail) { m.To = "ada@example.org> BODY=8BITMIME\r\nDATA" },
		func(m *rally.Mail) { m.To = "" },
		func(m *rally.Mail) { m.Subject = "Rally\r\nBcc: eve@example.org" },
		func(m *rally.Mail) { m.Subject = "Rally\n\n<script>" },
		func(m *rally.Mail) { m.Subject = "Rally\x00" },
		func(m *rally.Mail) { m.Subject = "Rally\x1b[31m" },
	} {
		m := letter()
		change(&m)
		if err := sender(t, server, nil).Send(t.Context(), m); !errors.Is(err, mail.ErrRefused) {
			t.Errorf("sending %q to %q: %v", m.Subject, m.To, err)
		}
		if err := box.Send(t.Context(), m); !errors.Is(err, mail.ErrRefused) {
			t.Errorf("boxing %q to %q: %v", m.Subject, m.To, err)
		}
	}
	m := letter()
	m.Text = "Hello\r\n.\r\nMAIL FROM:<eve@example.org>\r\nRCPT TO:<eve@example.org>\r\nDATA\r\nBcc: eve@example.org"
	if err := sender(t, server, nil).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := received(t, server)
	if all := server.Messages(); len(all) != 1 || got.Header.Get("Bcc") != "" || !strings.Contains(got.Text, "MAIL FROM") {
		t.Errorf("%d messages, text %q", len(all), got.Text)
	}
}

func TestSMTPSaysWhatIsRefusedForGood(t *testing.T) {
	t.Parallel()
	_, strangers := authority(t)
	secured, roots := authority(t)
	refuse := func(code int) func(string) error {
		return func(to string) error { return &smtp.SMTPError{Code: code, Message: "no such mailbox: " + to} }
	}
	reject := func(code int) func(mailtest.Message) error {
		return func(mailtest.Message) error { return &smtp.SMTPError{Code: code, Message: "not such mail"} }
	}
	for name, test := range map[string]struct {
		server mailtest.Config
		change func(*mail.Config)
		good   bool // for good
		says   string
	}{
		"no such recipient":     {mailtest.Config{Refuse: refuse(550)}, nil, true, "no such mailbox"},
		"recipient's box full":  {mailtest.Config{Refuse: refuse(452)}, nil, false, "no such mailbox"},
		"content rejected":      {mailtest.Config{Reject: reject(554)}, nil, true, "not such mail"},
		"content not now":       {mailtest.Config{Reject: reject(451)}, nil, false, "not such mail"},
		"wrong password":        {mailtest.Config{User: "rally", Password: "s3cret"}, func(c *mail.Config) { c.User, c.Password = "rally", "wr0ng" }, false, "AUTH"},
		"wants a password":      {mailtest.Config{User: "rally", Password: "s3cret"}, nil, false, "authenticate"},
		"knows no passwords":    {mailtest.Config{}, func(c *mail.Config) { c.User, c.Password = "rally", "s3cret" }, false, "AUTH"},
		"no STARTTLS there":     {mailtest.Config{}, func(c *mail.Config) { c.TLS = mail.StartTLS }, false, "STARTTLS"},
		"another authority":     {mailtest.Config{TLS: secured}, func(c *mail.Config) { c.TLS, c.Roots = mail.StartTLS, strangers }, false, "certificate"},
		"another authority too": {mailtest.Config{TLS: secured, Implicit: true}, func(c *mail.Config) { c.TLS, c.Roots = mail.ImplicitTLS, strangers }, false, "certificate"},
		"another name":          {mailtest.Config{TLS: secured}, func(c *mail.Config) { c.TLS, c.Roots, c.Host = mail.StartTLS, roots, "localhost" }, false, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.New(t, test.server)
			err := sender(t, server, test.change).Send(t.Context(), letter())
			if err == nil || errors.Is(err, mail.ErrRefused) != test.good || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v", err)
			}
			for _, secret := range []string{"s3cret", "wr0ng", "ada@example.org"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s is in %v", secret, err)
				}
			}
			if got := server.Messages(); len(got) != 0 {
				t.Errorf("it came all the same: %v", got)
			}
		})
	}
}

// Without TLS a password goes nowhere but to this machine, where nobody listens.
func TestSMTPTellsNobodyThePassword(t *testing.T) {
	t.Parallel()
	said := make(chan string, 1)
	host, port := pretend(t, func(conn net.Conn) {
		fmt.Fprint(conn, "220 hello\r\n")
		lines := bufio.NewReader(conn)
		_, _ = lines.ReadString('\n')
		fmt.Fprint(conn, "250-hello\r\n250 AUTH PLAIN LOGIN\r\n")
		rest, _ := io.ReadAll(lines)
		said <- string(rest)
	})
	m, err := mail.NewSMTP(mail.Config{Host: host, Port: port, User: "rally", Password: "s3cret", From: "rally@example.org", TLS: mail.NoTLS})
	if err != nil {
		t.Fatal(err)
	}
	m.PretendHost("relay.example.org")
	m.Within(300 * time.Millisecond) // the library waits for an answer to its goodbye
	if err := m.Send(t.Context(), letter()); err == nil {
		t.Error("it sends")
	}
	if got := <-said; strings.Contains(got, "AUTH") {
		t.Errorf("it says %q", got)
	}
}

// pretend accepts one connection after another, and has talk speak on it.
func pretend(t *testing.T, talk func(net.Conn)) (host string, port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			talk(conn)
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	addr := listener.Addr().(*net.TCPAddr)
	return addr.IP.String(), addr.Port
}

// script answers each line of the client with the next of answers, after the
// greeting, and then hangs until the client goes, or goes itself.
func script(greeting string, hang bool, answers ...string) func(net.Conn) {
	return func(conn net.Conn) {
		fmt.Fprint(conn, greeting)
		lines := bufio.NewReader(conn)
		for _, answer := range answers {
			if _, err := lines.ReadString('\n'); err != nil {
				return
			}
			fmt.Fprint(conn, answer)
		}
		if hang {
			_, _ = io.Copy(io.Discard, lines)
		}
	}
}

func TestSMTPSurvivesABadServer(t *testing.T) {
	t.Parallel()
	const hello, ehlo, ok = "220 hello\r\n", "250 hello\r\n", "250 ok\r\n"
	for name, talk := range map[string]func(net.Conn){
		"silent":                    script("", true),
		"hangs after the greeting":  script(hello, true),
		"hangs after the recipient": script(hello, true, ehlo, ok, ok),
		"hangs at the content":      script(hello, true, ehlo, ok, ok, "354 go on\r\n"),
		"closes at once":            script("", false),
		"closes after the greeting": script(hello, false),
		"closes midway":             script(hello, false, ehlo, ok),
		"closes at the content":     script(hello, false, ehlo, ok, ok, "354 go on\r\n"),
		"speaks HTTP":               script("HTTP/1.1 400 Bad Request\r\n\r\n", false),
		"speaks without end":        func(conn net.Conn) { _, _ = io.Copy(conn, endless{}) },
		"says it goes":              script("421 too busy\r\n", false),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, port := pretend(t, talk)
			m, err := mail.NewSMTP(mail.Config{Host: host, Port: port, From: "rally@example.org", TLS: mail.NoTLS})
			if err != nil {
				t.Fatal(err)
			}
			m.Within(300 * time.Millisecond)
			begun := time.Now()
			err = m.Send(t.Context(), letter())
			if err == nil || errors.Is(err, mail.ErrRefused) {
				t.Errorf("error %v", err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("it takes %s", took)
			}
		})
	}
}

// endless is a server that never comes to an end of its line.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestSMTPEndsWithItsContext(t *testing.T) {
	t.Parallel()
	connected := make(chan struct{})
	host, port := pretend(t, func(conn net.Conn) {
		close(connected)
		_, _ = io.Copy(io.Discard, conn)
	})
	m, err := mail.NewSMTP(mail.Config{Host: host, Port: port, From: "rally@example.org", TLS: mail.NoTLS})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-connected
		cancel()
	}()
	if err := m.Send(ctx, letter()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestNewSMTPChecksItsConfig(t *testing.T) {
	t.Parallel()
	good := mail.Config{Host: "relay.example.org", From: "rally@example.org"}
	if _, err := mail.NewSMTP(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*mail.Config){
		"no host":   func(c *mail.Config) { c.Host = "" },
		"no port":   func(c *mail.Config) { c.Port = 70000 },
		"no sender": func(c *mail.Config) { c.From = "" },
		"sender":    func(c *mail.Config) { c.From = "rally" },
		"two":       func(c *mail.Config) { c.From = "a@example.org, b@example.org" },
		"TLS":       func(c *mail.Config) { c.TLS = "ssl" },
	} {
		c := good
		change(&c)
		if _, err := mail.NewSMTP(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
