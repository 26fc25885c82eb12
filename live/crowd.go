package live

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"rally"
)

// coalesce is the least time between two badges of one person.
const coalesce = 300 * time.Millisecond

// crowd is everybody of whom something is known, and who on this node sees
// them. Whatever happens to a person ends in review, which decides what follows
// from it: what other nodes are told, what is written down, and whether friends
// have to see something else. The herald tells them.
//
// Nobody waits for anything while holding mu.
type crowd struct {
	cfg     *Config
	log     *slog.Logger
	clock   func() time.Time
	started time.Time
	ctx     context.Context //nolint:containedctx // ends with close, for what is asked of others
	cancel  context.CancelFunc
	loops   sync.WaitGroup
	wake    chan struct{} // full when the herald has something to do
	counts  crowdCounters

	mu       sync.Mutex // guards what follows, and the people
	closed   bool
	people   map[rally.UserID]*person
	watchers map[rally.UserID][]rally.UserID // of whom it is the friends who are here
	nodes    map[string]*node
	alarms   alarms
	busy     bool          // the herald does not sleep
	until    time.Duration // when it wakes by itself
	ready    bool          // what other nodes had told is known
	badges   []*person     // whose friends have to be told
	greets   []*Conn       // who have to be told about their friends

	wanted   []rally.UserID // whose friends have to be asked for
	loaders  int
	loads    uint64                    // questions for somebody's friends until now
	untold   map[rally.UserID]struct{} // about whom the other nodes have to be told
	telling  bool
	departed map[rally.UserID]time.Time // when they were last here, to be written down
	writing  bool
	doubts   map[rally.UserID]struct{} // of whom it has to be asked which match they are in
	asking   bool

	complaints map[string]time.Duration // when what was logged last
}

// newCrowd makes a crowd and starts what it does by itself, which close ends.
func newCrowd(cfg *Config, clock func() time.Time) *crowd {
	cr := &crowd{
		cfg: cfg, log: cfg.Log, clock: clock, started: clock(),
		wake:     make(chan struct{}, 1),
		people:   make(map[rally.UserID]*person),
		watchers: make(map[rally.UserID][]rally.UserID),
		nodes:    make(map[string]*node),
		untold:   make(map[rally.UserID]struct{}),
		departed: make(map[rally.UserID]time.Time),
		doubts:   make(map[rally.UserID]struct{}),
		ready:    cfg.Nodes == nil,

		complaints: make(map[string]time.Duration),
	}
	cr.ctx, cr.cancel = context.WithCancel(context.Background())
	cr.loops.Go(cr.herald)
	if cfg.Nodes != nil {
		cr.loops.Go(cr.listen)
	}
	return cr
}

// now gives the crowd's time, from its start.
func (cr *crowd) now() time.Duration { return cr.clock().Sub(cr.started) }

// wall gives the time of day at a time of the crowd's.
func (cr *crowd) wall(at time.Duration) time.Time { return cr.clock().Add(at - cr.now()) }

// goes runs f until close, if that has not begun. mu must be held.
func (cr *crowd) goes(f func()) {
	if !cr.closed {
		cr.loops.Go(f)
	}
}

// pause waits, and says whether that was not cut short by close.
func (cr *crowd) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-cr.ctx.Done():
		return false
	}
}

// person gives somebody, who is made if they are not known. mu must be held.
func (cr *crowd) person(id rally.UserID) *person {
	p := cr.people[id]
	if p == nil {
		p = newPerson(id)
		cr.people[id] = p
	}
	return p
}

// arrive notes a socket that has been opened.
func (cr *crowd) arrive(c *Conn) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if cr.closed {
		return
	}
	now := cr.now()
	p := cr.person(c.viewer.User.ID)
	if own := p.own(now, cr.cfg); !own.Here && !own.Awake {
		// Whoever comes does something, unless it is their browser that comes
		// back by itself from a node that is gone.
		if there := p.elsewhere(); !there.here || there.awake {
			p.activeAt = now
		}
	}
	c.present = true
	p.conns = append(p.conns, c)
	p.name = c.viewer.User.Name
	cr.meet(p, c, now)
	cr.doubt(p.id)
	cr.review(p, now)
	cr.rouse()
}

