package match

import (
	"testing"

	"rally"
	"rally/pong"
)

func pingFrame() []byte { return pong.PingFrame{RTT: 20}.Append(nil) }

// pairOn makes a rated match on a node.
func pairOn(f *fabric, n *node, points int) rally.MatchID {
	f.Helper()
	id, err := n.Create(rally.Rated, points, [2]Entrant{entrant(1), entrant(2)})
	if err != nil {
		f.Fatal(err)
	}
	return id
}

// A match that runs on one node is played from two others and watched from a
// fourth as if it ran there: seats, frames, inputs, pings, commands, result,
// rematch.
func TestMatchAcrossNodes(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a, b := f.node(), f.node(), f.node()
	id := pairOn(f, home, 99)
	for _, n := range []*node{home, a, b} {
		f.until("it is known who plays", func() bool { at, _ := n.Playing(2); return at == id })
		if info, ok := n.Find(id); !ok || info.Phase != Waiting || info.Players[1].User != 2 {
			t.Errorf("on %s the match is %+v", n.name, info)
		}
		if _, err := n.Practice(entrant(1), rally.BotEasy, 3); rally.ErrorCode(err) != rally.EConflict {
			t.Errorf("user 1 may practise on %s: %v", n.name, err)
		}
	}
	left, _ := a.visit(1, id)
	right, _ := b.visit(2, id)
	watcher, _ := b.visit(3, id)
	f.until("all are welcome", func() bool { // and again, if the answer was long in coming
		return left.welcomed() > 0 && right.welcomed() > 0 && watcher.welcomed() > 0
	})
	for v, side := range map[*visitor]rally.Side{left: rally.Left, right: rally.Right, watcher: rally.NoSide} {
		if welcome, refused, _ := v.answers(); welcome[0].Side != int8(side) || len(refused) > 0 {
			t.Errorf("user %d is on side %d", v.user, welcome[0].Side)
		}
	}
	if err := a.Ready(id, 1); err != nil {
		t.Fatal(err)
	}
	if info, _ := b.Find(id); !info.Players[0].Ready || info.Players[1].Ready {
		t.Error("a ready press must show everywhere when Ready returns")
	}
	if err := b.Ready(id, 3); rally.ErrorCode(err) != rally.EForbidden {
		t.Errorf("who does not play is ready: %v", err)
	}
	if _, err := a.Rematch(id, 1, false); rally.ErrorCode(err) != rally.EConflict {
		t.Errorf("a rematch of what is not over: %v", err)
	}
	if err := b.Ready(id, 2); err != nil {
		t.Fatal(err)
	}
	f.until("all see play", func() bool {
		for _, v := range []*visitor{left, right, watcher} {
			if _, phase, ok := v.latest(); !ok || phase != Playing {
				return false
			}
		}
		return true
	})
	pressed(f, left, pong.Up, right, watcher)
	pressed(f, left, pong.Stay, right, watcher)
	f.until("pongs come back", func() bool { _, _, pongs := left.answers(); return len(pongs) > 1 })
	if _, err := a.Rematch(id, 1, false); err == nil {
		t.Error("a rematch during the match")
	}
	if err := b.Resign(id, 2); err != nil {
		t.Fatal(err)
	}
	if info, ok := a.Find(id); !ok || info.Outcome != rally.Forfeited || info.Winner != rally.Left {
		t.Errorf("the match is %+v", info)
	}
	f.until("both are free", func() bool {
		for _, n := range []*node{home, a, b} {
			for _, user := range []rally.UserID{1, 2} {
				if _, busy := n.Playing(user); busy {
					return false
				}
			}
		}
		return true
	})
	f.until("it is stored", func() bool { return home.results(id) == 1 })

	if next, err := a.Rematch(id, 1, true); next != "" || err != nil {
		t.Fatalf("a rematch that one wants in silence: %q, %v", next, err)
	}
	if info, _ := b.Find(id); !info.Players[0].WantsRematch || !info.Players[0].RematchSilent {
		t.Errorf("the wish is %+v", info.Players[0])
	}
	if next, err := a.Rematch(id, 1, false); next != "" || err != nil {
		t.Fatalf("a rematch that one wants: %q, %v", next, err)
	}
	next, err := b.Rematch(id, 2, false)
	if err != nil || next == "" {
		t.Fatalf("a rematch that both want: %q, %v", next, err)
	}
	if info, ok := a.Find(next); !ok || info.Phase == Over || !home.Runs(next) {
		t.Errorf("the rematch is %+v", info)
	}
	f.until("both were called", func() bool { return f.count(rally.MatchPaired, next) == 1 })
	left.send(joinFrame(next))
	f.until("the other match is joined", func() bool { info, _ := b.Find(next); return info.Players[0].Connected })
	f.until("everybody is a guest", func() bool { return home.Stats().Guests == 3 })
	if one, two := a.Stats().Ties, b.Stats().Ties; one != 1 || two != 2 {
		t.Errorf("%d and %d ties", one, two)
	}
}

// pressed has a visitor press, and waits for everybody to see it.
func pressed(f *fabric, v *visitor, dir pong.Dir, all ...*visitor) {
	f.Helper()
	tick, _, _ := v.latest()
	v.seq++
	// The frame seen last may be old by now. What names a later tick is never late.
	v.send(pong.InputFrame{Seq: v.seq, Dir: dir, Tick: tick + 1_000_000}.Append(nil))
	for _, other := range all {
		f.until("the press is seen", func() bool {
			frames := other.seen()
			return frames[len(frames)-1].Dir[0] == dir
		})
	}
}

// A page that goes away, wherever it is, leaves the seat at once; a second one of
// the same user takes it over.
func TestSeatsAcrossNodes(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	home, a, b := f.node(), f.node(), f.node()
	id := pairOn(f, home, 3)
	connected := func() bool { info, _ := a.Find(id); return info.Players[0].Connected }
	first, _ := a.visit(1, id)
	f.until("the player is there", func() bool { return connected() && first.welcomed() > 0 })
	second, leave := b.visit(1, id)
	f.until("the first is displaced", func() bool {
		_, refused, _ := first.answers()
		return len(refused) > 0 && refused[0].Reason == pong.RefusedTab && second.welcomed() > 0
	})
	before := second.welcomed()
	second.send(joinFrame(id)) // anew, in one step
	f.until("it is welcome again", func() bool { return second.welcomed() > before })
	if _, refused, _ := second.answers(); len(refused) > 0 || !connected() {
		t.Error("joining again has cost the seat")
	}
	leave()
	f.until("the seat is empty", func() bool { return !connected() })
	if n := b.Stats(); n.Ties != 0 || n.Links != 0 {
		t.Errorf("%d ties and %d links are left", n.Ties, n.Links)
	}
	f.until("the guest has gone", func() bool { return home.Stats().Guests == 1 })
	stranger, _ := a.visit(1, "aaaaaaaaaaaa")
	f.until("what is not there is refused", func() bool {
		_, refused, _ := stranger.answers()
		return len(refused) > 0 && refused[0].Reason == pong.RefusedGone
	})
}
