package bus_test

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
	"rally/bus"
)

// picture is what a watch's handler has been told.
type picture struct {
	mu     sync.Mutex
	values map[string]string
	told   int
}

func (p *picture) handle(e bus.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told++
	if e.Deleted {
		delete(p.values, e.Key)
		return
	}
	p.values[e.Key] = string(e.Value)
}

// shows says whether the picture is exactly these keys and values.
func (p *picture) shows(pairs ...string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for pair := range slices.Chunk(pairs, 2) {
		if p.values[pair[0]] != pair[1] {
			return false
		}
	}
	return len(p.values) == len(pairs)/2
}

func (p *picture) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

func watch(t *testing.T, k *bus.Bucket, prefix string) (*picture, *bus.Watch) {
	t.Helper()
	p := &picture{values: make(map[string]string)}
	w, err := k.Watch(prefix, p.handle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return p, w
}

func caughtUp(t *testing.T, w *bus.Watch) {
	t.Helper()
	select {
	case <-w.CaughtUp():
	case <-time.After(patience):
		t.Fatal("the watch does not catch up")
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			here, there := bucket(t, one, "watched", 0), bucket(t, other, "watched", 0)
			put(t, here, "a.1", "x")
			put(t, here, "a.2", "x")
			put(t, here, "b.1", "x")
			if err := here.Delete(patient(t), "a.2"); err != nil {
				t.Fatal(err)
			}
			p, w := watch(t, there, "a.")
			all, wAll := watch(t, there, "")
			none, wNone := watch(t, there, "c")
			caughtUp(t, w)
			caughtUp(t, wAll)
			caughtUp(t, wNone)
			if !p.shows("a.1", "x") || !all.shows("a.1", "x", "b.1", "x") || none.count() != 0 || p.count() != 1 {
				t.Errorf("at first: %v %v", p.values, all.values)
			}
			put(t, here, "a.1", "y")
			put(t, here, "a.3", "z")
			put(t, here, "b.1", "y")
			until(t, "changes are seen", func() bool {
				return p.shows("a.1", "y", "a.3", "z") && all.shows("a.1", "y", "a.3", "z", "b.1", "y")
			})
			if err := here.Delete(patient(t), "a.3"); err != nil {
				t.Fatal(err)
			}
			until(t, "the deletion is seen", func() bool { return p.shows("a.1", "y") })
			if n := p.count(); n != 4 {
				t.Errorf("told %d times", n)
			}
			w.Stop()
			w.Stop()
			put(t, here, "a.1", "later")
			until(t, "others see it", func() bool { return all.shows("a.1", "later", "b.1", "y") })
			if n := p.count(); n != 4 {
				t.Errorf("told %d times after the end", n)
			}
		})
	}
}

// Every write is told in order to a watch that keeps up, and the last one at
// least to one that does not.
func TestWatchOrder(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			here := bucket(t, one, "order", 0)
			release, last := make(chan struct{}), make(chan struct{})
			const n = 3000
			var wrong atomic.Int64
			previous := -1
			w, err := bucket(t, other, "order", 0).Watch("", func(e bus.Entry) {
				<-release
				i, err := strconv.Atoi(string(e.Value))
				if err != nil || i <= previous {
					wrong.Add(1)
				}
				if previous = i; i == n-1 {
					close(last)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Stop()
			for i := range n {
				put(t, here, "k", strconv.Itoa(i))
			}
			close(release)
			select {
			case <-last:
			case <-time.After(patience):
				t.Fatal("the last write is not told")
			}
			if wrong.Load() != 0 {
				t.Errorf("%d out of order", wrong.Load())
			}
		})
	}
}

func TestWatchHandlerPanics(t *testing.T) {
	t.Parallel()
	k := bucket(t, open(t, ""), "panics", 0)
	got := make(chan string, 1)
	w, err := k.Watch("", func(e bus.Entry) {
		if e.Key == "bad" {
			panic("a fault of ours")
		}
		got <- e.Key
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	put(t, k, "bad", "")
	put(t, k, "good", "")
	if key := <-got; key != "good" {
		t.Errorf("told of %q", key)
	}
}

// NATS comes late, goes, and comes back, with what it had or with nothing: a
// watch tells exactly what changed meanwhile.
func TestWatchResumes(t *testing.T) {
	t.Parallel()
	for name, loses := range map[string]bool{"kept": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			port := reserve(t)
			b := begin(t, address(port))
			k := bucket(t, b, "resumed", 0)
			if _, err := k.Put(patient(t), "a", nil); rally.ErrorCode(err) != rally.EUnavailable {
				t.Errorf("NATS is away: %v", err)
			}
			p, w := watch(t, k, "")
			nats := keeping(t, port, dir)
			caughtUp(t, w)
			put(t, k, "stays", "1")
			put(t, k, "changes", "1")
			put(t, k, "goes", "1")
			until(t, "all is told", func() bool { return p.shows("stays", "1", "changes", "1", "goes", "1") })

			stop(nats)
			until(t, "it is gone", func() bool { return b.Ready() != nil })
			if loses {
				dir = t.TempDir()
			}
			// Somebody else is quicker than the watch.
			elsewhere := keeping(t, 0, dir)
			other := bucket(t, open(t, elsewhere.ClientURL()), "resumed", 0)
			if loses {
				put(t, other, "stays", "2") // at the revision it had
			}
			put(t, other, "changes", "2")
			if err := other.Delete(patient(t), "goes"); err != nil {
				t.Fatal(err)
			}
			put(t, other, "comes", "2")
			stop(elsewhere)
			told := p.count()

			keeping(t, port, dir)
			stays, news := "1", 3
			if loses {
				stays, news = "2", 4
			}
			until(t, "what changed is told", func() bool {
				return p.shows("stays", stays, "changes", "2", "comes", "2")
			})
			put(t, k, "ends", "3")
			until(t, "it goes on", func() bool {
				return p.shows("stays", stays, "changes", "2", "comes", "2", "ends", "3")
			})
			if n := p.count() - told; n != news+1 {
				t.Errorf("told %d times for %d changes", n, news+1)
			}
			if b.Stats().Resumed == 0 {
				t.Error("not counted")
			}
		})
	}
}
