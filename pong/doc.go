// Package pong is the game itself: rules, state, one step of 1/60 second, and
// the frames in which it travels. Integers only and no clock, so the same
// rules, seed and inputs give the same bytes on every machine; the browser
// runs the same step (static/js/physics.js).
//
// Units: a tick is 1/60 second. Lengths are sub-units: the court is 51,200 by
// 28,800 of them (16:9; 32 to a pixel of a 1600 by 900 drawing). x grows to
// the right, y downwards. Speeds are sub-units per tick. Sides are 0 for left
// and 1 for right.
//
// Nothing here is safe for concurrent use of one value; values are plain and
// may be copied freely.
package pong

// The court and its clock.
const (
	TicksPerSecond = 60
	CourtWidth     = 51200
	CourtHeight    = 28800
)

// LetAfter is how many returns a rally may have. Two paddles left alone can
// send the ball back and forth between the same places for ever; then it is
// served once more, to the same side as before, and the dice decide anew.
const LetAfter = 200

// The sides, as indexes into State.Paddle and State.Score.
const (
	Left  = 0
	Right = 1
)

// Dir is where a paddle is told to go: -1 up, 0 nowhere, 1 down.
type Dir int8

// The directions.
const (
	Up   Dir = -1
	Stay Dir = 0
	Down Dir = 1
)

// Valid says whether d is one of the three directions.
func (d Dir) Valid() bool { return d >= Up && d <= Down }

// Input is the directions in force during one step.
type Input struct{ Left, Right Dir }

// Event is what happened in a step, a set of bits.
type Event uint16

// The events.
const (
	EventServe       Event = 1 << iota // the ball was put into play; it moves from the next step on
	EventWall                          // it bounced off the top or the bottom
	EventPaddleLeft                    // the left paddle's face returned it
	EventPaddleRight                   // the right paddle's face returned it
	EventEnd                           // a paddle's end pushed it, on its way out
	EventPointLeft                     // the left side scored
	EventPointRight                    // the right side scored
	EventOver                          // … and that won the match
	EventLet                           // a rally of LetAfter returns: the ball is served again

	EventPaddle = EventPaddleLeft | EventPaddleRight
	EventPoint  = EventPointLeft | EventPointRight
	// EventTurn is every event that a client cannot work out from its last
	// frame: it depends on inputs or on the serve's dice.
	EventTurn = EventServe | EventPaddle | EventEnd | EventPoint | EventOver | EventLet
)

// Has says whether any of the bits of x happened.
func (e Event) Has(x Event) bool { return e&x != 0 }
