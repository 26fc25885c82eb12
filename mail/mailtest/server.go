// Package mailtest is an SMTP server that keeps what it receives, for tests of
// whatever sends e-mail.
package mailtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Config says how the server behaves. The zero value takes everything, in the
// clear.
type Config struct {
	TLS      *tls.Config // offered with STARTTLS; nil: none is
	Implicit bool        // TLS is spoken from the first byte
	User     string      // who must sign in; "": nobody needs to
	Password string
	// Refuse says with what error to answer a recipient, such as
	// smtp.SMTPError{Code: 550}; nil takes everybody.
	Refuse func(to string) error
	// Reject says the same of a whole message; nil keeps every one.
	Reject func(m Message) error
}

// Server is a running SMTP server on the loopback address. It is safe for
// concurrent use.
type Server struct {
	config   Config
	server   *smtp.Server
	listener net.Listener
	done     chan struct{} // closed once nothing is served any more

	mu       sync.Mutex
	messages []Message
	more     chan struct{} // closed and made anew with every message
}

// Start starts a server. Stop ends it.
func Start(c Config) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("mailtest: listening: %w", err)
	}
	s := &Server{config: c, listener: listener, done: make(chan struct{}), more: make(chan struct{})}
	s.server = smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: conn}, nil
	}))
	s.server.Domain = "mailtest"
	s.server.EnableSMTPUTF8 = true
	s.server.AllowInsecureAuth = true
	s.server.ReadTimeout, s.server.WriteTimeout = 30*time.Second, 30*time.Second
	s.server.MaxMessageBytes = 1 << 20
	s.server.ErrorLog = log.New(io.Discard, "", 0) // what clients do wrong is theirs to test
	if c.Implicit {
		listener = tls.NewListener(listener, c.TLS)
	} else {
		s.server.TLSConfig = c.TLS
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener) // how it ends is Stop's to say
	}()
	return s, nil
}

// New starts a server that lives as long as the test.
func New(t testing.TB, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Stop ends the server and every connection to it.
func (s *Server) Stop() error {
	err := errors.Join(s.listener.Close(), s.server.Close())
	<-s.done
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("mailtest: stopping: %w", err)
	}
	return nil
}

// Addr gives host and port of the server.
func (s *Server) Addr() (host string, port int) {
	addr, _ := s.listener.Addr().(*net.TCPAddr)
	return addr.IP.String(), addr.Port
}

// Messages gives what has come so far, the oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Wait gives the oldest message for which want holds, as soon as there is one,
// or an error that names what has come instead by the end of ctx.
func (s *Server) Wait(ctx context.Context, want func(Message) bool) (Message, error) {
	return s.Nth(ctx, 1, want)
}

// Nth is Wait for the n-th message for which want holds, the first being 1.
func (s *Server) Nth(ctx context.Context, n int, want func(Message) bool) (Message, error) {
	for {
		s.mu.Lock()
		messages, more := s.messages, s.more
		s.mu.Unlock()
		left := n
		for _, m := range messages {
			if want(m) {
				left--
			}
			if left == 0 {
				return m, nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			var subjects []string
			for _, m := range s.Messages() {
				subjects = append(subjects, fmt.Sprintf("%q to %s", m.Subject, m.To))
			}
			return Message{}, fmt.Errorf("mailtest: waiting for a message, having %v: %w", subjects, ctx.Err())
		}
	}
}

// To is a predicate for Wait: the message went to this address.
func To(address string) func(Message) bool {
	return func(m Message) bool { return m.To == address }
}

func (s *Server) keep(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	close(s.more)
	s.more = make(chan struct{})
}

// session is one connection to the server.
type session struct {
	server   *Server
	conn     *smtp.Conn
	user     string
	from, to string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.server.config.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.server.config.User || password != s.server.config.Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.config.User != "" && s.user == "" {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.to != "" {
		return errors.New("one recipient at a time, that is how Rally sends")
	}
	if s.server.config.Refuse != nil {
		if err := s.server.config.Refuse(to); err != nil {
			return err
		}
	}
	s.to = to
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("mailtest: receiving: %w", err)
	}
	m, err := parse(raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: err.Error()}
	}
	m.From, m.To, m.User = s.from, s.to, s.user
	_, m.Secured = s.conn.TLSConnectionState()
	if s.server.config.Reject != nil {
		if err := s.server.config.Reject(m); err != nil {
			return err
		}
	}
	s.server.keep(m)
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
