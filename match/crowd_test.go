package match

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
	"rally/pong"
)

// sink is an audience that only counts.
type sink struct{ frames, sent atomic.Int64 }

func (s *sink) Offer([]byte) { s.frames.Add(1) }
func (s *sink) Send([]byte)  { s.sent.Add(1) }

// crowd is n matches of two people each, on the real clock.
type crowd struct {
	*Registry
	ids   []rally.MatchID
	links []*Link
	sink  sink
	kept  atomic.Int64
}

func newCrowd(tb testing.TB, n int) *crowd {
	tb.Helper()
	c := &crowd{}
	c.Registry = NewRegistry(Config{
		Loops: 1, Countdown: time.Millisecond,
		Keep: func(context.Context, rally.Match) error { c.kept.Add(1); return nil },
	})
	c.Start()
	for i := range n {
		left, right := entrant(rally.UserID(2*i+1)), entrant(rally.UserID(2*i+2))
		id, err := c.Create(rally.Casual, 99, [2]Entrant{left, right})
		if err != nil {
			tb.Fatal(err)
		}
		c.ids = append(c.ids, id)
		for _, e := range []Entrant{left, right} {
			link := c.Open(e.User, &c.sink)
			if err := link.Receive(joinFrame(id)); err != nil {
				tb.Fatal(err)
			}
			c.links = append(c.links, link)
			if err := c.Ready(id, e.User); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return c
}

// press has every tenth player, from the given one on, change direction, in
// good time.
func (c *crowd) press(tb testing.TB, round int) {
	tb.Helper()
	for i := round % 10; i < len(c.links); i += 10 {
		m, ok := c.find(c.ids[i/2])
		if !ok {
			tb.Fatal("a match was forgotten")
		}
		tick, _ := m.tickAt(c.clock.Now())
		frame := pong.InputFrame{Seq: uint16(round/10 + 1), Dir: pong.Dir(round/10%3 - 1), Tick: tick + 1}.Append(nil)
		if err := c.links[i].Receive(frame); err != nil {
			tb.Fatal(err)
		}
	}
}

// Thousands of matches live at once on the real clock. How punctual they are
// is written down, not judged: other things run on this machine.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const matches, rounds = 2000, 200
	c := newCrowd(t, matches)
	every := time.NewTicker(10 * time.Millisecond)
	defer every.Stop()
	for round := range rounds { // 2 s: each player presses ten times a second
		<-every.C
		c.press(t, round)
	}
	s := c.Stats()
	if s.Live != matches || s.Links != 2*matches {
		t.Errorf("%d matches, %d links", s.Live, s.Links)
	}
	if s.Ticks == 0 || s.Inputs == 0 || s.Frames == 0 {
		t.Errorf("stats: %+v", s)
	}
	t.Logf("%d ticks, %d skipped, %d inputs, dropped %+v, %d frames; late: half under %v, 99 %% under %v",
		s.Ticks, s.TicksSkipped, s.Inputs, s.Dropped, s.Frames, s.Lateness.Quantile(0.5), s.Lateness.Quantile(0.99))

	// People come and go, watch, resign, all at once.
	var all sync.WaitGroup
	for part := range 4 {
		all.Go(func() {
			for i := part; i < matches; i += 4 {
				watcher := c.Open(rally.UserID(1_000_000+i), &c.sink)
				_ = watcher.Receive(joinFrame(c.ids[i]))
				switch i % 3 {
				case 0:
					c.links[2*i].Close()
				case 1:
					if err := c.Resign(c.ids[i], rally.UserID(2*i+1)); err != nil {
						t.Error(err)
					}
				}
				c.Find(c.ids[i])
				watcher.Close()
			}
		})
	}
	all.Wait()
	if err := c.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if s := c.Stats(); c.kept.Load() != matches || s.Live != 0 || s.Unstored != 0 {
		t.Errorf("%d results stored; stats: %+v", c.kept.Load(), s)
	}
	for _, l := range c.links {
		l.Close()
	}
	if s := c.Stats(); s.Links != 0 {
		t.Errorf("%d links", s.Links)
	}
}

// hand gives a loop with n matches in play, to be stepped by hand, each with
// two doors.
func hand(tb testing.TB, n int) (*loop, []*match) {
	tb.Helper()
	r := NewRegistry(Config{Loops: 1, Clock: newFakeClock(0), Countdown: time.Millisecond})
	l := r.loops[0]
	matches := make([]*match, 0, n)
	for i := range n {
		m, err := r.create(rally.NewMatchID(), rally.Casual, 99, [2]Entrant{entrant(rally.UserID(2*i + 1)), entrant(rally.UserID(2*i + 2))}, true)
		if err != nil {
			tb.Fatal(err)
		}
		matches = append(matches, m)
	}
	l.box.run()
	for _, m := range matches {
		m.enter(&door{audience: &sink{}, side: rally.Left})
		m.enter(&door{audience: &sink{}, side: rally.Right})
		for m.phase != Playing || !m.state.Live {
			m.step()
		}
	}
	return l, matches
}

// turnAll steps every match of a loop once.
func (l *loop) turnAll() {
	for range slotCount {
		l.step(0)
	}
}

// Not parallel: allocations are counted for the whole process.
func TestQuietTickAllocatesNothing(t *testing.T) {
	l, matches := hand(t, 10)
	allocs := testing.AllocsPerRun(20, func() { // 20 ticks are fewer than a flight takes
		for _, m := range matches {
			m.seats[0].door.hear()
			m.seats[1].door.hear()
		}
		l.turnAll()
	})
	if allocs != 0 {
		t.Errorf("%v allocations in a tick of ten matches", allocs)
	}
}

// Not parallel: memory is measured for the whole process.
func TestMatchIsSmall(t *testing.T) {
	const n = 200
	before := heap()
	_, matches := hand(t, n)
	for i, m := range matches { // five minutes, each player changing direction four times a second
		for step := range 5 * 60 * 60 {
			m.recording.add(pong.Input{Left: pong.Dir((step+i)/15%3 - 1), Right: pong.Dir((step+i+7)/15%3 - 1)})
		}
	}
	perMatch := (heap() - before) / n
	t.Logf("%d bytes for each match, its doors and its recording", perMatch)
	if perMatch > 8<<10 {
		t.Errorf("a match takes %d bytes", perMatch)
	}
	runtime.KeepAlive(matches)
}

func heap() int {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int(s.HeapAlloc)
}

func BenchmarkLoop(b *testing.B) {
	for name, perTick := range map[string]int{"quiet": 0, "10 inputs a second": 6} {
		b.Run(name, func(b *testing.B) {
			const n = 1000
			l, matches := hand(b, n)
			// Nobody is away, ever: it is play that is measured.
			matches[0].registry.limits.silence = 1 << 31
			matches[0].registry.limits.play = 1 << 31
			again := func() { // so that no match ever ends
				for _, m := range matches {
					m.state.Score, m.recording.encoded = [2]uint8{}, m.recording.encoded[:0]
				}
			}
			var drops drops
			seq, ticks := uint16(0), 0
			b.ReportAllocs()
			for b.Loop() {
				if ticks++; ticks%1000 == 0 {
					again()
				}
				if perTick > 0 {
					seq++
					for i := ticks % perTick; i < n; i += perTick {
						for s := range matches[i].seats {
							d := matches[i].seats[s].door
							d.hear()
							d.press(pong.InputFrame{Seq: seq, Dir: pong.Dir(ticks/perTick%3 - 1), Tick: matches[i].tick + 1}, &drops)
						}
					}
				}
				l.turnAll()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/match-tick")
			if l.matches != n {
				b.Fatalf("%d matches are left", l.matches)
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	_, matches := hand(b, 1000)
	r := matches[0].registry
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Find(matches[7].id); !ok {
			b.Fatal("gone")
		}
	}
}

func BenchmarkReplay(b *testing.B) {
	inputs := make([]pong.Input, 5*60*60)
	for i := range inputs {
		inputs[i] = pong.Input{Left: pong.Dir(i/15%3 - 1), Right: pong.Dir((i+7)/15%3 - 1)}
	}
	m := played(99, 3, inputs)
	b.ReportAllocs()
	for b.Loop() {
		if err := Verify(m); err != nil {
			b.Fatal(err)
		}
	}
}
