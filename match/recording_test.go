package match

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rally"
	"rally/pong"
)

// record encodes inputs, one per step.
func record(inputs []pong.Input) []byte {
	var r recorder
	for _, in := range inputs {
		r.add(in)
	}
	return r.finish()
}

// steps is the inverse of record.
func steps(runs []Run) (inputs []pong.Input) {
	for _, run := range runs {
		for range run.Steps {
			inputs = append(inputs, run.Input)
		}
	}
	return inputs
}

func TestRecordingRoundTrip(t *testing.T) {
	t.Parallel()
	dir := rapid.Map(rapid.IntRange(-1, 1), func(d int) pong.Dir { return pong.Dir(d) })
	rapid.Check(t, func(t *rapid.T) {
		var inputs []pong.Input
		for range rapid.IntRange(0, 20).Draw(t, "runs") {
			in := pong.Input{Left: dir.Draw(t, "left"), Right: dir.Draw(t, "right")}
			for range rapid.IntRange(1, 300).Draw(t, "steps") {
				inputs = append(inputs, in)
			}
		}
		encoded := record(inputs)
		runs, err := Decode(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(steps(runs), inputs) {
			t.Fatal("what was decoded is not what was recorded")
		}
	})
}

func TestRecordingIsSmall(t *testing.T) {
	t.Parallel()
	// Five minutes in which each player changes direction every quarter of a
	// second, not at the same time.
	var inputs []pong.Input
	for i := range 5 * 60 * 60 {
		inputs = append(inputs, pong.Input{Left: pong.Dir(i/15%3 - 1), Right: pong.Dir((i+7)/15%3 - 1)})
	}
	if n := len(record(inputs)); n > 5*60*8+2 {
		t.Errorf("%d bytes", n)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, recording := range map[string][]byte{
		"nothing":          {},
		"another version":  {2, 13},
		"a run of nothing": {1, 4},
		"a split run":      {1, 9 + 4, 18 + 4},
		"a cut varint":     {1, 0x80},
		"a long varint":    {1, 0x8d, 0},
		"an endless run":   {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"a giant varint":   {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
	} {
		if runs, err := Decode(recording); err == nil {
			t.Errorf("%s: decoded to %v", name, runs)
		}
	}
	if runs, err := Decode([]byte{1}); err != nil || len(runs) != 0 {
		t.Errorf("a match that never began: %v, %v", runs, err)
	}
}

// played gives a finished match of the given inputs.
func played(points int, seed uint64, inputs []pong.Input) rally.Match {
	rules := pong.Standard(points)
	state := pong.New(rules, seed)
	for _, in := range inputs {
		state.Step(&rules, in)
	}
	encoded, _ := rules.AppendBinary(nil)
	return rally.Match{
		ID: rally.NewMatchID(), Rules: encoded, Seed: seed, Ticks: int64(len(inputs)),
		Hash: state.Hash(), Recording: record(inputs),
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	inputs := make([]pong.Input, 600)
	for i := range inputs {
		inputs[i].Left = pong.Dir(i/20%3 - 1)
	}
	good := played(11, 42, inputs)
	if err := Verify(good); err != nil {
		t.Fatal(err)
	}
	if hash, err := Replay(good); err != nil || hash != good.Hash {
		t.Errorf("replayed to %x, %v", hash, err)
	}
	for name, tamper := range map[string]func(*rally.Match){
		"another seed":      func(m *rally.Match) { m.Seed++ },
		"another hash":      func(m *rally.Match) { m.Hash++ },
		"another length":    func(m *rally.Match) { m.Ticks++ },
		"other rules":       func(m *rally.Match) { m.Rules = played(11, 1, nil).Rules; m.Rules[5]++ },
		"no rules":          func(m *rally.Match) { m.Rules = nil },
		"no recording":      func(m *rally.Match) { m.Recording = nil },
		"another input":     func(m *rally.Match) { m.Recording = bytes.Replace(m.Recording, []byte{1}, []byte{1, 9}, 1); m.Ticks++ },
		"a step moved":      func(m *rally.Match) { i := slices.Clone(inputs); i[19].Left = 0; m.Recording = record(i) },
		"beyond the end":    func(m *rally.Match) { *m = beyondTheEnd() },
		"cut off recording": func(m *rally.Match) { m.Recording = m.Recording[:len(m.Recording)-1] },
	} {
		m := good
		tamper(&m)
		if Verify(m) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// beyondTheEnd gives a match whose recording goes on after it was won.
func beyondTheEnd() rally.Match { return played(1, 1, make([]pong.Input, 100_000)) }

func FuzzDecode(f *testing.F) {
	f.Add([]byte{1})
	f.Add([]byte{1, 13, 24, 0x8d, 1})
	f.Add(record([]pong.Input{{Left: 1}, {Left: 1}, {Right: -1}}))
	f.Fuzz(func(t *testing.T, recording []byte) {
		runs, err := Decode(recording)
		if err != nil {
			return
		}
		total := 0
		for _, run := range runs {
			total += run.Steps
		}
		if total > 1<<20 {
			return // right, and too long to write out
		}
		if again := record(steps(runs)); !bytes.Equal(again, recording) {
			t.Fatalf("%x was decoded, and encoded to %x", recording, again)
		}
	})
}
