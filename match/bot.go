package match

import (
	"math/rand/v2"

	"rally"
	"rally/pong"
)

// skill is what a bot can do, in ticks and sub-units.
type skill struct {
	// reaction is the time from what happens on court to when the bot has
	// seen it. People take 200 to 300 ms.
	reaction uint32
	// rest is the shortest time from a stop to the next move. From a move to
	// its stop it is tapAtLeast.
	rest uint32
	// blur is the standard error of where the bot thinks that a ball from the
	// other end will arrive; it shrinks to half as the ball comes nearer.
	blur int32
	// spread is how far off the paddle's middle the bot means to take the
	// ball, at most, to send it somewhere else.
	spread int32
	// returns says that the bot goes back to the middle after its shot.
	returns bool
}

const tapAtLeast = 4 // ticks a key is down at least

// skillOf gives the skill of a level.
func skillOf(level rally.BotLevel) skill {
	switch level {
	case rally.BotEasy:
		return skill{reaction: 18, rest: 16, blur: 3200, spread: 600}
	case rally.BotMedium:
		return skill{reaction: 14, rest: 11, blur: 2000, spread: 1200, returns: true}
	default:
		return skill{reaction: 10, rest: 7, blur: 1300, spread: 1500, returns: true}
	}
}

// glimpse is what a bot keeps of a state frame.
type glimpse struct {
	tick   uint32
	x, y   int32 // of the ball
	vx, vy int32
	moving bool // the ball is in play, and so is the match
}

// maxGlimpses is how many frames a bot can have on its mind without having
// understood them yet: more than come within any reaction time.
const maxGlimpses = 32

// bot plays for the house. It gets the frames that a browser gets, sees them
// as late as a person would, works out where the ball will come by, not quite
// right, and presses and releases keys no faster than a hand. It knows nothing
// else: not the state, not the dice, not the other's keys.
//
// It runs in the loop of its match, without a goroutine: Offer takes a frame
// in, move is called once a tick.
type bot struct {
	skill
	side  rally.Side
	rules *pong.Rules
	door  *door
	luck  rand.PCG // its own; has nothing to do with the serves

	frames [maxGlimpses]glimpse // not understood yet, oldest first from first
	first  int
	count  int
	view   glimpse // the newest it has understood

	// Its own paddle it knows at once, as a person sees the own paddle move
	// under the hand.
	paddle   int32
	paddleAt uint32 // tick of paddle

	dir     pong.Dir
	dirAt   uint32 // tick of the last press or release
	seq     uint16
	aim     int32   // where the paddle's middle should go
	mistake float64 // of the estimate for this flight, in standard errors
	offset  int32   // off the middle, where it means to take this ball
}

// seatBot puts a bot of the given level on one side.
func (m *match) seatBot(side rally.Side, level rally.BotLevel) {
	d := &door{side: side, index: len(m.doors)}
	d.role.Store(rolePlaying)
	b := &bot{
		skill: skillOf(level), side: side, rules: m.rules, door: d,
		paddle: m.state.Paddle[side], aim: pong.CourtHeight / 2,
	}
	b.luck.Seed(m.registry.seed(), uint64(side))
	d.audience = b
	m.doors = append(m.doors, d)
	seat := &m.seats[side]
	seat.bot, seat.door, seat.absent, seat.ready = b, d, false, true
}

// Offer takes in a state frame; the bot understands it a reaction time later.
func (b *bot) Offer(frame []byte) {
	f, err := pong.ParseFrame(frame)
	if err != nil {
		return
	}
	b.paddle, b.paddleAt = int32(f.Paddle[b.side]), f.Tick
	if b.count == maxGlimpses { // it cannot follow any more
		b.first, b.count = (b.first+1)%maxGlimpses, b.count-1
	}
	b.frames[(b.first+b.count)%maxGlimpses] = glimpse{
		tick: f.Tick, moving: f.Live && f.Phase == pong.Playing,
		x: int32(f.BallX), y: int32(f.BallY), vx: int32(f.VX), vy: int32(f.VY),
	}
	b.count++
}

// Send is part of Audience. A bot has no use for welcomes.
func (b *bot) Send([]byte) {}

// move looks at what can be seen by now and presses or releases a key.
func (b *bot) move(tick uint32, drops *drops) {
	for b.count > 0 && tick-b.frames[b.first].tick >= b.reaction {
		b.understand(b.frames[b.first])
		b.first, b.count = (b.first+1)%maxGlimpses, b.count-1
	}
	want := b.direction(tick)
	if want == b.dir {
		return
	}
	atLeast := b.rest
	if b.dir != pong.Stay {
		atLeast, want = tapAtLeast, pong.Stay
	}
	if tick-b.dirAt < atLeast {
		return
	}
	b.dir, b.dirAt = want, tick
	b.seq++
	b.door.hear()
	b.door.press(pong.InputFrame{Seq: b.seq, Dir: want, Tick: tick}, drops)
}

// understand makes a frame the bot's view of the court, and decides where to
// go.
func (b *bot) understand(g glimpse) {
	turned := g.moving && (!b.view.moving || g.vx != b.view.vx || g.vy != b.view.vy && g.vy != -b.view.vy)
	b.view = g
	if turned {
		b.mistake = b.normal()
		b.offset = int32((2*b.uniform() - 1) * float64(b.spread))
	}
	switch {
	case g.moving && (g.vx < 0) == (b.side == rally.Left) && g.vx != 0:
		b.aim = b.arrival(g) + b.offset
	case b.returns || !g.moving:
		b.aim = pong.CourtHeight / 2
	}
}

// arrival estimates the height at which the ball comes by the bot's paddle.
func (b *bot) arrival(g glimpse) int32 {
	way := g.x - b.rules.PaddleX
	if b.side == rally.Right {
		way = pong.CourtWidth - b.rules.PaddleX - g.x
	}
	way = max(way, 0)
	y := fold(g.y+way*g.vy/max(g.vx, -g.vx), b.rules.BallHalf, pong.CourtHeight-b.rules.BallHalf)
	// Half of the mistake is misjudging the distance, and goes away with it.
	return y + int32(b.mistake*float64(b.blur)*(1+float64(way)/pong.CourtWidth)/2)
}

// fold reflects y at lo and hi until it lies between.
func fold(y, lo, hi int32) int32 {
	period := 2 * (hi - lo)
	y = ((y-lo)%period + period) % period
	if y > hi-lo {
		y = period - y
	}
	return lo + y
}

// direction gives where the paddle should be going now.
func (b *bot) direction(tick uint32) pong.Dir {
	lo, hi := b.rules.PaddleRange()
	own := min(max(b.paddle+int32(b.dir)*b.rules.PaddleSpeed*int32(tick-b.paddleAt), lo), hi)
	// To stand still within a tap of the aim is as good as it gets.
	slack := b.rules.PaddleSpeed * tapAtLeast / 2
	if b.dir != pong.Stay {
		slack = b.rules.PaddleSpeed / 2
	}
	switch off := min(max(b.aim, lo), hi) - own; {
	case off > slack:
		return pong.Down
	case off < -slack:
		return pong.Up
	default:
		return pong.Stay
	}
}

// uniform gives a number within 0 and 1.
func (b *bot) uniform() float64 { return float64(b.luck.Uint64()>>11) / (1 << 53) }

// normal gives a number around 0 with standard deviation 1, and never beyond
// 3.5: the sum of four uniform ones.
func (b *bot) normal() float64 {
	return (b.uniform() + b.uniform() + b.uniform() + b.uniform() - 2) * 1.7320508
}
