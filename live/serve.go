package live

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coder/websocket"

	"rally"
)

// Sizes, in bytes, of the buffers between a socket and its connection. A
// player's messages have some 14 bytes and the states to it some 31; a longer
// text goes past the second buffer in two writes.
const (
	readBuffer  = 256
	writeBuffer = 128 // also holds the longest control frame, 127 bytes
)

// Serve answers a request to open a socket for v and returns as soon as the
// socket is open: from then on the hub owns it, and nothing of the request is
// kept. open is called once, before Serve returns, and gives what receives the
// browser's messages.
//
// When the socket is refused, Serve has written nothing and returns a
// *rally.Error: EForbidden for a viewer who is not signed in and for a foreign
// or absent origin, EInvalid for a request that is no WebSocket handshake,
// EUnavailable when the hub stops or Places cannot be asked, EThrottled for a
// user who has SocketsMax open or being opened.
//
// A viewer who is live by another session gets a socket that is closed at once
// with CodeElsewhere; open is not called, and the socket counts for nothing but
// SocketsMax, until it is gone.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, v rally.Viewer, open func(*Conn) Receiver) error {
	if !v.SignedIn() {
		return rally.Errorf(rally.EForbidden, "error.socket_refused", "stage %s", v.Stage)
	}
	if !h.originAllowed(r) {
		return rally.Errorf(rally.EForbidden, "error.socket_refused", "origin %q", r.Header.Values("Origin"))
	}
	if err := h.enter(v.User.ID); err != nil {
		return err
	}
	running, placed, added := false, false, false
	defer func() {
		if running {
			return
		}
		if placed {
			h.keeper.leave(v.User.ID, v.Session, false)
		}
		if !added {
			h.quit(v.User.ID)
		}
		h.open.Done()
	}()

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.serving, cancel)()
	var err error
	if placed, err = h.keeper.claim(ctx, v.User.ID, v.Session); err != nil {
		return fmt.Errorf("claiming a place: %w", err)
	}
	c, err := upgrade(h, w, r, v)
	if err != nil {
		return &rally.Error{Code: rally.EInvalid, Message: "error.not_socket", Cause: err}
	}
	if !placed {
		running = true
		go c.turnAway()
		return nil
	}
	h.add(c)
	added = true
	h.crowd.arrive(c)
	defer func() {
		if !running { // open panicked
			c.end(ending{cause: causePanic})
			h.remove(c)
			h.crowd.leave(c)
		}
	}()
	receiver := open(c)
	running = true
	go c.run(receiver)
	return nil
}

// originAllowed says whether the page that asks for the socket is one of ours.
func (h *Hub) originAllowed(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) != 1 {
		return false
	}
	if len(h.cfg.Origins) > 0 {
		return slices.ContainsFunc(h.cfg.Origins, func(o string) bool {
			return strings.EqualFold(o, origins[0])
		})
	}
	u, err := url.Parse(origins[0])
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// turnAway closes a socket that must not be.
func (c *Conn) turnAway() {
	defer c.hub.open.Done()
	defer c.hub.quit(c.viewer.User.ID)
	c.hub.stats.refused.Add(1)
	c.end(because(causeElsewhere, nil))
	c.drain()
	_ = c.ws.CloseNow() // has been closed by the writer
	c.wire.cut()
}

// upgrade does the handshake. On failure nothing has been written to w.
func upgrade(h *Hub, w http.ResponseWriter, r *http.Request, v rally.Viewer) (*Conn, error) {
	c := newConn(h, v, r.RemoteAddr)
	hs := &handshake{w: w, header: make(http.Header)}
	ws, err := websocket.Accept(hs, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // the origin has been checked, more strictly
		OnPingReceived:     func(context.Context, []byte) bool { return c.hear() },
		OnPongReceived:     func(context.Context, []byte) { c.hear() },
	})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(FrameMax)
	c.ws, c.wire = ws, hs.wire
	return c, nil
}

// handshake is the http.ResponseWriter for the library's handshake. It keeps
// what the library says when it refuses to itself, so that refusals look like
// all others, and it hands over the connection with buffers of our sizes
// instead of net/http's, which are 8 kB and would never be given back.
type handshake struct {
	w      http.ResponseWriter
	header http.Header
	wire   *wire
}

func (hs *handshake) Header() http.Header { return hs.header }

func (hs *handshake) Write(p []byte) (int, error) { return len(p), nil }

func (hs *handshake) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		maps.Copy(hs.w.Header(), hs.header)
		hs.w.WriteHeader(status)
	}
}

func (hs *handshake) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, theirs, err := http.NewResponseController(hs.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// What the browser has already sent is in their buffer.
	early := make([]byte, theirs.Reader.Buffered())
	if _, err := io.ReadFull(theirs.Reader, early); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	r := bufio.NewReaderSize(bytes.NewReader(early), max(readBuffer, len(early)))
	if _, err := r.Peek(len(early)); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	hs.wire = newWire(conn)
	return hs.wire, bufio.NewReadWriter(r, bufio.NewWriterSize(hs.wire, writeBuffer)), nil
}
