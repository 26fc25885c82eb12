package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rally"
)

// endedMemory is how long an ended session is remembered, so that a socket
// whose request was let through just before does not outlive it.
const endedMemory = 5 * time.Second

// Hub holds all sockets of this node. Its methods may be called from any
// goroutine.
type Hub struct {
	cfg     Config
	ctx     context.Context // ends with Shutdown
	cancel  context.CancelFunc
	serving context.Context // ends when Shutdown begins
	refuse  context.CancelFunc
	now     func() time.Duration // the hub's time: monotonic, from its start
	stats   counters
	buffers sync.Pool // of *[FrameMax + 2]byte
	keeper  *keeper
	crowd   *crowd

	sweepEvery time.Duration

	loops sync.WaitGroup // sweep, check and the keeper's
	open  sync.WaitGroup // one for each socket, from its request to its end

	mu       sync.RWMutex // guards what follows
	stopping bool
	users    map[rally.UserID][]*Conn
	opening  map[rally.UserID]int // sockets that are not among users yet, or never will be
	sessions map[rally.SessionID]*session
	ended    map[rally.SessionID]ended
}

// ended is a session that is over.
type ended struct {
	at     time.Duration
	reason string
}

// session is what the hub knows of a session that has sockets.
type session struct {
	conns   []*Conn
	checkAt time.Duration
}

// NewHub makes a hub and starts its goroutines, which Shutdown ends.
func NewHub(cfg Config) *Hub {
	started := time.Now()
	return newHub(cfg, func() time.Duration { return time.Since(started) }, time.Now)
}

// newHub is NewHub with the hub's time, by which sockets are silent and places
// given back, and the clock by which people come and go.
func newHub(cfg Config, now func() time.Duration, clock func() time.Time) *Hub {
	h := &Hub{
		cfg:      cfg.withDefaults(),
		now:      now,
		users:    make(map[rally.UserID][]*Conn),
		opening:  make(map[rally.UserID]int),
		sessions: make(map[rally.SessionID]*session),
		ended:    make(map[rally.SessionID]ended),
	}
	h.sweepEvery = h.cfg.sweepEvery()
	h.buffers.New = func() any { return new([FrameMax + 2]byte) }
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.serving, h.refuse = context.WithCancel(h.ctx)
	h.keeper = newKeeper(h.cfg, h.now, func(id rally.SessionID) {
		_, code, reason := causeElsewhere.describe()
		h.CloseSession(id, code, reason)
	})
	h.crowd = newCrowd(&h.cfg, clock)
	h.loops.Go(h.sweepLoop)
	if h.cfg.Check != nil {
		h.loops.Go(h.checkLoop)
	}
	if h.cfg.Places != nil {
		h.loops.Go(func() { h.keeper.beatLoop(h.ctx) })
		h.loops.Go(func() { h.keeper.settleLoop(h.ctx, max(h.cfg.Linger/4, time.Millisecond)) })
	}
	return h
}

// Online says whether user has an open socket on this node.
func (h *Hub) Online(user rally.UserID) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.users[user]) > 0
}

// Push sends an HTML fragment to every socket of user. render is called once
// for each locale among them, and not at all when there is none; its error is
// logged, and that locale's sockets get nothing. The bytes it gives must not
// be changed afterwards.
func (h *Hub) Push(user rally.UserID, render func(locale string) ([]byte, error)) {
	h.mu.RLock()
	conns := slices.Clone(h.users[user])
	h.mu.RUnlock()

	h.push(user, conns, render)
}

// Push is Hub.Push to this socket alone.
func (c *Conn) Push(render func(locale string) ([]byte, error)) {
	c.hub.push(c.viewer.User.ID, []*Conn{c}, render)
}

func (h *Hub) push(user rally.UserID, conns []*Conn, render func(locale string) ([]byte, error)) {
	deliver(conns, (*Conn).text, render, func(locale string, err error) {
		h.cfg.Log.Error("push: render", "user", int64(user), "locale", locale, "error", escape(err.Error()))
	})
}

// CloseSession closes every socket of a session with a code of 4000 to 4999
// and a reason of at most 123 bytes; a longer one is cut. Nothing that comes
// on them afterwards is heard, and CloseWait later at most they are gone. With
// CodeSessionEnded, a socket of that session that is just being opened is
// closed as well.
func (h *Hub) CloseSession(id rally.SessionID, code int, reason string) {
	reason = clip(reason, 123)
	h.mu.Lock()
	if code == CodeSessionEnded {
		h.ended[id] = ended{h.now(), reason}
	}
	var conns []*Conn
	if s := h.sessions[id]; s != nil {
		conns = slices.Clone(s.conns)
	}
	h.mu.Unlock()

	for _, c := range conns {
		c.end(ending{cause: causeOf(code), code: code, reason: reason})
	}
}

