package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/bus"
	"rally/match"
	"rally/pong"
)

// matchNode is a node with nothing but matches.
func matchNode(t *testing.T, url, name string) *match.Nodes {
	t.Helper()
	b, err := bus.New(bus.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	if _, err := b.Acquire(t.Context(), nodeLeases+name, name, nodeLife); err != nil {
		t.Fatal(err)
	}
	registry := match.NewRegistry(match.Config{
		Publish: b.Publish, Countdown: 50 * time.Millisecond,
		ReadyTime: time.Minute, Silence: time.Minute, // nobody here is away, only slow
	})
	nodes, err := openMatchNodes(b, name, registry, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	registry.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), nodesPatience)
		defer cancel()
		if err := registry.Stop(ctx); err != nil {
			t.Error(err)
		}
		nodes.Stop(ctx)
	})
	return nodes
}

// seen is a match.Audience that keeps the newest state.
type seen struct {
	mu    sync.Mutex
	frame pong.Frame
	pongs int
	news  chan struct{}
}

func (s *seen) Offer(frame []byte) {
	f, err := pong.ParseFrame(frame)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.frame = f
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *seen) Send(frame []byte) {
	if frame[0] == pong.TypePong {
		s.mu.Lock()
		s.pongs++
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
	}
}

// until waits for a state.
func (s *seen) until(t *testing.T, what string, condition func(pong.Frame) bool) {
	t.Helper()
	late := time.After(nodesPatience)
	for {
		if condition(s.newest()) {
			return
		}
		select {
		case <-s.news:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

func (s *seen) newest() pong.Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frame
}

// Two nodes over a NATS of their own. A match is played from the node where it
// runs and from the other one; how long things take is logged.
func TestMatchOverNATS(t *testing.T) {
	t.Parallel()
	url := natsServer(t, t.TempDir()).ClientURL()
	home, away := matchNode(t, url, "home"), matchNode(t, url, "away")
	var creating, finding []time.Duration
	for user := range rally.UserID(50) {
		begun := time.Now()
		id, err := home.Practice(match.Entrant{User: 100 + user}, rally.BotEasy, 3)
		if err != nil {
			t.Fatal(err)
		}
		creating = append(creating, time.Since(begun))
		begun = time.Now()
		if _, ok := away.Find(id); !ok {
			t.Fatal("what has been made cannot be found")
		}
		finding = append(finding, time.Since(begun))
		if err := away.Resign(id, 100+user); err != nil {
			t.Fatal(err)
		}
	}
	id, err := home.Create(rally.Casual, 99, [2]match.Entrant{{User: 1}, {User: 2}})
	if err != nil {
		t.Fatal(err)
	}
	players := [2]*seen{{news: make(chan struct{}, 1)}, {news: make(chan struct{}, 1)}}
	links := [2]*match.Link{home.Open(1, players[0]), away.Open(2, players[1])}
	for _, l := range links {
		defer l.Close()
		send(t, l, pong.JoinFrame{Match: [pong.MatchIDLen]byte([]byte(id))}.Append(nil))
	}
	if err := home.Ready(id, 1); err != nil {
		t.Fatal(err)
	}
	if err := away.Ready(id, 2); err != nil {
		t.Fatal(err)
	}
	for _, p := range players {
		p.until(t, "it plays", func(f pong.Frame) bool { return f.Phase == pong.Playing })
	}
	var pinging []time.Duration
	for i := range 100 {
		send(t, links[0], pong.PingFrame{RTT: 1}.Append(nil))
		begun := time.Now()
		send(t, links[1], pong.PingFrame{RTT: 1}.Append(nil))
		players[1].until(t, "a pong is back", func(pong.Frame) bool {
			players[1].mu.Lock()
			defer players[1].mu.Unlock()
			return players[1].pongs > i
		})
		pinging = append(pinging, time.Since(begun))
	}
	// From a press of the one away to the other's screen, and the other way.
	for side, name := range map[int]string{1: "press away, seen at home", 0: "press at home, seen away"} {
		var took []time.Duration
		seq := uint16(0)
		for i := range 200 {
			dir := []pong.Dir{pong.Up, pong.Stay, pong.Down, pong.Stay}[i%4]
			var begun time.Time
			press := func() {
				send(t, links[1-side], pong.PingFrame{RTT: 1}.Append(nil))
				begun = time.Now()
				seq++
				send(t, links[side], pong.InputFrame{Seq: seq, Dir: dir, Tick: players[side].newest().Tick + 8}.Append(nil))
			}
			press()
			players[1-side].until(t, "the press is seen", func(f pong.Frame) bool {
				if f.Dir[side] == dir {
					return true
				}
				if time.Since(begun) > time.Second { // it came late, and does not count
					press()
				}
				return false
			})
			took = append(took, time.Since(begun))
		}
		logTimes(t, name, took)
	}
	logTimes(t, "ping from away", pinging)
	logTimes(t, "making a match that all can find", creating)
	logTimes(t, "finding one of the other node's", finding)
	if err := away.Resign(id, 2); err != nil {
		t.Fatal(err)
	}
	for _, p := range players {
		p.until(t, "it is over", func(f pong.Frame) bool { return f.Phase == pong.Over })
	}
}

func send(t *testing.T, l *match.Link, frame []byte) {
	t.Helper()
	if err := l.Receive(frame); err != nil {
		t.Fatal(err)
	}
}

func logTimes(t *testing.T, what string, took []time.Duration) {
	t.Helper()
	slices.Sort(took)
	t.Logf("%-34s p50 %8v  p99 %8v", what, took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Microsecond))
}
