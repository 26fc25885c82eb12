package pong_test

import (
	"testing"

	"rally/pong"
)

func TestMatchIsPlayedToItsEnd(t *testing.T) {
	t.Parallel()
	r := pong.Standard(3)
	s := pong.New(r, 1)
	for range 60 * 60 * 10 {
		if s.Step(&r, pong.Input{}).Has(pong.EventOver) {
			break
		}
	}
	if !s.Over() || s.Score[s.Winner()] != 3 {
		t.Fatalf("after ten minutes: %+v", s)
	}
	before := s
	if ev := s.Step(&r, pong.Input{Left: pong.Up}); ev != 0 || s != before {
		t.Errorf("a step after the end changed %+v to %+v (%b)", before, s, ev)
	}
}
