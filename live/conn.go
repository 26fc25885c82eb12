package live

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"rally"
)

// Conn is one browser's socket. Its methods may be called from any goroutine,
// never block, and do nothing once the socket is closing.
//
// Three things wait to be written: texts and frames that must all arrive, in a
// queue; the newest game state, in a place of its own where it replaces the
// one before; and a ping. A writer goroutine exists only while there is
// something to write.
type Conn struct {
	hub    *Hub
	ws     *websocket.Conn
	wire   *wire
	viewer rally.Viewer
	remote string

	heard  atomic.Int64 // when something last came, in hub time
	credit credit       // the reader's

	// The crowd's, whose lock guards them.
	present bool // counts
	awaited bool // is about to be told which friends are not offline
	greeted bool // has been, and is told what changes

	write func()         // the writer method, bound once so that starting it allocates nothing
	out   [StateMax]byte // the writer's copy of state

	mu       sync.Mutex // guards what follows
	queue    queue
	state    [StateMax]byte
	stateLen int  // 0: no state waits
	ahead    int  // messages in queue that came before state
	behind   bool // has been told too little of friends: is to be told everything
	pinged   time.Duration
	pingDue  bool
	writing  bool          // a writer goroutine exists
	since    time.Duration // when its present write began
	ended    bool
	ending   ending
	farewell bool          // the writer still has to say goodbye
	drained  chan struct{} // when not nil, closed by the last writer
}

// newConn makes a connection whose socket is about to be opened.
func newConn(h *Hub, v rally.Viewer, remote string) *Conn {
	c := &Conn{hub: h, viewer: v, remote: remote}
	c.write = c.writer
	c.heard.Store(int64(h.now()))
	return c
}

// Viewer gives whom the socket belongs to, as of when it was opened.
func (c *Conn) Viewer() rally.Viewer { return c.viewer }

// Offer hands over the newest game state, of at most StateMax bytes; it takes
// the place of one that is still waiting. It copies frame. What was given to
// Send before an Offer is written before it. A longer frame is dropped and
// counted.
func (c *Conn) Offer(frame []byte) {
	if len(frame) > StateMax {
		c.hub.stats.dropped.Add(1)
		return
	}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return
	}
	replaced := c.stateLen > 0
	c.stateLen = copy(c.state[:], frame)
	c.ahead = c.queue.len()
	c.wake()
	c.mu.Unlock()

	c.hub.stats.offered.Add(1)
	if replaced {
		c.hub.stats.replaced.Add(1)
	}
}

// Send puts a binary frame in the queue, after all that is in it. It copies
// frame. When QueueMax messages wait already, the frame is dropped and counted.
func (c *Conn) Send(frame []byte) {
	if !c.push(message{data: append([]byte(nil), frame...)}) {
		c.hub.stats.dropped.Add(1)
	}
}

// text puts an HTML fragment, as textFrame gives it, in the queue. A fragment
// that finds no room closes the socket: the page would be wrong without it, and
// is right again after the reload. frame is shared with other sockets and never
// changed.
func (c *Conn) text(frame []byte) {
	if !c.push(message{text: true, data: frame}) {
		c.end(because(causeSlow, nil))
	}
}

// badge is text for what is seen of one friend. It is not queued when BadgesMax
// messages wait already: many friends may change at once, and the page needs no
// more than how they are in the end. When the queue has been written, the crowd
// is asked to tell about all friends. badge says whether it was queued.
func (c *Conn) badge(frame []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	if c.behind = c.behind || c.queue.len() >= BadgesMax; c.behind {
		return false
	}
	c.queue.push(message{text: true, data: frame})
	c.wake()
	return true
}

// push queues m and says whether there was room. A closing socket has room for
// everything and writes none of it.
func (c *Conn) push(m message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return true
	}
	if !c.queue.push(m) {
		return false
	}
	c.wake()
	return true
}

// sweep looks after the connection at the hub's time now: it sends a ping when
// nothing came for a while and gives up on a browser that is gone or does not
// read.
func (c *Conn) sweep(now time.Duration) {
	cfg := &c.hub.cfg
	silent := now - time.Duration(c.heard.Load())

	c.mu.Lock()
	stuck := c.writing && now-c.since >= cfg.WriteTimeout
	if silent >= cfg.PingEvery && now-c.pinged >= cfg.PingEvery && !c.ended {
		c.pinged, c.pingDue = now, true
		c.wake()
	}
	c.mu.Unlock()

	// One sweep early rather than one late: DeadAfter is a promise.
	if silent >= cfg.DeadAfter-c.hub.sweepEvery {
		c.end(because(causeSilent, nil))
	} else if stuck {
		c.end(because(causeStuck, nil))
	}
}

// end closes the socket, for the first reason it is given; later ones change
// nothing. It returns at once: the writer says goodbye if there is something
// to say, and CloseWait later the connection is cut in any case.
func (c *Conn) end(e ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended, c.ending = true, e
	c.wire.closing.Store(true)
	c.queue, c.stateLen, c.pingDue = queue{}, 0, false
	if e.code == 0 {
		c.wire.cut()
		return
	}
	c.farewell = true
	c.wire.cutAfter(c.hub.cfg.CloseWait)
	c.wake()
}

// wake starts the writer unless it runs. c.mu must be held.
func (c *Conn) wake() {
	if !c.writing {
		c.writing = true
		c.since = c.hub.now()
		go c.write()
	}
}
