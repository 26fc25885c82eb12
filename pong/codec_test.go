package pong_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rally/pong"
)

// The bytes below are the examples of docs/protocol.md.
func TestFramesHaveTheDocumentedBytes(t *testing.T) {
	t.Parallel()
	state := pong.Frame{
		Phase: pong.Playing, Absent: [2]bool{false, true}, Live: true, Tick: 1000,
		BallX: 25600, BallY: 14400, VX: -515, VY: 68, Paddle: [2]uint16{14400, 13980},
		Dir: [2]pong.Dir{pong.Up, pong.Down}, Score: [2]uint8{3, 10}, Hits: 1,
		Ack: [2]uint16{7, 65535}, Timer: 0,
	}
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"join":    {pong.JoinFrame{Match: [12]byte([]byte("abcdefgh2345"))}.Append(nil), "01 616263646566676832333435"},
		"input":   {pong.InputFrame{Seq: 8, Dir: pong.Up, Tick: 1003}.Append(nil), "02 0008 ff 000003eb"},
		"ping":    {pong.PingFrame{Time: 123456, RTT: pong.UnknownRTT}.Append(nil), "03 0001e240 ffff"},
		"state":   {state.Append(nil), "81 62 000003e8 6400 3840 fdfd 0044 3840 369c 20 03 0a 01 0007 ffff 0000 00"},
		"pong":    {pong.PongFrame{Time: 123456, Tick: 1001, Fraction: 128, RTT: [2]uint16{24, 0xffff}}.Append(nil), "82 0001e240 000003e9 80 0018 ffff"},
		"welcome": {pong.WelcomeFrame{Side: pong.NoSide, Rules: pong.Standard(11)}.Append(nil), "83 ff 01 0b 003c 0190 0208 0028 0514 01a4 0960 0100 0640 0140"},
		"refused": {pong.RefusedFrame{Reason: pong.RefusedTab}.Append(nil), "84 02"},
	} {
		want, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(c.want), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.got, want) {
			t.Errorf("%s is % x, want % x", name, c.got, want)
		}
	}
}

func TestFramesSurviveTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u8 := func(name string) uint8 { return rapid.Uint8().Draw(t, name) }
		u16 := func(name string) uint16 { return rapid.Uint16().Draw(t, name) }
		u32 := func(name string) uint32 { return rapid.Uint32().Draw(t, name) }
		speed := func(name string) int16 { return rapid.Int16Range(-4096, 4096).Draw(t, name) }
		court := func(name string, most uint16) uint16 { return rapid.Uint16Range(0, most).Draw(t, name) }
		f := pong.Frame{
			Phase:  pong.Phase(rapid.Uint8Range(0, 4).Draw(t, "phase")),
			Absent: [2]bool{rapid.Bool().Draw(t, "absent left"), rapid.Bool().Draw(t, "absent right")},
			Live:   rapid.Bool().Draw(t, "live"),
			Tick:   u32("tick"),
			BallX:  court("x", pong.CourtWidth), BallY: court("y", pong.CourtHeight),
			VX: speed("vx"), VY: speed("vy"),
			Paddle: [2]uint16{court("left", pong.CourtHeight), court("right", pong.CourtHeight)},
			Dir:    [2]pong.Dir{drawDir(t, "left goes"), drawDir(t, "right goes")},
			Score:  [2]uint8{u8("score"), u8("score")}, Hits: u8("hits"),
			Ack: [2]uint16{u16("ack"), u16("ack")}, Timer: u16("timer"),
		}
		f.Live = f.Live && f.VX != 0
		same(t, f, f.Append(nil), pong.FrameLen, pong.ParseFrame)
		input := pong.InputFrame{Seq: u16("seq"), Dir: drawDir(t, "dir"), Tick: u32("tick")}
		same(t, input, input.Append(nil), pong.InputLen, pong.ParseInput)
		ping := pong.PingFrame{Time: u32("time"), RTT: u16("rtt")}
		same(t, ping, ping.Append(nil), pong.PingLen, pong.ParsePing)
		answer := pong.PongFrame{Time: u32("time"), Tick: u32("tick"), Fraction: u8("fraction"), RTT: [2]uint16{u16("left"), u16("right")}}
		same(t, answer, answer.Append(nil), pong.PongLen, pong.ParsePong)
		welcome := pong.WelcomeFrame{Side: rapid.Int8Range(-1, 1).Draw(t, "side"), Rules: drawRules(t)}
		same(t, welcome, welcome.Append(nil), pong.WelcomeLen, pong.ParseWelcome)
	})
}

