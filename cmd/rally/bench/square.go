package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"rally"
)

// square is where everybody is: those who look on, those who come and go, and
// those whom nobody knows.
type square struct {
	site     *site // where they look on
	door     *site // where they come and go
	start    time.Time
	visitors []*visitor
	seated   []*onlooker // those who look on, and then the strangers
	strange  []*onlooker // the strangers
	byUser   map[rally.UserID]*visitor
	readers  sync.WaitGroup
	leaving  atomic.Bool

	measuring  atomic.Bool
	came, went histogram
	counts     presenceCounts

	mu      sync.Mutex
	failure error // the first thing that went wrong
}

// presenceCounts are about the changes that are measured.
type presenceCounts struct {
	changes  atomic.Uint64
	expected atomic.Uint64 // badges: for every friend who looks on
	arrived  atomic.Uint64
	bytes    atomic.Uint64 // of these
	again    atomic.Uint64 // badges for a change that had been shown already
	wrong    atomic.Uint64 // somebody who is there was shown to be gone, or the other way round
	astray   atomic.Uint64 // fragments about somebody who is no friend
	other    atomic.Uint64 // fragments about nobody
	strange  atomic.Uint64 // bytes to those without friends
	gone     atomic.Uint64 // sockets that ended by themselves
}

// change is one that somebody makes.
type change struct {
	number   uint32        // of their changes, from 1
	away     bool          // they go
	due      time.Duration // when it is true, by the square's clock
	measured bool
}

// visitor comes and goes.
type visitor struct {
	account  Account
	audience int // friends who look on
	now      atomic.Pointer[change]
}

// onlooker has a page open and looks on.
type onlooker struct {
	square  *square
	account Account
	conn    *websocket.Conn
	texts   traffic
	// friends are the user's, and for those who come and go, the number of
	// the change that was seen last. The reader alone uses it.
	friends map[rally.UserID]uint32
}

// newSquare says who does what: of the people of the circle, the visitors are
// spread evenly; the accounts beyond it are strangers.
func newSquare(site *site, who circle, accounts []Account, visitors int) *square {
	s := &square{site: site, door: site, start: time.Now(), byUser: make(map[rally.UserID]*visitor, visitors)}
	for k := range visitors {
		v := &visitor{account: accounts[k*who.people/visitors]}
		v.now.Store(&change{})
		s.visitors = append(s.visitors, v)
		s.byUser[v.account.User] = v
	}
	for i, account := range accounts {
		if s.byUser[account.User] != nil {
			continue
		}
		o := &onlooker{square: s, account: account, friends: map[rally.UserID]uint32{}}
		s.seated = append(s.seated, o)
		if i >= who.people {
			s.strange = append(s.strange, o)
			continue
		}
		for _, friend := range who.friends(i) {
			o.friends[accounts[friend].User] = 0
			if v := s.byUser[accounts[friend].User]; v != nil {
				v.audience++
			}
		}
	}
	return s
}

func (s *square) now() time.Duration { return time.Since(s.start) }

// connect opens the sockets of those who stay.
func (s *square) connect(ctx context.Context, progress *progress) error {
	return connectAll(ctx, s.site, progress, s.seated, func(o *onlooker) Account { return o.account },
		func(o *onlooker, conn *websocket.Conn) {
			o.conn = conn
			s.readers.Go(o.read)
		})
}

// read takes what comes until the socket ends.
func (o *onlooker) read() {
	s := o.square
	for {
		_, text, err := o.conn.Read(context.Background())
		if err != nil {
			s.lost(err)
			return
		}
		now := s.now()
		o.texts.add(len(text))
		measuring := s.measuring.Load()
		if len(o.friends) == 0 {
			if measuring {
				s.counts.strange.Add(uint64(len(text)))
			}
			continue
		}
		users := named(text)
		if measuring && len(users) == 0 {
			s.counts.other.Add(1)
		}
		for _, user := range users {
			o.see(user, text, now, measuring)
		}
	}
}

