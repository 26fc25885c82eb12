package bus

import "sync"

// pulse tells any number of goroutines that something happened. Whoever waits
// takes next before looking at the state it waits for, so that it misses
// nothing. The zero value is ready.
type pulse struct {
	mu sync.Mutex
	c  chan struct{}
}

// next gives a channel that is closed at the next beat.
func (p *pulse) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c == nil {
		p.c = make(chan struct{})
	}
	return p.c
}

func (p *pulse) beat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.c != nil {
		close(p.c)
		p.c = nil
	}
}
