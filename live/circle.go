package live

import (
	"context"
	"slices"
	"time"

	"rally"
)

const (
	loadsAtOnce  = 4
	loadTimeout  = 3 * time.Second
	loadRetry    = time.Second // after a failure
	circleLife   = time.Minute // after which a new socket has it asked for anew
	complainEach = 10 * time.Second
)

// circle is the friends of somebody who is here.
type circle struct {
	friends []rally.UserID // in order
	known   bool
	at      time.Duration // when they were asked for
	loading uint64        // the number of the question that is under way; 0: none is
	again   bool          // they have changed while being asked for
	retryAt time.Duration
}

// meet has a new socket be told who of the friends is not offline, as soon as
// they are known. mu must be held.
func (cr *crowd) meet(p *person, c *Conn, now time.Duration) {
	if cr.cfg.Painter == nil || cr.cfg.Friends == nil {
		return
	}
	if p.circle.known {
		cr.greet(c)
	}
	// Events may be lost; a page that is opened is right again.
	if fresh := p.circle.known && now-p.circle.at <= circleLife; !fresh && p.circle.loading == 0 && p.circle.retryAt == 0 {
		cr.want(p)
	}
}

// want has the friends of somebody who is here asked for. mu must be held.
func (cr *crowd) want(p *person) {
	p.circle.retryAt = 0
	if p.circle.loading > 0 {
		p.circle.again = true
		return
	}
	cr.loads++
	p.circle.loading = cr.loads
	cr.wanted = append(cr.wanted, p.id)
	if cr.loaders < loadsAtOnce {
		cr.loaders++
		cr.goes(cr.load)
	}
}

// load asks for the friends of all who are wanted.
func (cr *crowd) load() {
	for {
		cr.mu.Lock()
		if len(cr.wanted) == 0 || cr.closed {
			cr.loaders--
			cr.wanted = nil
			cr.mu.Unlock()
			return
		}
		id := cr.wanted[0]
		cr.wanted = cr.wanted[1:]
		at, number := cr.now(), uint64(0)
		if p := cr.people[id]; p != nil {
			number = p.circle.loading
		}
		cr.mu.Unlock()
		if number == 0 { // gone meanwhile
			continue
		}
		ctx, cancel := context.WithTimeout(cr.ctx, loadTimeout)
		friends, err := cr.cfg.Friends(ctx, id)
		cancel()

		cr.mu.Lock()
		if p := cr.people[id]; p != nil && p.circle.loading == number {
			cr.loaded(p, friends, at, err)
		}
		if err != nil {
			cr.complain("friends not known", err)
		}
		cr.rouse()
		cr.mu.Unlock()
	}
}

// loaded takes in who somebody's friends are, or that this cannot be known now.
// mu must be held.
func (cr *crowd) loaded(p *person, friends []rally.UserID, at time.Duration, err error) {
	now := cr.now()
	again := p.circle.again
	p.circle.loading, p.circle.again = 0, false
	switch {
	case err != nil:
		p.circle.retryAt = now + loadRetry
	case again: // they may be others by now
		cr.want(p)
	default:
		p.circle.at = at
		cr.join(p, friends)
	}
	cr.review(p, now)
}

// join puts somebody's friends in the place of those before, and has their
// sockets told if that is news to them. mu must be held.
func (cr *crowd) join(p *person, friends []rally.UserID) {
	friends = slices.Clone(friends)
	slices.Sort(friends)
	friends = slices.Clip(slices.DeleteFunc(slices.Compact(friends), func(id rally.UserID) bool { return id == p.id }))
	before, first := p.circle.friends, !p.circle.known
	p.circle.friends, p.circle.known = friends, true
	if slices.Equal(before, friends) && !first {
		return
	}
	for _, id := range before {
		if _, still := slices.BinarySearch(friends, id); !still {
			cr.unwatch(p.id, id)
			cr.compare(p.id, id)
		}
	}
	for _, id := range friends {
		if _, already := slices.BinarySearch(before, id); !already {
			cr.watchers[id] = append(cr.watchers[id], p.id)
			cr.compare(p.id, id)
		}
	}
	for _, c := range p.conns {
		cr.greet(c)
	}
}

// greet has a socket be told who of the friends is not offline. mu must be held.
func (cr *crowd) greet(c *Conn) {
	if !c.awaited {
		c.awaited = true
		cr.greets = append(cr.greets, c)
	}
}

// catchUp has a socket be told about all friends anew that could not be told
// what changed.
func (cr *crowd) catchUp(c *Conn) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	if c.present {
		cr.greet(c)
		cr.rouse()
	}
}

// compare has a friend's friends asked for anew if they do not agree: whoever
// is somebody's friend has them as a friend. mu must be held.
func (cr *crowd) compare(id, friend rally.UserID) {
	p, f := cr.people[id], cr.people[friend]
	if f == nil || !f.circle.known || f.circle.loading > 0 {
		return
	}
	_, mine := slices.BinarySearch(p.circle.friends, friend)
	if _, theirs := slices.BinarySearch(f.circle.friends, id); mine != theirs {
		cr.want(f)
	}
}

// scatter forgets the friends of somebody who is here no longer. mu must be
// held.
func (cr *crowd) scatter(p *person) {
	for _, id := range p.circle.friends {
		cr.unwatch(p.id, id)
	}
	p.circle = circle{}
}

// unwatch has one see another no longer. mu must be held.
func (cr *crowd) unwatch(who, whom rally.UserID) {
	left := cr.watchers[whom]
	if i := slices.Index(left, who); i >= 0 {
		left[i] = left[len(left)-1]
		left = left[:len(left)-1]
	}
	if len(left) == 0 {
		delete(cr.watchers, whom)
		return
	}
	cr.watchers[whom] = left
}

// friendsChanged has the friends of users asked for anew who are here.
func (cr *crowd) friendsChanged(users []rally.UserID) {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	for _, id := range users {
		if p := cr.people[id]; p != nil && (p.circle.known || p.circle.loading > 0) {
			cr.want(p)
		}
	}
}

// watching gives the friends of a user who have pages open here, in order.
func (cr *crowd) watching(user rally.UserID) []rally.UserID {
	cr.mu.Lock()
	defer cr.mu.Unlock()
	var found []rally.UserID
	for _, id := range cr.watchers[user] {
		if len(cr.people[id].conns) > 0 {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return found
}
