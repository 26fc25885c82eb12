package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/coder/websocket"
)

// run reads until the connection ends, and then takes it down in this order:
// no more pushes, no more place, no more receiver, no more writer, no more
// socket.
func (c *Conn) run(r Receiver) {
	defer c.hub.open.Done()
	c.read(r)
	c.report()
	c.hub.remove(c)
	c.hub.crowd.leave(c)
	c.hub.keeper.leave(c.viewer.User.ID, c.viewer.Session, c.ending.returns())
	r.Close()
	c.drain()
	_ = c.ws.CloseNow() // has been closed by the writer, or is broken
	c.wire.cut()
}

// read hands every binary message to r until the connection ends. When it
// returns, c has ended.
func (c *Conn) read(r Receiver) {
	defer func() {
		if p := recover(); p != nil {
			c.end(because(causePanic, fmt.Errorf("receiver: %v\n%s", p, debug.Stack())))
		}
	}()
	for {
		kind, body, err := c.ws.Reader(context.Background())
		if err != nil {
			c.end(c.explain(err))
			return
		}
		if !c.hear() {
			return
		}
		if kind == websocket.MessageText {
			c.end(because(causeText, nil))
			return
		}
		if !c.receive(body, r) {
			return
		}
	}
}

// receive reads one message and hands it to r. It says whether the connection
// goes on.
func (c *Conn) receive(body io.Reader, r Receiver) bool {
	buf := c.hub.buffers.Get().(*[FrameMax + 2]byte)
	defer c.hub.buffers.Put(buf)
	frame, err := readAll(body, buf[:])
	if err != nil {
		c.end(c.explain(err))
		return false
	}
	if err := r.Receive(frame); err != nil {
		c.end(because(causeMalformed, err))
		return false
	}
	return true
}

// hear notes that the browser lives and charges it for one message. It says
// whether the connection goes on; the flood ends here.
func (c *Conn) hear() bool {
	// While the writer says goodbye, the library reads in its stead: what
	// the reader owns must then be left alone.
	if c.wire.closing.Load() {
		return false
	}
	c.wire.unaccounted = 0
	now := c.hub.now()
	c.heard.Store(int64(now))
	if !c.credit.charge(now) {
		c.end(because(causeFlood, nil))
		return false
	}
	return true
}

// explain gives the ending that belongs to an error of the library's reader.
func (c *Conn) explain(err error) ending {
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		return because(causeTooBig, err)
	case errors.Is(err, errOverspent):
		return because(causeFlood, err)
	case c.wire.failed, websocket.CloseStatus(err) != -1:
		return because(causeGone, err)
	default:
		return because(causeProtocol, err)
	}
}

// readAll reads r to its end into buf, which must be longer than the longest
// message, and gives the part that was filled.
func readAll(r io.Reader, buf []byte) ([]byte, error) {
	n := 0
	for {
		m, err := r.Read(buf[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return buf[:n], nil
		}
		if err != nil {
			return nil, fmt.Errorf("read message: %w", err)
		}
	}
}

// credit is a token bucket that needs no timer: it remembers when it would be
// full again. The zero value is full.
type credit struct {
	full time.Duration
}

// charge takes one credit at hub time now and says whether there was one.
func (c *credit) charge(now time.Duration) bool {
	const each = time.Second / CreditRate
	c.full = max(c.full, now) + each
	return c.full-now <= CreditBurst*each
}
