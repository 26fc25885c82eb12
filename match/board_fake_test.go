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
	values   map[string]posted
	watchers []chan change
	hold     bool // the watchers hear nothing for now
	held     []change
	stead    func(what string, do func() error) error // stands for Put, Create and Update, if it is there
	revision uint64
}

// posted is a value on the board.
type posted struct {
	value    []byte
	revision uint64
}

func newBoard(f *fabric) *boardFake { return &boardFake{fabric: f, values: map[string]posted{}} }

type change struct {
	key   string
	value []byte
}

func (b *boardFake) write(key string, value []byte, may func(old posted, there bool) bool) error {
	if b.fabric.isAway() {
		return errAway()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, there := b.values[key]; !may(old, there) {
		return &rally.Error{Code: rally.EConflict, Message: "error.title_409"}
	}
	b.revision++
	if value == nil {
		delete(b.values, key)
	} else {
		b.values[key] = posted{slices.Clone(value), b.revision}
	}
	b.held = append(b.held, change{key, value})
	if !b.hold {
		b.flush()
	}
	return nil
}

func always(posted, bool) bool { return true }

// setStead has f stand for Put, Create and Update, with what it is to do.
func (b *boardFake) setStead(f func(what string, do func() error) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stead = f
}

func (b *boardFake) do(what string, do func() error) error {
	b.mu.Lock()
	stead := b.stead
	b.mu.Unlock()
	if stead != nil {
		return stead(what, do)
	}
	return do()
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

// Put, Create, Update, Get, Delete and Watch make it a Board.
func (b *boardFake) Put(_ context.Context, key string, value []byte) error {
	return b.do("put", func() error { return b.write(key, value, always) })
}

func (b *boardFake) Create(_ context.Context, key string, value []byte) error {
	return b.do("create", func() error {
		return b.write(key, value, func(_ posted, there bool) bool { return !there })
	})
}

func (b *boardFake) Update(_ context.Context, key string, value []byte, over uint64) error {
	return b.do("update", func() error {
		return b.write(key, value, func(old posted, there bool) bool { return there && old.revision == over })
	})
}

func (b *boardFake) Delete(_ context.Context, key string) error { return b.write(key, nil, always) }

func (b *boardFake) Get(_ context.Context, key string) ([]byte, uint64, error) {
	if b.fabric.isAway() {
		return nil, 0, errAway()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := b.values[key]
	if !ok {
		return nil, 0, &rally.Error{Code: rally.ENotFound, Message: "error.not_found"}
	}
	return found.value, found.revision, nil
}

func (b *boardFake) Watch(see func(string, []byte)) (stop func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, done := make(chan change, 10_000), make(chan struct{})
	for key, there := range b.values {
		c <- change{key, there.value}
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
