package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"rally/pong"
)

// The court's script runs the ball forward by the same integers as the
// server: what it makes of a frame is, tick by tick, what package pong makes
// of it. Random positions and keys, many of them near paddles and walls.
func TestTheBrowserStepsLikeTheServer(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.signUp()
	p.open("/play")
	script := p.see(`document.querySelector('script[src*="/js/app.js"]').src.replace("app.js", "physics.js")`)
	random := rand.New(rand.NewPCG(1, 2))
	rules := pong.Standard(11)
	encoded, err := rules.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	const games, ticks = 400, 90
	var calls, want []string
	for range games {
		state := pong.New(rules, random.Uint64())
		warm := random.IntN(1200)
		var in pong.Input
		for range warm {
			fumble(random, &in)
			state.Step(&rules, in)
		}
		frame := pong.Frame{Phase: pong.Playing, Tick: 1}
		frame.Show(&state)
		known := frame.State()
		start := frame.Append(nil)
		var inputs []string
		for range ticks {
			fumble(random, &in)
			inputs = append(inputs, fmt.Sprintf("[%d,%d]", in.Left, in.Right))
			known.Predict(&rules, in)
		}
		frame.Show(&known)
		calls = append(calls, fmt.Sprintf("[%q,[%s]]", base64.StdEncoding.EncodeToString(start), strings.Join(inputs, ",")))
		want = append(want, describe(&known))
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](fmt.Sprintf(`import(%q).then(physics => {
		const bytes = s => Uint8Array.from(atob(s), c => c.charCodeAt(0))
		const rules = physics.parseRules(bytes(%q))
		return [%s].map(([start, inputs]) => {
			const s = physics.parseFrame(bytes(start)).state
			for (const [left, right] of inputs) physics.step(rules, s, left, right)
			return [s.live ? 1 : 0, s.x, s.y, s.vx, s.vy, s.hits, s.p[0], s.p[1], s.timer].join(" ")
		})
	})`, script, base64.StdEncoding.EncodeToString(encoded), strings.Join(calls, ",")), chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("game %d: the browser has %s, the server %s\nfrom %s", i, got[i], want[i], calls[i])
		}
	}
}

// fumble now and then presses or releases a key of one of two people.
func fumble(random *rand.Rand, in *pong.Input) {
	if random.IntN(10) == 0 {
		in.Left = pong.Dir(random.IntN(3) - 1)
	}
	if random.IntN(10) == 0 {
		in.Right = pong.Dir(random.IntN(3) - 1)
	}
}

func describe(s *pong.State) string {
	live := 0
	if s.Live {
		live = 1
	}
	return fmt.Sprint(live, s.BallX, s.BallY, s.VX, s.VY, s.Hits, s.Paddle[0], s.Paddle[1], s.Timer)
}
