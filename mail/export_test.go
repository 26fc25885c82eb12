package mail

import (
	"context"
	"net"
	"strconv"
	"time"
)

// Within makes sending take no longer than this.
func (s *SMTP) Within(limit time.Duration) { s.limit = limit }

// PretendHost gives the server another name, under which it is found where it
// was.
func (s *SMTP) PretendHost(name string) {
	addr := net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port))
	dial := s.dial
	s.dial = func(ctx context.Context, network, _ string) (net.Conn, error) { return dial(ctx, network, addr) }
	s.config.Host = name
}
