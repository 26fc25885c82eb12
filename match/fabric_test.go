package match

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"

	"rally"
)

// fabric is what the nodes of a test share: letters, questions, the boards and
// the roll, all in memory.
type fabric struct {
	*testing.T

	mu        sync.Mutex
	listeners map[string]chan []byte
	answers   map[string]func(context.Context, []byte) ([]byte, error)
	roll      map[int]func(string, bool)
	living    map[string]bool
	away      bool                                  // NATS is
	lose      func(name string, letter []byte) bool // letters for which it is true are lost
	events    []rally.Event
	matches   *boardFake
	queue     *boardFake
	present   map[rally.UserID]bool // has a page open, anywhere
	nodes     int
}

func newFabric(t *testing.T) *fabric {
	t.Helper()
	f := &fabric{
		T: t, listeners: map[string]chan []byte{}, answers: map[string]func(context.Context, []byte) ([]byte, error){},
		roll: map[int]func(string, bool){}, living: map[string]bool{},
	}
	f.matches, f.queue, f.present = newBoard(f), newBoard(f), map[rally.UserID]bool{}
	return f
}

func errAway() error { return rally.Errorf(rally.EUnavailable, "error.unavailable", "NATS is away") }

func (f *fabric) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fabric) setAway(away bool) { f.locked(func() { f.away = away }) }

func (f *fabric) isAway() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.away
}

// Send is part of Wire.
func (f *fabric) Send(name string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.listeners[name]
	if f.away || c == nil || f.lose != nil && f.lose(name, data) {
		return
	}
	select {
	case c <- slices.Clone(data):
	default:
	}
}

// Listen is part of Wire.
func (f *fabric) Listen(name string, handle func([]byte)) (stop func(), err error) {
	c, done := make(chan []byte, 1000), make(chan struct{})
	f.locked(func() { f.listeners[name] = c })
	go func() {
		defer close(done)
		for data := range c {
			handle(data)
		}
	}()
	return func() {
		f.locked(func() {
			delete(f.listeners, name)
			close(c)
		})
		<-done
	}, nil
}

// Request is part of Wire.
func (f *fabric) Request(ctx context.Context, name string, data []byte) ([]byte, error) {
	f.mu.Lock()
	answer, away := f.answers[name], f.away
	f.mu.Unlock()
	if away || answer == nil {
		return nil, errAway()
	}
	return answer(ctx, data)
}

// Respond is part of Wire.
func (f *fabric) Respond(name string, handle func(context.Context, []byte) ([]byte, error)) (stop func(), err error) {
	f.locked(func() { f.answers[name] = handle })
	return func() { f.locked(func() { delete(f.answers, name) }) }, nil
}

// call is a Roll.
func (f *fabric) call(handle func(string, bool)) (told <-chan struct{}, stop func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nodes++
	number := f.nodes
	f.roll[number] = handle
	for node := range f.living {
		handle(node, true)
	}
	c := make(chan struct{})
	close(c)
	return c, func() { f.locked(func() { delete(f.roll, number) }) }, nil
}

// announce has everybody hear that a node has come or is gone.
func (f *fabric) announce(node string, alive bool) {
	f.mu.Lock()
	if alive {
		f.living[node] = true
	} else {
		delete(f.living, node)
	}
	all := slices.Collect(maps.Values(f.roll))
	f.mu.Unlock()
	for _, handle := range all {
		handle(node, alive)
	}
}

func (f *fabric) publish(e rally.Event) { f.locked(func() { f.events = append(f.events, e) }) }

// count gives how many events of a kind there were about a match.
func (f *fabric) count(kind rally.EventKind, id rally.MatchID) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Kind == kind && e.Match == id {
			n++
		}
	}
	return n
}

// until waits, in real time, for what other goroutines do.
func (f *fabric) until(what string, condition func() bool) {
	f.Helper()
	(&world{T: f.T}).eventually(what, condition)
}