// leave notes that a socket is gone.
func (cr *crowd) leave(c *Conn) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	p := cr.people[c.viewer.User.ID]
	if !c.present || cr.closed { // when all are leaving, nobody has left
		return
	}
	c.present = false
	now := cr.now()
	if p.conns = without(p.conns, c); len(p.conns) == 0 {
		p.conns = nil
		p.leftAt, p.goneAt = now, max(p.goneAt, now)
	}
	cr.review(p, now)
	cr.rouse()
}

// change has f change what is known of somebody.
func (cr *crowd) change(id rally.UserID, f func(p *person, now time.Duration)) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	now := cr.now()
	p := cr.person(id)
	f(p, now)
	cr.review(p, now)
	cr.rouse()
}

// review draws the conclusions from what is known of somebody. mu must be held.
func (cr *crowd) review(p *person, now time.Duration) {
	own, there := p.own(now, cr.cfg), p.elsewhere()
	cr.inform(p, own, there.here)
	all := there
	all.add(own)
	if own.Here {
		p.owed = true
		if p.circle.retryAt > 0 && now >= p.circle.retryAt {
			cr.want(p)
		}
	} else {
		cr.scatter(p)
	}
	if p.match != "" && now >= p.matchAt+stillPlaying {
		p.matchAt = now
		cr.doubt(p.id)
	}
	if !all.here && p.owed {
		p.owed = false
		cr.writeDown(p, now)
	}

	differs := p.differs(p.look(all))
	busy := p.queued || now < p.hold
	switch {
	case !differs || busy:
		p.waits = false
	case now >= p.quiet:
		p.waits, p.queued, busy = false, true, true
		cr.badges = append(cr.badges, p)
	case !p.waits:
		p.waits = true
		cr.counts.coalesced.Add(1)
	}
	idle := own.Empty() && len(p.reports) == 0 && !differs
	if idle && !busy && now >= p.quiet {
		cr.alarms.set(p, longAgo)
		delete(cr.people, p.id)
		return
	}
	cr.alarms.set(p, p.deadline(now, cr.cfg, (differs || idle) && !busy))
}

// presence gives what friends see of somebody, whatever they have been told.
func (cr *crowd) presence(id rally.UserID) rally.Presence {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	p := cr.people[id]
	if p == nil {
		return rally.Presence{State: rally.PresenceOffline}
	}
	return p.seen(cr.now(), cr.cfg)
}

// among gives those of some users who are not offline, by name.
func (cr *crowd) among(users []rally.UserID) []rally.FriendState {
	cr.mu.Lock()
	now := cr.now()
	var found []rally.FriendState
	for _, id := range users {
		p := cr.people[id]
		if p == nil {
			continue
		}
		if seen := p.seen(now, cr.cfg); seen.State != rally.PresenceOffline {
			found = append(found, rally.FriendState{User: id, Name: p.name, Presence: seen})
		}
	}
	cr.mu.Unlock()
	byName(found)
	return found
}

// byName puts friends in the order in which they are shown.
func byName(friends []rally.FriendState) {
	slices.SortFunc(friends, func(a, b rally.FriendState) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.User, b.User))
	})
}

// complain logs that something is wrong, and then not again for a while: it may
// be wrong for everybody. mu must be held.
func (cr *crowd) complain(what string, err error) {
	at, again := cr.complaints[what]
	if now := cr.now(); cr.ctx.Err() == nil && (!again || now-at >= complainEach) {
		cr.complaints[what] = now
		cr.log.Warn("presence suffers", "what", what, "error", escape(err.Error()))
	}
}

// close ends what the crowd does, and writes down that everybody here was here
// until now. Other nodes are told nothing: whoever comes back soon, here or
// there, has never been gone.
func (cr *crowd) close(ctx context.Context) {
	cr.mu.Lock()
	if cr.closed {
		cr.mu.Unlock()
		return
	}
	cr.closed = true
	now := cr.now()
	for id, p := range cr.people {
		if p.own(now, cr.cfg).Here {
			at := p.leftAt
			if len(p.conns) > 0 {
				at = now
			}
			cr.departed[id] = cr.wall(at)
		}
	}
	left := cr.departed
	cr.mu.Unlock()
	cr.cancel()
	cr.loops.Wait()
	if cr.cfg.SetSeen == nil || len(left) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := cr.cfg.SetSeen(ctx, left); err != nil {
		cr.log.Warn("last seen not written", "users", len(left), "error", escape(err.Error()))
	}
}
