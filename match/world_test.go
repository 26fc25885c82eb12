package match

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/pong"
)

// A tick of the tests' time. It is a little longer than a real one, so that a
// number of them always holds as many ticks.
const tick = time.Second/pong.TicksPerSecond + 1

// patience is how long a test waits for what other goroutines do. Only what never
// comes takes so long.
const patience = time.Minute

// world is a registry on a fake clock, with a store and a record of events.
type world struct {
	*testing.T
	*Registry
	clock *fakeClock

	mu     sync.Mutex
	events []rally.Event
	kept   []rally.Match
	away   error // what the store answers, nil while it is there
	people map[rally.UserID]*person
}

// newWorld starts a registry; change may alter its configuration first. It is
// stopped when the test ends.
func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	w := &world{T: t, people: map[rally.UserID]*person{}}
	seed := uint64(0)
	c := Config{
		Loops: 1, Keep: w.keep, Publish: w.publish,
		Seed: func() uint64 { seed++; return seed },
	}
	for _, f := range change {
		f(&c)
	}
	w.clock = newFakeClock(c.Loops + 1) // and the keeper
	c.Clock = w.clock
	w.Registry = NewRegistry(c)
	w.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // whatever is not stored by now is not waited for
		_ = w.Stop(ctx)
	})
	return w
}

func (w *world) keep(ctx context.Context, m rally.Match) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away != nil {
		return w.away
	}
	w.kept = append(w.kept, m)
	return ctx.Err()
}

func (w *world) publish(e rally.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// count gives how many events of a kind there were about a match.
func (w *world) count(kind rally.EventKind, id rally.MatchID) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Kind == kind && e.Match == id {
			n++
		}
	}
	return n
}

func (w *world) setAway(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = err
}

// results gives what is stored of a match.
func (w *world) results(id rally.MatchID) []rally.Match {
	w.mu.Lock()
	defer w.mu.Unlock()
	var of []rally.Match
	for _, m := range w.kept {
		if m.ID == id {
			of = append(of, m)
		}
	}
	return of
}

// sync returns when the loops have done all that was asked of them before.
func (w *world) sync() {
	for _, l := range w.loops {
		_ = l.call(func() error { return nil })
	}
}

// run lets ticks pass. Everybody who is there pings twice a second, as
// browsers do once.
func (w *world) run(ticks int) {
	for ticks > 0 {
		for _, p := range w.people {
			p.ping()
		}
		n := min(ticks, pong.TicksPerSecond/2)
		w.clock.advance(time.Duration(n) * tick)
		ticks -= n
	}
}

// runUntil lets ticks pass until the condition holds.
func (w *world) runUntil(what string, limit int, condition func() bool) {
	w.Helper()
	for range limit {
		if condition() {
			return
		}
		w.run(1)
	}
	if !condition() {
		w.Fatalf("after %d ticks still not: %s", limit, what)
	}
}

// eventually waits, in real time, for something that other goroutines do.
func (w *world) eventually(what string, condition func() bool) {
	w.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-look.C:
		case <-deadline:
			w.Fatalf("never: %s", what)
		}
	}
}

// info gives a match that must be there.
func (w *world) info(id rally.MatchID) Info {
	w.Helper()
	info, ok := w.Find(id)
	if !ok {
		w.Fatalf("match %s cannot be found", id)
	}
	return info
}

// inside calls f where the match's state may be touched.
func (w *world) inside(id rally.MatchID, f func(m *match)) {
	w.Helper()
	m, ok := w.find(id)
	if !ok {
		w.Fatalf("match %s cannot be found", id)
	}
	if m.loop.call(func() error { f(m); return nil }) != nil {
		f(m) // the loop has ended
	}
}

func entrant(user rally.UserID) Entrant {
	return Entrant{User: user, Name: "Player", Rating: rally.NewRating()}
}

// create makes a match of users 1 and 2.
func (w *world) create(kind rally.MatchKind, points int) rally.MatchID {
	w.Helper()
	id, err := w.Create(kind, points, [2]Entrant{entrant(1), entrant(2)})
	if err != nil {
		w.Fatal(err)
	}
	return id
}

// begin makes a match of users 1 and 2 and brings it to play.
func (w *world) begin(points int) (id rally.MatchID, left, right *person) {
	w.Helper()
	id = w.create(rally.Rated, points)
	left, right = w.join(1, id), w.join(2, id)
	w.must(w.Ready(id, 1), w.Ready(id, 2))
	w.runUntil("play began", 200, func() bool { return w.info(id).Phase == Playing })
	return id, left, right
}

func (w *world) must(errs ...error) {
	w.Helper()
	if err := errors.Join(errs...); err != nil {
		w.Fatal(err)
	}
}

// refused checks that err has a code.
func (w *world) refused(err error, code rally.Code) {
	w.Helper()
	if rally.ErrorCode(err) != code {
		w.Errorf("got %v, want an error of code %s", err, code)
	}
}

// phase checks where a match stands.
func (w *world) phase(id rally.MatchID, want Phase) {
	w.Helper()
	if got := w.info(id).Phase; got != want {
		w.Fatalf("the match is %v, want %v", got, want)
	}
}

