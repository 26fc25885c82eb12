package live_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// raw opens a socket with nothing but a TCP connection, for clients that do
// what no library would.
func (s *site) raw(t testing.TB, q string) (*rawConn, *end) {
	t.Helper()
	r := s.connect(t)
	r.handshake(t, q)
	return r, within(t, s.opened)
}

func (s *site) connect(t testing.TB) *rawConn {
	t.Helper()
	return connectTo(t, s.server.Listener.Addr().String())
}

func connectTo(t testing.TB, address string) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rawConn{Conn: conn, Reader: bufio.NewReader(conn)}
}

// rawConn is a TCP connection with a socket on it.
type rawConn struct {
	net.Conn
	*bufio.Reader
}

func (r *rawConn) Read(p []byte) (int, error) { return r.Reader.Read(p) }

func (r *rawConn) handshake(t testing.TB, q string) {
	t.Helper()
	if _, err := io.WriteString(r.Conn, rawHandshake(r.RemoteAddr().String(), q)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(r.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %s", answer.Status)
	}
}

// rawHandshake is a request such as a browser sends.
func rawHandshake(host, q string) string {
	return strings.Join([]string{
		"GET /live" + q + " HTTP/1.1",
		"Host: " + host,
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Version: 13",
		"Origin: http://" + host,
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
		"Accept-Encoding: gzip, deflate, br, zstd",
		"Accept-Language: en-US,en;q=0.9,ko;q=0.8",
		"Cookie: __Host-rally_session=abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz0123456789; __Host-rally_token=" + strings.Repeat("x", 400),
		"", "",
	}, "\r\n")
}

// clientFrame is a frame as a client sends it, masked with zeroes. first is its
// first byte: 0x80 for the last fragment, plus the opcode.
func clientFrame(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// next reads one frame of the server, and gives its first byte and payload.
func (r *rawConn) next(t testing.TB) (first byte, payload []byte) {
	t.Helper()
	first, payload, err := r.tryNext()
	if err != nil {
		t.Fatal(err)
	}
	return first, payload
}

// readTo reads frames until one with a payload that begins like this, and gives
// how many came before it.
func (r *rawConn) readTo(t testing.TB, last string) (before int) {
	t.Helper()
	for {
		if _, payload := r.next(t); strings.HasPrefix(string(payload), last) {
			return before
		}
		before++
	}
}

func (r *rawConn) tryNext() (first byte, payload []byte, err error) {
	if err := r.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	var h [8]byte
	if _, err := io.ReadFull(r, h[:2]); err != nil {
		return 0, nil, err
	}
	first, n := h[0], uint64(h[1])
	switch n {
	case 126:
		_, err = io.ReadFull(r, h[:2])
		n = uint64(binary.BigEndian.Uint16(h[:]))
	case 127:
		_, err = io.ReadFull(r, h[:8])
		n = binary.BigEndian.Uint64(h[:])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return first, payload, err
}

// closeCode reads until the socket is closed and gives the code the server
// said, or 0 when the connection went without one.
func (r *rawConn) closeCode(t testing.TB) int {
	t.Helper()
	for {
		first, payload, err := r.tryNext()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return 0
		case err != nil && strings.Contains(err.Error(), "reset"):
			return 0
		case err != nil:
			t.Fatal(err)
		case first == 0x88 && len(payload) == 0:
			return int(websocket.StatusNoStatusRcvd)
		case first == 0x88:
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}

// write sends bytes, and forgives a connection that the server has cut.
func (r *rawConn) write(b []byte) { _, _ = r.Write(b) }
