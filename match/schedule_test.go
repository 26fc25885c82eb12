package match

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"rally"
	"rally/pong"
)

func TestSlotTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.Int64Range(0, 1<<40).Draw(t, "slot")
		due := slotTime(k)
		if got := slotAt(due); got != k {
			t.Fatalf("slot %d is due at %v, where slot %d is", k, due, got)
		}
		if got := slotAt(slotTime(k+1) - 1); got != k {
			t.Fatalf("just before slot %d is slot %d", k+1, got)
		}
		if gap := slotTime(k+1) - due; gap < 1041666 || gap > 1041667 {
			t.Fatalf("slot %d takes %v", k, gap)
		}
	})
	if slotTime(slotsPerSecond*86400) != 24*time.Hour {
		t.Error("the schedule drifts")
	}
}

func TestTicksAt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		d        time.Duration
		tick     uint32
		fraction uint8
	}{
		{-time.Second, 0, 0},
		{0, 0, 0},
		{slotTime(8) + 1, 0, 128},
		{slotTime(slotCount) + 1, 1, 0},
		{time.Hour, 216000, 0},
		{time.Hour + 10*time.Millisecond, 216000, 153},
	} {
		if tick, fraction := ticksAt(test.d); tick != test.tick || fraction != test.fraction {
			t.Errorf("after %v: tick %d and %d/256, want %d and %d/256", test.d, tick, fraction, test.tick, test.fraction)
		}
	}
	if toTicks(time.Second) != 60 || toTicks(time.Millisecond) != 1 || toDuration(90) != 1500*time.Millisecond {
		t.Error("ticks and durations do not agree")
	}
}

// Every match is stepped exactly once a tick, whatever slot it has and however
// the clock moves.
func TestTicksAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []rally.MatchID
	for i := range 40 {
		id, err := w.Create(rally.Casual, 11, [2]Entrant{entrant(rally.UserID(2*i + 1)), entrant(rally.UserID(2*i + 2))})
		w.must(err)
		ids = append(ids, id)
		w.clock.advance(time.Duration(i) * 700 * time.Microsecond)
	}
	perSlot := map[int]int{}
	for _, id := range ids {
		w.inside(id, func(m *match) {
			perSlot[m.slot]++
			if due, _ := m.tickAt(w.clock.Now()); due != m.tick {
				t.Errorf("%d ticks are due, %d were made", due, m.tick)
			}
		})
	}
	if len(perSlot) != slotCount {
		t.Errorf("the matches are in %d slots: %v", len(perSlot), perSlot)
	}
	for _, n := range perSlot {
		if n < 2 || n > 3 {
			t.Errorf("the slots are filled unevenly: %v", perSlot)
		}
	}
	before := make([]uint32, len(ids))
	for i, id := range ids {
		w.inside(id, func(m *match) { before[i] = m.tick })
	}
	w.clock.advance(7 * time.Second)
	for i, id := range ids {
		w.inside(id, func(m *match) {
			if got := m.tick - before[i]; got != 420 {
				t.Errorf("%d ticks in 7 s", got)
			}
		})
	}
	s := w.Stats()
	if s.Lateness.Count() != s.Ticks || s.Lateness.Sum != 0 || s.TicksSkipped != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestStall(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stall   time.Duration
		ticks   uint32
		skipped uint64
	}{
		"short ones are made up for":  {200 * time.Millisecond, 12, 0},
		"long ones are let go":        {10 * time.Second, 0, 600},
		"a suspended machine as well": {9 * time.Hour, 0, 9 * 3600 * 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id, left, _ := w.begin(11)
			w.run(100)
			var before, after uint32
			w.inside(id, func(m *match) { before = m.tick })
			w.clock.stall(test.stall)
			w.inside(id, func(m *match) { after = m.tick })
			if got := after - before; got < test.ticks || got > test.ticks+1 {
				t.Errorf("%d ticks were made up for", got)
			}
			s := w.Stats()
			if s.TicksSkipped < test.skipped || s.TicksSkipped > test.skipped+1 {
				t.Errorf("%d ticks were skipped", s.TicksSkipped)
			}
			w.run(60)
			w.phase(id, Playing) // nobody was lost over it
			left.ping()
			_, _, pongs := left.answers()
			w.inside(id, func(m *match) {
				if got := pongs[len(pongs)-1].Tick; got != m.tick {
					t.Errorf("a ping is told tick %d, it is %d", got, m.tick)
				}
			})
		})
	}
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	var h histogram
	h.observe(0, 50)
	h.observe(65536, 40)
	h.observe(65537, 5)
	h.observe(time.Millisecond, 4)
	h.observe(time.Hour, 1)
	var got Histogram
	h.addTo(&got)
	h.addTo(&got)
	if got.Count() != 200 || got.Counts[0] != 180 || got.Counts[1] != 10 || got.Counts[len(got.Counts)-1] != 2 {
		t.Errorf("counts: %v", got.Counts)
	}
	if len(got.Counts) != len(got.Bounds)+1 {
		t.Errorf("%d counts for %d bounds", len(got.Counts), len(got.Bounds))
	}
	for q, want := range map[float64]time.Duration{
		0: 65536, 0.5: 65536, 0.9: 65536, 0.95: 131072, 0.99: 1 << 20, 1: 1 << 29,
	} {
		if q := got.Quantile(q); q != want {
			t.Errorf("quantile: %v, want %v", q, want)
		}
	}
	if (Histogram{}).Quantile(0.5) != 0 {
		t.Error("an empty histogram has a quantile")
	}
}

func TestPingTellsTheTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(rally.Casual, 11)
	silent := &person{w: w, user: 9, id: id}
	silent.link = w.Open(9, silent)
	silent.ping() // before joining: there is no time to tell
	if _, _, pongs := silent.answers(); len(pongs) != 0 {
		t.Error("a ping before a join was answered")
	}
	left, right := w.join(1, id), w.join(2, id)
	w.run(100)
	var due time.Duration
	w.inside(id, func(m *match) { // when the current tick began
		due = time.Duration(m.loop.origin.Load()) + slotTime(m.birth.Load()+int64(m.tick)*slotCount)
	})
	w.clock.advance(due + tick + tick/4 - w.clock.Now())
	right.send(pong.PingFrame{Time: 1, RTT: 45}.Append(nil))
	left.send(pong.PingFrame{Time: 77, RTT: pong.UnknownRTT}.Append(nil))
	_, _, pongs := left.answers()
	got := pongs[len(pongs)-1]
	w.inside(id, func(m *match) {
		if got.Time != 77 || got.Tick != m.tick || got.Fraction < 63 || got.Fraction > 65 {
			t.Errorf("answered %+v in tick %d", got, m.tick)
		}
	})
	if got.RTT != [2]uint16{pong.UnknownRTT, 45} {
		t.Errorf("round-trip times %v", got.RTT)
	}
	if p := w.info(id).Players; p[0].RTT >= 0 || p[1].RTT != 45*time.Millisecond {
		t.Errorf("round-trip times %v, %v are shown", p[0].RTT, p[1].RTT)
	}
}
