package match

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rally"
)

// node is one node of a test, on the real clock: a match begins quickly, and
// waits for its players as long as a slow machine may take.
type node struct {
	*Nodes
	fabric *fabric
	name   string
	mu     sync.Mutex
	kept   []rally.Match
	kill   func() // it is gone without a word
}

// node adds a node; change may alter the configuration of its registry first.
func (f *fabric) node(change ...func(*Config)) *node {
	f.Helper()
	n := &node{fabric: f}
	f.locked(func() { f.nodes++; n.name = fmt.Sprintf("node%d", f.nodes) })
	c := Config{
		Loops: 1, Publish: f.publish, Countdown: 20 * time.Millisecond,
		ReadyTime: time.Hour, PauseTime: time.Hour, Silence: time.Hour,
		Keep: func(_ context.Context, m rally.Match) error {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.kept = append(n.kept, m)
			return nil
		},
	}
	for _, f := range change {
		f(&c)
	}
	registry := NewRegistry(c)
	var err error
	n.Nodes, err = NewNodes(NodesConfig{
		Registry: registry, Name: n.name, Wire: f, Matches: f.matches, Roll: f.call, Publish: f.publish,
	})
	if err != nil {
		f.Fatal(err)
	}
	registry.Start()
	f.announce(n.name, true)
	stopped := sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := registry.Stop(ctx); err != nil {
			f.Error(err)
		}
		n.Stop(ctx)
	})
	f.Cleanup(stopped)
	n.kill = func() {
		n.ended.Do(func() {
			n.cards.writer.stop()
			n.end()
		})
		f.announce(n.name, false)
	}
	return n
}

// results gives how many results the node has stored of a match.
func (n *node) results(id rally.MatchID) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.kept {
		if m.ID == id {
			count++
		}
	}
	return count
}

// visitor is somebody's browser at a node.
type visitor struct {
	person
	node *node
}

// join opens a socket at the node, joins a match and keeps pinging until the
// visitor leaves or the test ends.
func (n *node) visit(user rally.UserID, id rally.MatchID) (v *visitor, leave func()) {
	n.fabric.Helper()
	v = &visitor{node: n}
	v.w, v.user, v.id = &world{T: n.fabric.T}, user, id
	v.link = n.Open(user, v)
	v.send(joinFrame(id))
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				_ = v.link.Receive(pingFrame())
			case <-quit:
				return
			}
		}
	}()
	leave = sync.OnceFunc(func() {
		close(quit)
		<-done
		v.link.Close()
	})
	n.fabric.Cleanup(leave)
	return v, leave
}

// welcomed gives how often the visitor has been let in.
func (v *visitor) welcomed() int {
	welcome, _, _ := v.answers()
	return len(welcome)
}

// latest gives the newest state that has come, and whether there is one.
func (v *visitor) latest() (tick uint32, phase Phase, ok bool) {
	frames := v.seen()
	if len(frames) == 0 {
		return 0, 0, false
	}
	f := frames[len(frames)-1]
	return f.Tick, Phase(f.Phase), true
}
