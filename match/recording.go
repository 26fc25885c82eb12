package match

import (
	"encoding/binary"
	"errors"
	"fmt"

	"rally"
	"rally/pong"
)

// A recording is every input of a match: the directions of both paddles in
// every step of play. Pauses have no steps, so they leave no trace.
//
// It is one version byte (1) and then runs. A run is a number of steps, at
// least one, in which neither direction changed, as an unsigned varint
// (encoding/binary) of
//
//	steps*9 + (left+1)*3 + (right+1)
//
// with left and right being -1, 0 or 1. Two runs that follow each other differ
// in their directions, and varints are as short as can be, so there is exactly
// one recording of a match. Runs of up to 13 steps take one byte: two players
// who change direction four times a second each take 8 bytes a second.
const recordingVersion = 1

// maxRun bounds a single run, and so what a decoder adds up.
const maxRun = 1 << 24

// recorder writes a recording, step by step. The zero value is ready.
type recorder struct {
	encoded []byte
	dirs    pong.Input // of the open run
	steps   uint64     // in it so far
}

// add notes one step.
func (r *recorder) add(dirs pong.Input) {
	if dirs != r.dirs && r.steps > 0 {
		r.flush()
	}
	r.dirs = dirs
	r.steps++
}

// finish gives the whole recording. The recorder is done with then.
func (r *recorder) finish() []byte {
	r.flush()
	return r.encoded
}

func (r *recorder) flush() {
	if len(r.encoded) == 0 {
		r.encoded = append(make([]byte, 0, 128), recordingVersion)
	}
	if r.steps > 0 {
		code := uint64(r.dirs.Left+1)*3 + uint64(r.dirs.Right+1)
		r.encoded = binary.AppendUvarint(r.encoded, r.steps*9+code)
	}
	r.steps = 0
}

// Run is a stretch of a recording in which both paddles kept their direction.
type Run struct {
	Steps int
	Input pong.Input
}

// Decode gives the runs of a recording, in order. It accepts only what a
// recorder writes: any other bytes are an error.
func Decode(recording []byte) ([]Run, error) {
	if len(recording) == 0 || recording[0] != recordingVersion {
		return nil, errors.New("match: recording: unknown version")
	}
	var runs []Run
	for at := 1; at < len(recording); {
		v, n := binary.Uvarint(recording[at:])
		if n <= 0 || n > 1 && recording[at+n-1] == 0 {
			return nil, fmt.Errorf("match: recording: no proper varint at byte %d", at)
		}
		at += n
		steps, code := v/9, v%9
		if steps == 0 || steps > maxRun {
			return nil, fmt.Errorf("match: recording: a run of %d steps", steps)
		}
		run := Run{Steps: int(steps), Input: pong.Input{Left: pong.Dir(code/3) - 1, Right: pong.Dir(code%3) - 1}}
		if len(runs) > 0 && runs[len(runs)-1].Input == run.Input {
			return nil, errors.New("match: recording: a run goes on in another")
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// Replay steps a finished match again from its rules, seed and recording, and
// gives the hash of the state it arrives at: that of the match, if nothing was
// tampered with. The error says why the recording cannot be of that match:
// because it cannot be decoded, is not as long as the match, or goes on after
// the match was won.
func Replay(m rally.Match) (hash uint64, err error) {
	rules, err := pong.ParseRules(m.Rules)
	if err != nil {
		return 0, fmt.Errorf("match: replay %s: %w", m.ID, err)
	}
	runs, err := Decode(m.Recording)
	if err != nil {
		return 0, fmt.Errorf("match: replay %s: %w", m.ID, err)
	}
	total := int64(0)
	for _, run := range runs {
		total += int64(run.Steps)
	}
	if total != m.Ticks {
		return 0, fmt.Errorf("match: replay %s: %d steps recorded, %d played", m.ID, total, m.Ticks)
	}
	state := pong.New(rules, m.Seed)
	for _, run := range runs {
		for range run.Steps {
			if state.Over() {
				return 0, fmt.Errorf("match: replay %s: recorded beyond the end", m.ID)
			}
			state.Step(&rules, run.Input)
		}
	}
	return state.Hash(), nil
}

// Verify says why the recording of a finished match does not lead to the state
// the match ended in, nil if it does.
func Verify(m rally.Match) error {
	hash, err := Replay(m)
	if err != nil {
		return err
	}
	if hash != m.Hash {
		return fmt.Errorf("match: replay %s: hash %016x, recorded %016x", m.ID, hash, m.Hash)
	}
	return nil
}
