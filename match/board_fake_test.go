package match

import (
	"context"
	"slices"
	"sync"

	"rally"
)

// boardFake is a Board. Every watcher hears of changes a little later, from a
// goroutine of its own.
type boardFake struct {
	fabric *fabric

	mu       sync.Mutex
	values   map[string][]byte
	watchers []chan change
	hold     bool // the watchers hear nothing for now
	held     []change
	creating func(create func() error) error // stands for Create, if it is there
	putting  func() error                    // called before Put, which fails with it
}

func newBoard(f *fabric) *boardFake { return &boardFake{fabric: f, values: map[string][]byte{}} }

type change struct {
	key   string
	value []byte
}

func (b *boardFake) write(key string, value []byte, create bool) error {
	if b.fabric.isAway() {
		return errAway()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.values[key]; there && create {
		return &rally.Error{Code: rally.EConflict, Message: "error.title_409"}
	}
	if value == nil {
		delete(b.values, key)
	} else {
		b.values[key] = slices.Clone(value)
	}
	b.held = append(b.held, change{key, value})
	if !b.hold {
		b.flush()
	}
	return nil
}

func (b *boardFake) flush() {
	for _, c := range b.held {
		for _, w := range b.watchers {
			w <- c
		}
	}
	b.held = nil
}

// pause has the watchers hear nothing until it is false again.
func (b *boardFake) pause(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hold = on; !on {
		b.flush()
	}
}

func (b *boardFake) has(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.values[key]
	return ok
}

// Put, Create, Get, Delete and Watch make it a Board.
func (b *boardFake) Put(_ context.Context, key string, value []byte) error {
	b.mu.Lock()
	putting := b.putting
	b.mu.Unlock()
	if putting != nil {
		if err := putting(); err != nil {
			return err
		}
	}
	return b.write(key, value, false)
}

func (b *boardFake) Create(_ context.Context, key string, value []byte) error {
	b.mu.Lock()
	creating := b.creating
	b.mu.Unlock()
	create := func() error { return b.write(key, value, true) }
	if creating != nil {
		return creating(create)
	}
	return create()
}

// setPutting has f called before Put.
func (b *boardFake) setPutting(f func() error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.putting = f
}

// setCreating has f stand for Create.
func (b *boardFake) setCreating(f func(create func() error) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.creating = f
}

func (b *boardFake) Delete(_ context.Context, key string) error { return b.write(key, nil, false) }

func (b *boardFake) Get(_ context.Context, key string) ([]byte, error) {
	if b.fabric.isAway() {
		return nil, errAway()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	value, ok := b.values[key]
	if !ok {
		return nil, &rally.Error{Code: rally.ENotFound, Message: "error.not_found"}
	}
	return value, nil
}

func (b *boardFake) Watch(see func(string, []byte)) (stop func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, done := make(chan change, 10_000), make(chan struct{})
	for key, value := range b.values {
		c <- change{key, value}
	}
	b.watchers = append(b.watchers, c)
	go func() {
		defer close(done)
		for e := range c {
			see(e.key, e.value)
		}
	}()
	return func() {
		b.mu.Lock()
		b.watchers = slices.DeleteFunc(b.watchers, func(other chan change) bool { return other == c })
		b.mu.Unlock()
		close(c)
		<-done
	}, nil
}
