package pong_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"rally/pong"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew")

// TestGoldenGames plays ten recorded games again. If this fails, the physics
// have changed: no recording made before can be checked or shown any more, and
// static/js/physics.js must change with it.
func TestGoldenGames(t *testing.T) {
	t.Parallel()
	const path = "testdata/golden.txt"
	var got bytes.Buffer
	fmt.Fprintln(&got, "# seed points wild: steps left right returns ends hash-of-all-states")
	for i := range uint64(10) {
		seed := i*0x9e3779b97f4a7c15 + 1
		points := []int{1, 3, 11, 21}[i%4]
		wild := int32(2300 + 100*i)
		all := uint64(0)
		returns, ends := 0, 0
		end := playGame(pong.Standard(points), seed, wild, func(_ pong.Input, s pong.State, ev pong.Event) {
			all = all*31 + s.Hash()
			if ev.Has(pong.EventPaddle) {
				returns++
			}
			if ev.Has(pong.EventEnd) {
				ends++
			}
		})
		fmt.Fprintf(&got, "%016x %d %d: %d %d %d %d %d %016x\n",
			seed, points, wild, end.Steps, end.Score[pong.Left], end.Score[pong.Right], returns, ends, all)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("games differ from the recorded ones; got\n%swant\n%s", got.Bytes(), want)
	}
}