// stored waits until the result of a match is stored and everybody has been told:
// the match shows it before that.
func (w *world) stored(id rally.MatchID) {
	w.Helper()
	w.eventually("the result is stored", func() bool { return w.info(id).Stored })
	w.sync()
}

// ended checks how a match ended, that both players are free again, and that
// exactly one result is stored, with a recording that leads to it.
func (w *world) ended(id rally.MatchID, outcome rally.Outcome, winner rally.Side) rally.Match {
	w.Helper()
	info := w.info(id)
	if info.Phase != Over || info.Outcome != outcome || info.Winner != winner {
		w.Fatalf("the match is %v, %q, won by %d; want over, %q, %d", info.Phase, info.Outcome, info.Winner, outcome, winner)
	}
	for _, p := range info.Players {
		if playing, busy := w.Playing(p.User); busy && playing == id {
			w.Errorf("user %d still plays", p.User)
		}
	}
	w.stored(id)
	results := w.results(id)
	if len(results) != 1 {
		w.Fatalf("%d results are stored", len(results))
	}
	result := results[0]
	if result.Outcome != outcome || result.Winner != winner || result.Ticks != info.Ticks {
		w.Errorf("stored: %q, %d, %d ticks", result.Outcome, result.Winner, result.Ticks)
	}
	if err := Verify(result); err != nil {
		w.Error(err)
	}
	return result
}

// person is somebody at a browser: a link, and what it was sent.
type person struct {
	w    *world
	user rally.UserID
	id   rally.MatchID
	link *Link
	seq  uint16

	mu      sync.Mutex
	frames  []pong.Frame
	welcome []pong.WelcomeFrame
	refused []pong.RefusedFrame
	pongs   []pong.PongFrame
	broken  [][]byte
}

// join opens a link for a user and joins a match. The user's older link, if
// any, goes quiet: it sends nothing any more, like a forgotten tab.
func (w *world) join(user rally.UserID, id rally.MatchID) *person {
	w.Helper()
	p := &person{w: w, user: user, id: id}
	p.link = w.Open(user, p)
	p.send(joinFrame(id))
	w.people[user] = p
	w.sync()
	return p
}

func joinFrame(id rally.MatchID) []byte {
	return pong.JoinFrame{Match: [pong.MatchIDLen]byte([]byte(id))}.Append(nil)
}

// Offer is part of Audience.
func (p *person) Offer(frame []byte) {
	f, err := pong.ParseFrame(frame)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.broken = append(p.broken, slices.Clone(frame))
		return
	}
	p.frames = append(p.frames, f)
}

// Send is part of Audience.
func (p *person) Send(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, err := pong.ParseWelcome(frame); err == nil {
		p.welcome = append(p.welcome, f)
	} else if f, err := pong.ParseRefused(frame); err == nil {
		p.refused = append(p.refused, f)
	} else if f, err := pong.ParsePong(frame); err == nil {
		p.pongs = append(p.pongs, f)
	} else {
		p.broken = append(p.broken, slices.Clone(frame))
	}
}

// send gives the link a frame that it must take.
func (p *person) send(frame []byte) {
	p.w.Helper()
	if err := p.link.Receive(frame); err != nil {
		p.w.Fatal(err)
	}
}

// close ends the connection.
func (p *person) close() {
	p.link.Close()
	if p.w.people[p.user] == p {
		delete(p.w.people, p.user)
	}
	p.w.sync()
}

func (p *person) ping() { p.send(pong.PingFrame{RTT: 20}.Append(nil)) }

// press asks for a direction, to take effect in the next tick.
func (p *person) press(dir pong.Dir) { p.pressAt(dir, 0) }

// pressAt asks for a direction with a tick that is so many late.
func (p *person) pressAt(dir pong.Dir, late int) {
	p.seq++
	p.raw(p.seq, dir, late)
}

func (p *person) raw(seq uint16, dir pong.Dir, late int) {
	p.w.Helper()
	m, ok := p.w.find(p.id)
	if !ok {
		p.w.Fatalf("match %s cannot be found", p.id)
	}
	now, _ := m.tickAt(p.w.clock.Now())
	p.send(pong.InputFrame{Seq: seq, Dir: dir, Tick: uint32(int(now) + 1 - late)}.Append(nil))
}

// seen gives the state frames so far, and checks that all were well formed.
func (p *person) seen() []pong.Frame {
	p.w.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.broken) > 0 {
		p.w.Errorf("malformed frames were sent: %x", p.broken)
	}
	return slices.Clone(p.frames)
}

// last gives the newest state frame.
func (p *person) last() pong.Frame {
	p.w.Helper()
	frames := p.seen()
	if len(frames) == 0 {
		p.w.Fatal("no state frame was sent")
	}
	return frames[len(frames)-1]
}

// answers gives the other frames so far.
func (p *person) answers() (welcome []pong.WelcomeFrame, refused []pong.RefusedFrame, pongs []pong.PongFrame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.welcome), slices.Clone(p.refused), slices.Clone(p.pongs)
}