// same checks that parsing encoded gives want, and that no prefix and no
// longer input does.
func same[F any](t *rapid.T, want F, encoded []byte, length int, parse func([]byte) (F, error)) {
	if len(encoded) != length {
		t.Fatalf("%T has %d bytes, not %d", want, len(encoded), length)
	}
	got, err := parse(encoded)
	if err != nil {
		t.Fatalf("%T: %v", want, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%T (-sent +received):\n%s", want, diff)
	}
	for n := range encoded {
		if _, err := parse(encoded[:n]); err == nil {
			t.Fatalf("%T parsed from %d of %d bytes", want, n, length)
		}
	}
	if _, err := parse(append(encoded, 0)); err == nil {
		t.Fatalf("%T parsed with a byte too many", want)
	}
}

func TestRulesAreChecked(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*pong.Rules){
		"no points":             func(r *pong.Rules) { r.Points = 0 },
		"too many points":       func(r *pong.Rules) { r.Points = 100 },
		"no serve delay":        func(r *pong.Rules) { r.ServeDelay = 0 },
		"faster than a paddle":  func(r *pong.Rules) { r.SpeedCap = 4097 },
		"cap below first speed": func(r *pong.Rules) { r.SpeedCap = r.FirstSpeed - 1 },
		"serve above first":     func(r *pong.Rules) { r.ServeSpeed = r.FirstSpeed + 1 },
		"slower by each return": func(r *pong.Rules) { r.SpeedStep = -1 },
		"paddle behind goal":    func(r *pong.Rules) { r.PaddleX = 500 },
		"paddle in the middle":  func(r *pong.Rules) { r.PaddleX = pong.CourtWidth / 2 },
		"paddle like a wall":    func(r *pong.Rules) { r.PaddleHalf = pong.CourtHeight / 2 },
		"no ball":               func(r *pong.Rules) { r.BallHalf = 0 },
	} {
		r := pong.Standard(11)
		spoil(&r)
		if r.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
		if b, _ := r.AppendBinary(nil); len(b) == pong.RulesLen {
			if _, err := pong.ParseRules(b); err == nil {
				t.Errorf("%s: parsed", name)
			}
		}
	}
	for _, points := range []int{-1, 1, 11, 99, 500} {
		r := pong.Standard(points)
		if err := r.Check(); err != nil {
			t.Errorf("standard rules to %d points: %v", points, err)
		}
	}
}

// FuzzFrames feeds anything to every decoder: none may panic, and what one
// accepts must encode to the very bytes it came from.
func FuzzFrames(f *testing.F) {
	state := pong.Frame{Phase: pong.Paused, Tick: 9, BallX: 1, Absent: [2]bool{true, false}}
	for _, seed := range [][]byte{
		nil,
		state.Append(nil),
		pong.JoinFrame{Match: [12]byte([]byte("abcdefgh2345"))}.Append(nil),
		pong.InputFrame{Seq: 1, Dir: pong.Down, Tick: 2}.Append(nil),
		pong.PingFrame{Time: 1, RTT: 2}.Append(nil),
		pong.PongFrame{Time: 1, Tick: 2}.Append(nil),
		pong.WelcomeFrame{Side: 1, Rules: pong.Standard(11)}.Append(nil),
		pong.RefusedFrame{Reason: pong.RefusedGone}.Append(nil),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again := func(name string, err error, encode func([]byte) []byte) {
			if err != nil {
				return
			}
			if got := encode(nil); !bytes.Equal(got, b) {
				t.Errorf("%s: % x came back as % x", name, b, got)
			}
		}
		frame, err := pong.ParseFrame(b)
		again("state", err, frame.Append)
		join, err := pong.ParseJoin(b)
		again("join", err, join.Append)
		input, err := pong.ParseInput(b)
		again("input", err, input.Append)
		ping, err := pong.ParsePing(b)
		again("ping", err, ping.Append)
		answer, err := pong.ParsePong(b)
		again("pong", err, answer.Append)
		welcome, err := pong.ParseWelcome(b)
		again("welcome", err, welcome.Append)
		refused, err := pong.ParseRefused(b)
		again("refused", err, refused.Append)
	})
}

// FuzzPredict runs a client forward from any frame under any rules: whatever a
// server sent, the client must neither panic nor lose the ball.
func FuzzPredict(f *testing.F) {
	state := pong.Frame{Phase: pong.Playing, Live: true, BallX: 3000, BallY: 14400, VX: -400, VY: 30, Paddle: [2]uint16{14400, 14400}, Dir: [2]pong.Dir{0, 0}}
	rules, _ := pong.Standard(11).AppendBinary(nil)
	f.Add(rules, state.Append(nil), []byte{0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, rules, frame, inputs []byte) {
		r, err := pong.ParseRules(rules)
		if err != nil {
			return
		}
		fr, err := pong.ParseFrame(frame)
		if err != nil {
			return
		}
		s := fr.State()
		for _, b := range inputs {
			s.Predict(&r, pong.Input{Left: pong.Dir(b&3) - 1, Right: pong.Dir(b>>2&3) - 1})
		}
		if fr.Live && (s.BallX < 0 || s.BallX > pong.CourtWidth) {
			t.Errorf("the ball is at %d", s.BallX)
		}
	})
}