// CloseElsewhere closes the sockets of a user's sessions but one with
// CodeElsewhere, those that are just being opened among them: that one has
// taken the user's place.
func (h *Hub) CloseElsewhere(user rally.UserID, except rally.SessionID) {
	h.keeper.displace(user, except)
	h.mu.RLock()
	conns := slices.Clone(h.users[user])
	h.mu.RUnlock()
	for _, c := range conns {
		if c.viewer.Session != except {
			c.end(because(causeElsewhere, nil))
		}
	}
}

// Shutdown refuses new sockets, closes all with CodeStopping and waits until
// they are gone, which takes CloseWait; when ctx ends before, they are cut.
// Meanwhile it writes down when everybody was last seen. Then it ends the hub's
// goroutines and gives all places back, which may take a second more. The hub
// cannot be used again.
func (h *Hub) Shutdown(ctx context.Context) {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	h.refuse()
	var crowd sync.WaitGroup
	crowd.Go(func() { h.crowd.close(ctx) })
	defer crowd.Wait()
	conns := h.conns()
	for _, c := range conns {
		c.end(because(causeStopping, nil))
	}
	if !h.gone(ctx) {
		for _, c := range conns {
			c.wire.cut()
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.CloseWait)
		defer cancel()
		if !h.gone(last) {
			h.cfg.Log.Error("sockets left at shutdown: a receiver hangs", "count", len(h.conns()))
		}
	}
	h.cancel()
	h.loops.Wait()
	h.keeper.close(ctx)
}

// gone waits until no socket is left, and says whether that came before ctx
// ended.
func (h *Hub) gone(ctx context.Context) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.open.Wait()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// enter makes room for a socket before its request is answered; h.open.Done
// gives it back, and before, add or quit its place among a user's sockets.
func (h *Hub) enter(user rally.UserID) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping {
		return &rally.Error{Code: rally.EUnavailable, Message: "error.stopping", RetryAfter: 1}
	}
	if n := len(h.users[user]) + h.opening[user]; n >= SocketsMax {
		return &rally.Error{
			Code: rally.EThrottled, Message: "error.throttled", RetryAfter: 30,
			Cause: fmt.Errorf("user %d has %d sockets", user, n),
		}
	}
	h.opening[user]++
	h.open.Add(1)
	return nil
}

// quit notes that a socket has not come to be.
func (h *Hub) quit(user rally.UserID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened(user)
}

// opened notes that a socket is no longer being opened. h.mu must be held.
func (h *Hub) opened(user rally.UserID) {
	if h.opening[user]--; h.opening[user] == 0 {
		delete(h.opening, user)
	}
}

// add makes c reachable. If the hub stops or c's session was ended while it
// was being opened, c is closed again.
func (h *Hub) add(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	user, id := c.viewer.User.ID, c.viewer.Session
	h.opened(user)
	h.users[user] = append(h.users[user], c)
	s := h.sessions[id]
	if s == nil {
		s = &session{checkAt: h.nextCheck()}
		h.sessions[id] = s
	}
	s.conns = append(s.conns, c)
	h.stats.sockets.Add(1)
	h.stats.opened.Add(1)

	if h.stopping {
		c.end(because(causeStopping, nil))
	}
	if e, over := h.ended[id]; over {
		c.end(ending{cause: causeSession, code: CodeSessionEnded, reason: e.reason})
	}
	if !h.keeper.holds(user, id) {
		c.end(because(causeElsewhere, nil))
	}
}

// remove is the inverse of add.
func (h *Hub) remove(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	user, id := c.viewer.User.ID, c.viewer.Session
	if h.users[user] = without(h.users[user], c); len(h.users[user]) == 0 {
		delete(h.users, user)
	}
	s := h.sessions[id]
	if s.conns = without(s.conns, c); len(s.conns) == 0 {
		delete(h.sessions, id)
	}
	h.stats.sockets.Add(-1)
}

// without gives conns less c, in the same array.
func without(conns []*Conn, c *Conn) []*Conn {
	if i := slices.Index(conns, c); i >= 0 {
		return slices.Delete(conns, i, i+1)
	}
	return conns
}

// conns gives all sockets.
func (h *Hub) conns() []*Conn {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]*Conn, 0, len(h.sessions))
	for _, s := range h.sessions {
		all = append(all, s.conns...)
	}
	return all
}

// nextCheck gives a time for a session's next check, early enough that it is
// over before CheckEvery has passed, and not the same for all who came back
// together.
func (h *Hub) nextCheck() time.Duration {
	return h.now() + h.cfg.CheckEvery*3/4 + rand.N(h.cfg.CheckEvery/5)
}
