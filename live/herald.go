package live

import (
	"math"
	"time"

	"rally"
)

// herald tells friends what they have to see, until close. It alone does, one
// thing after the other, so that what a socket is told later is never older.
func (cr *crowd) herald() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-cr.ctx.Done():
			return
		case <-cr.wake:
		case <-timer.C:
		}
		timer.Reset(cr.work())
	}
}

// errand is one thing for the herald to tell: a badge of one friend, or, to a
// single socket, who of all friends is not offline.
type errand struct {
	friend  rally.FriendState
	greeted *Conn // nil for a badge
	friends []rally.FriendState
	conns   []*Conn
}

// work does all that is to be done, and gives how long nothing will be.
func (cr *crowd) work() time.Duration {
	for cr.ctx.Err() == nil {
		e, wait, ok := cr.next()
		if !ok {
			return wait
		}
		cr.carry(e)
	}
	return 0
}

// next gives the herald's next errand, badges first; or that there is none, and
// for how long.
func (cr *crowd) next() (e errand, wait time.Duration, ok bool) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	now := cr.now()
	cr.busy = true
	next := cr.judgeAll(now)
	for p := cr.alarms.due(now); p != nil; p = cr.alarms.due(now) {
		cr.review(p, now)
	}
	for len(cr.badges) > 0 {
		p := cr.badges[0]
		if cr.badges = cr.badges[1:]; len(cr.badges) == 0 {
			cr.badges = nil
		}
		if e, ok = cr.badge(p, now); ok {
			return e, 0, true
		}
	}
	for cr.ready && len(cr.greets) > 0 {
		c := cr.greets[0]
		if cr.greets = cr.greets[1:]; len(cr.greets) == 0 {
			cr.greets = nil
		}
		if e, ok = cr.greeting(c); ok {
			return e, 0, true
		}
	}
	if len(cr.alarms) > 0 {
		next = min(next, cr.alarms[0].alarm.at)
	}
	cr.until, cr.busy = next, false
	return errand{}, max(next-now, 0), false
}

// badge gives the errand of telling a person's friends what they see from now
// on, unless that is nothing new or nobody is there to be told. mu must be held.
func (cr *crowd) badge(p *person, now time.Duration) (e errand, ok bool) {
	p.queued = false
	seen := p.seen(now, cr.cfg)
	if now < p.hold || !p.differs(seen) {
		cr.review(p, now)
		return errand{}, false
	}
	cr.counts.changes.Add(1)
	p.shown = seen
	e.friend = rally.FriendState{User: p.id, Name: p.name, Presence: seen}
	if seen.State == rally.PresenceOffline && p.goneAt != longAgo {
		e.friend.SeenAt = cr.wall(p.goneAt)
	}
	for _, id := range cr.watchers[p.id] {
		for _, c := range cr.people[id].conns {
			if c.greeted {
				e.conns = append(e.conns, c)
			}
		}
	}
	if len(e.conns) > 0 {
		p.quiet = now + coalesce
	}
	cr.review(p, now)
	return e, len(e.conns) > 0
}

// greeting gives the errand of telling a socket who of their friends is not
// offline, as other sockets have been told it. mu must be held.
func (cr *crowd) greeting(c *Conn) (e errand, ok bool) {
	if !c.present {
		return errand{}, false
	}
	c.awaited, c.greeted = false, true
	e.greeted = c
	for _, id := range cr.people[c.viewer.User.ID].circle.friends {
		if f := cr.people[id]; f != nil && f.shown.State != rally.PresenceOffline {
			e.friends = append(e.friends, rally.FriendState{User: id, Name: f.name, Presence: f.shown})
		}
	}
	return e, true
}

// carry renders what an errand is about and hands it to the sockets.
func (cr *crowd) carry(e errand) {
	paint := func(locale string) ([]byte, error) { return cr.cfg.Painter.Badge(locale, e.friend) }
	given := 0
	give := func(c *Conn, frame []byte) {
		if c.badge(frame) {
			given++
		}
	}
	if e.greeted != nil {
		byName(e.friends)
		e.conns = []*Conn{e.greeted}
		paint = func(locale string) ([]byte, error) { return cr.cfg.Painter.Online(locale, e.friends) }
		give = (*Conn).text
		cr.counts.greetings.Add(1)
	}
	rendered := deliver(e.conns, give, paint, func(locale string, err error) {
		cr.log.Error("presence: render", "user", int64(e.friend.User), "locale", locale, "error", escape(err.Error()))
	})
	cr.counts.badges.Add(uint64(given))
	cr.counts.rendered.Add(uint64(rendered))
}

// rouse has the herald look whether there is something to do. mu must be held.
func (cr *crowd) rouse() {
	early := len(cr.alarms) > 0 && cr.alarms[0].alarm.at < cr.until
	if early || len(cr.badges) > 0 || cr.ready && len(cr.greets) > 0 {
		cr.poke()
	}
}

func (cr *crowd) poke() {
	select {
	case cr.wake <- struct{}{}:
	default:
	}
}

// forever is a time that does not come.
const forever = time.Duration(math.MaxInt64)