// see takes a badge.
func (o *onlooker) see(user rally.UserID, text []byte, now time.Duration, measuring bool) {
	counts := &o.square.counts
	last, friend := o.friends[user]
	if !friend {
		if measuring {
			counts.astray.Add(1)
		}
		return
	}
	v := o.square.byUser[user]
	if v == nil {
		return // somebody who stays: while everybody was arriving
	}
	c := v.now.Load()
	if c.measured {
		switch {
		case last == c.number:
			counts.again.Add(1)
		case now < c.due || showsGone(text) != c.away:
			counts.wrong.Add(1)
		default:
			counts.arrived.Add(1)
			counts.bytes.Add(uint64(len(text)))
			if c.away {
				o.square.went.add(now - c.due)
			} else {
				o.square.came.add(now - c.due)
			}
		}
	}
	o.friends[user] = c.number
}

// pace has visitors come one after the other, so that there are as many
// changes a second, until the function it gives has been called and the last
// has gone.
func (s *square) pace(ctx context.Context, changes int) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var pacer, visits sync.WaitGroup
	pacer.Go(func() {
		begun := time.Now()
		for n := 0; ; n++ {
			// Two changes a visit.
			due := begun.Add(time.Duration(n) * 2 * time.Second / time.Duration(changes))
			if wait(ctx, time.Until(due)) != nil {
				return
			}
			v := s.visitors[n%len(s.visitors)]
			visits.Go(func() {
				if err := s.visit(ctx, v); err != nil && ctx.Err() == nil {
					s.fail(err)
				}
			})
		}
	})
	return func() {
		cancel()
		pacer.Wait()
		visits.Wait()
	}
}

// visit has somebody come, stay for a while and go.
func (s *square) visit(ctx context.Context, v *visitor) error {
	s.change(v, false, s.now())
	conn, err := s.door.connect(ctx, v.account)
	if err != nil {
		return err
	}
	var left atomic.Bool
	s.readers.Go(func() {
		for {
			if _, _, err := conn.Read(context.Background()); err != nil {
				if !left.Load() {
					s.lost(err)
				}
				return
			}
		}
	})
	err = wait(ctx, stay)
	left.Store(true)
	s.change(v, true, s.now()+offlineAfter)
	return errors.Join(err, wrap("going", ignoreClosed(conn.CloseNow())))
}

// change notes what somebody is about to do.
func (s *square) change(v *visitor, away bool, due time.Duration) {
	c := &change{number: v.now.Load().number + 1, away: away, due: due, measured: s.measuring.Load()}
	if c.measured {
		s.counts.changes.Add(1)
		s.counts.expected.Add(uint64(v.audience))
	}
	v.now.Store(c)
}

// traffic gives what those who stay have been sent so far.
func (s *square) traffic() (in flow) {
	for _, o := range s.seated {
		in.add(&o.texts)
	}
	return in
}

// leave closes all sockets and waits for their readers.
func (s *square) leave() error {
	s.leaving.Store(true)
	var closing errgroup.Group
	closing.SetLimit(requestsAtOnce)
	for _, o := range s.seated {
		if o.conn != nil {
			closing.Go(func() error { return ignoreClosed(o.conn.CloseNow()) })
		}
	}
	err := closing.Wait()
	s.readers.Wait()
	return wrap("leaving", err)
}

// lost notes a socket that ended by itself.
func (s *square) lost(err error) {
	if s.leaving.Load() {
		return
	}
	s.counts.gone.Add(1)
	if status := websocket.CloseStatus(err); status != -1 {
		s.fail(fmt.Errorf("a socket was closed with %d", status))
	}
}

// fail keeps the first thing that went wrong.
func (s *square) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil && !s.leaving.Load() && !errors.Is(err, context.Canceled) {
		s.failure = err
	}
}

func (s *square) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}
