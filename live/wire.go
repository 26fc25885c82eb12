package live

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errOverspent says that a browser sent far more bytes than the message they
// belong to may have: a flood of empty fragments, for instance, which never
// becomes a message that could be charged for.
var errOverspent = errors.New("too many bytes for one message")

// overspend is how many bytes may come between two messages or control frames.
const overspend = 4 * FrameMax

// kernelBuffer bounds, in bytes, what the kernel holds for one socket, each
// way. Left alone it would keep megabytes of stale game states for a browser
// that does not read.
const kernelBuffer = 16 << 10

// wire is the network connection under a socket. It counts what comes,
// remembers whether it broke, and can be cut without waiting.
type wire struct {
	net.Conn             // TLS or plain
	raw      net.Conn    // plain, the one under TLS: closing it never blocks
	closing  atomic.Bool // set before the socket says goodbye

	// The reader's.
	unaccounted int  // bytes since the last message
	failed      bool // a read failed

	mu    sync.Mutex
	timer *time.Timer
	gone  bool
}

// newWire wraps conn and bounds its buffers.
func newWire(conn net.Conn) *wire {
	w := &wire{Conn: conn, raw: conn}
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		w.raw = t.NetConn()
	}
	if b, ok := w.raw.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	}); ok {
		// A kernel that refuses only costs memory.
		_ = b.SetReadBuffer(kernelBuffer)
		_ = b.SetWriteBuffer(kernelBuffer)
	}
	return w
}

// Read reads and counts. Once the socket is closing, the library reads what is
// left while the browser answers the farewell: then nothing is counted.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.closing.Load() {
		return n, err
	}
	if err != nil {
		w.failed = true
		return n, err
	}
	w.unaccounted += n
	if w.unaccounted > overspend {
		return 0, errOverspent
	}
	return n, nil
}

// send writes a whole frame past the library. Only the writer may call it: then
// the frame cannot fall into the middle of another, since those that the library
// writes by itself (pongs, the farewell) are small enough to be written at once,
// and one write waits for the end of another.
func (w *wire) send(frame []byte) error {
	_, err := w.Write(frame)
	return err
}

// ping writes a ping frame without payload. The library's own Ping waits for
// the answer and so needs a goroutine for each socket; all we need is that
// whatever the browser sends shows that it lives.
func (w *wire) ping() error { return w.send([]byte{0x89, 0x00}) }

// cut closes the connection under everything at once, without a word. It may
// be called from anywhere, and again.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	if w.timer != nil {
		w.timer.Stop()
	}
	_ = w.raw.Close() // nothing is to be done about a failure
}

// cutAfter cuts the connection when d has passed.
func (w *wire) cutAfter(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.gone && w.timer == nil {
		w.timer = time.AfterFunc(d, w.cut)
	}
}
