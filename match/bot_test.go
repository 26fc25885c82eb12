package match

import (
	"testing"

	"rally"
	"rally/pong"
)

// duel has two bots play a match to the end, and gives the winner and what was
// kept. The match is stepped by hand: time would only be waited for.
func duel(t *testing.T, w *world, points int, levels [2]rally.BotLevel, watch func(m *match)) rally.Match {
	t.Helper()
	l := newLoop(w.clock)
	rules := pong.Standard(points)
	m := newMatch(w.Registry, l, rally.NewMatchID(), rally.Practice, &rules, [2]Entrant{{Bot: levels[0]}, {Bot: levels[1]}}, true)
	l.load.Add(1)
	l.add(m)
	for m.phase != Over {
		m.step()
		if watch != nil {
			watch(m)
		}
	}
	close(l.done)
	l.box.close()
	w.eventually("the result is stored", func() bool { return len(w.results(m.id)) == 1 })
	result := w.results(m.id)[0]
	if err := Verify(result); err != nil {
		t.Error(err)
	}
	return result
}

func TestBotsPlayToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, level := range []rally.BotLevel{rally.BotEasy, rally.BotMedium, rally.BotHard} {
		result := duel(t, w, 11, [2]rally.BotLevel{level, level}, nil)
		if result.Outcome != rally.Won || result.Winner == rally.NoSide {
			t.Errorf("level %d against itself ended as %q after %v", level, result.Outcome, toDuration(int32(result.Ticks)))
		}
		points := result.Players[0].Score + result.Players[1].Score
		t.Logf("level %d against itself: %d:%d, %v a rally", level,
			result.Players[0].Score, result.Players[1].Score, toDuration(int32(int(result.Ticks)/points)))
	}
}

func TestStrongerBotUsuallyWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const matches = 16
	for _, pairing := range [][2]rally.BotLevel{
		{rally.BotMedium, rally.BotEasy}, {rally.BotHard, rally.BotMedium}, {rally.BotHard, rally.BotEasy},
	} {
		won := 0
		for i := range matches {
			levels, stronger := pairing, rally.Left
			if i%2 == 1 { // the ends of the court are equal
				levels, stronger = [2]rally.BotLevel{pairing[1], pairing[0]}, rally.Right
			}
			if duel(t, w, 7, levels, nil).Winner == stronger {
				won++
			}
		}
		t.Logf("level %d won %d of %d against level %d", pairing[0], won, matches, pairing[1])
		if won < matches*3/4 {
			t.Errorf("level %d won only %d of %d against level %d", pairing[0], won, matches, pairing[1])
		}
	}
}

// A bot's hand is no faster than a person's, and its paddle no faster than
// anybody's.
func TestBotIsHuman(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, level := range []rally.BotLevel{rally.BotEasy, rally.BotMedium, rally.BotHard} {
		var dirs [2]pong.Dir
		var since [2]uint32
		changes, ticks := 0, 0
		duel(t, w, 5, [2]rally.BotLevel{level, level}, func(m *match) {
			ticks++
			for side, dir := range []pong.Dir{m.dirs.Left, m.dirs.Right} {
				if dir == dirs[side] {
					continue
				}
				changes++
				if dir != pong.Stay && dirs[side] != pong.Stay {
					t.Errorf("level %d reversed without letting go", level)
				}
				if pressed := m.tick - since[side]; pressed < tapAtLeast && m.phase == Playing {
					t.Errorf("level %d changed its mind after %d ticks", level, pressed)
				}
				dirs[side], since[side] = dir, m.tick
			}
		})
		if perSecond := float64(changes) / 2 / (float64(ticks) / 60); perSecond > 6 {
			t.Errorf("level %d changes direction %.1f times a second", level, perSecond)
		}
	}
}

// Until its reaction time has passed, a bot does what it would have done
// anyway: two courts that differ only since then look the same to it.
func TestBotIsNotToldTheFuture(t *testing.T) {
	t.Parallel()
	for _, level := range []rally.BotLevel{rally.BotEasy, rally.BotMedium, rally.BotHard} {
		rules := pong.Standard(11)
		twins := [2]*bot{}
		for i := range twins {
			twins[i] = &bot{skill: skillOf(level), side: rally.Right, rules: &rules, door: &door{side: rally.Right}}
			twins[i].luck.Seed(1, 2)
		}
		frame := pong.Frame{Phase: pong.Playing, Live: true, BallX: 20000, BallY: 2000, VX: 520, Paddle: [2]uint16{14400, 14400}}
		other := frame
		other.BallY, other.VY = 27000, 200
		var drops drops
		differed := false
		for tick := range uint32(60) {
			if tick == 20 { // a ball from the other side: a different one for each
				frame.Tick, other.Tick = tick, tick
				twins[0].Offer(frame.Append(nil))
				twins[1].Offer(other.Append(nil))
			}
			twins[0].move(tick, &drops)
			twins[1].move(tick, &drops)
			if twins[0].dir != twins[1].dir {
				differed = true
				if tick < 20+skillOf(level).reaction {
					t.Errorf("level %d knew at tick %d", level, tick)
				}
			}
		}
		if !differed {
			t.Errorf("level %d does not care where the ball is", level)
		}
	}
}

func TestPersonAgainstBot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, err := w.Practice(entrant(1), rally.BotHard, 3)
	w.must(err)
	w.run(10)
	w.phase(id, Waiting)
	if p := w.info(id).Players; !p[1].Connected || !p[1].Ready || p[0].Connected || p[1].RTT >= 0 {
		t.Errorf("shown: %+v", p)
	}
	person := w.join(1, id)
	w.run(1)
	w.phase(id, Countdown)
	w.run(400)
	person.close()
	w.run(10)
	w.phase(id, Paused) // the bot waits as anybody would
	w.join(1, id)
	w.runUntil("the bot has won", 20_000, func() bool { return w.info(id).Phase == Over })
	result := w.ended(id, rally.Won, rally.Right)
	if result.Kind != rally.Practice || result.Players[1].Bot != rally.BotHard || result.Players[1].User != 0 {
		t.Errorf("stored as %+v", result)
	}
	if n := len(w.people[1].seen()); n == 0 {
		t.Error("no frames")
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for y, want := range map[int32]int32{5: 5, 0: 0, 10: 10, -3: 3, 13: 7, 20: 0, 25: 5, -25: 5, 1_000_003: 3} {
		if got := fold(y, 0, 10); got != want {
			t.Errorf("fold(%d) is %d, want %d", y, got, want)
		}
	}
}
