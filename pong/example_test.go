package pong_test

import (
	"fmt"

	"rally/pong"
)

// A match is rules, a seed and the inputs of every step: playing them again
// gives the same match.
func Example() {
	rules := pong.Standard(1)
	match := pong.New(rules, 2026)
	var inputs []pong.Input
	for !match.Over() {
		in := pong.Input{Left: pong.Stay, Right: pong.Down}
		inputs = append(inputs, in)
		match.Step(&rules, in)
	}

	again := pong.New(rules, 2026)
	for _, in := range inputs {
		again.Step(&rules, in)
	}
	fmt.Println("winner:", match.Winner(), "score:", match.Score)
	fmt.Println("same:", match.Hash() == again.Hash())
	// Output:
	// winner: 0 score: [1 0]
	// same: true
}
