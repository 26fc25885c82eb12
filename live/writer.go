package live

import (
	"context"

	"github.com/coder/websocket"
)

// job is what the writer does next.
type job uint8

const (
	jobNone job = iota
	jobState
	jobBinary
	jobText
	jobCatchUp
	jobPing
	jobFarewell
)

// writer writes what waits, and ends when nothing does. At most one runs per
// connection; the reader waits for it before the connection counts as closed.
// No write has a deadline of its own, which would cost more than the write:
// the hub's sweep cuts the connection of a writer that is stuck.
func (c *Conn) writer() {
	ctx := context.Background()
	for {
		var err error
		job, data := c.next()
		switch job {
		case jobNone:
			return
		case jobState:
			if err = c.ws.Write(ctx, websocket.MessageBinary, data); err == nil {
				c.hub.stats.written.Add(1)
			}
		case jobBinary:
			err = c.ws.Write(ctx, websocket.MessageBinary, data)
		case jobText:
			if err = c.wire.send(data); err == nil {
				c.hub.stats.texts.Add(1)
			}
		case jobCatchUp:
			c.hub.crowd.catchUp(c)
		case jobPing:
			err = c.wire.ping()
		case jobFarewell:
			// Also waits for the browser's answer, so that what we said is
			// not lost with the connection; the wire's timer bounds it.
			_ = c.ws.Close(websocket.StatusCode(c.ending.code), c.ending.reason)
		}
		if err != nil {
			c.end(because(causeGone, err))
		}
	}
}

// next takes what is to be written next, in the order in which it was given;
// jobNone means that the writer has to end.
func (c *Conn) next() (job, []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since = c.hub.now()
	switch {
	case c.farewell:
		c.farewell = false
		return jobFarewell, nil
	case c.behind && c.queue.len() == 0 && !c.ended:
		c.behind = false
		return jobCatchUp, nil
	case c.stateLen > 0 && c.ahead == 0:
		n := copy(c.out[:], c.state[:c.stateLen])
		c.stateLen = 0
		return jobState, c.out[:n]
	case c.queue.len() > 0:
		m := c.queue.pop()
		c.ahead = max(c.ahead-1, 0)
		if m.text {
			return jobText, m.data
		}
		return jobBinary, m.data
	case c.pingDue:
		c.pingDue = false
		return jobPing, nil
	}
	c.writing = false
	if c.drained != nil {
		close(c.drained)
	}
	return jobNone, nil
}

// drain waits until the last writer is gone. The connection must have ended,
// so that none starts afterwards.
func (c *Conn) drain() {
	c.mu.Lock()
	var drained chan struct{}
	if c.writing {
		drained = make(chan struct{})
		c.drained = drained
	}
	c.mu.Unlock()
	if drained != nil {
		<-drained
	}
}
