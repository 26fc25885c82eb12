package bus_test

import (
	"bytes"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rally"
	"rally/bus"
)

func TestEveryFieldArrives(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	got := subscribe(t, b)
	for _, e := range []rally.Event{
		{Kind: rally.MatchPaired, Users: []rally.UserID{1, 1 << 60}, Match: "abcdefghijkl"},
		{Kind: rally.MatchChanged, Match: "abcdefghijkl"},
		{Kind: rally.MatchStored, Match: "abcdefghijkl"},
		{Kind: rally.QueueChanged, Users: []rally.UserID{3}},
		{Kind: rally.SessionEnded, Session: "s", Reason: "로그아웃 \"quoted\"\r\n"},
	} {
		b.Publish(e)
		if e2 := within(t, got); !reflect.DeepEqual(e, e2) {
			t.Errorf("published %+v, received %+v", e, e2)
		}
	}
}

func TestOrderAndSubscribers(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	if err := b.Ready(); err != nil {
		t.Fatal(err)
	}
	first, second := subscribe(t, b), subscribe(t, b)
	const n = 3000
	for i := range n {
		b.Publish(numbered(i))
	}
	for _, c := range []<-chan rally.Event{first, second} {
		for i := range n {
			if e := within(t, c); e.Match != numbered(i).Match {
				t.Fatalf("event %d is %+v", i, e)
			}
		}
	}
	until(t, "all is counted", func() bool { return b.Stats().Published == n })
	if s := b.Stats(); s.Received != 2*n || s.Dropped != 0 || s.Lost != 0 {
		t.Errorf("counted %+v", s)
	}
}

// stop waits for what has arrived, and nothing comes afterwards.
func TestStop(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	var handled atomic.Int64
	stop, err := b.Subscribe(func(rally.Event) { handled.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	b.Publish(numbered(1))
	until(t, "one is handled", func() bool { return handled.Load() == 1 })
	stop()
	stop()
	other := subscribe(t, b)
	b.Publish(numbered(2))
	within(t, other)
	if n := handled.Load(); n != 1 {
		t.Errorf("%d handled", n)
	}
}

// A subscriber that hangs holds up nobody: neither Publish nor the others.
func TestSlowSubscriberLoses(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var mu sync.Mutex
	b, err := bus.New(bus.Config{Log: slog.New(slog.NewTextHandler(locked{&mu, &log}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	release := make(chan struct{})
	var handled atomic.Int64
	if _, err := b.Subscribe(func(rally.Event) { <-release; handled.Add(1) }); err != nil {
		t.Fatal(err)
	}
	quick := subscribe(t, b)
	const n = 9000
	for i := range n {
		b.Publish(numbered(i))
		within(t, quick)
	}
	until(t, "the loss is counted", func() bool { return b.Stats().Lost > 0 })
	close(release)
	until(t, "every event is handled or counted", func() bool {
		return uint64(handled.Load())+b.Stats().Lost == n
	})
	b.Publish(numbered(n)) // it is a subscriber like others again
	until(t, "the next is handled", func() bool { return uint64(handled.Load())+b.Stats().Lost == n+1 })
	mu.Lock()
	defer mu.Unlock()
	if lines := strings.Count(log.String(), "bus error"); lines != 1 {
		t.Errorf("%d lines about %d lost events:\n%s", lines, b.Stats().Lost, log.String())
	}
}

// locked is a writer that goroutines may share.
type locked struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func TestHandlerPanics(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	got := make(chan rally.Event, 1)
	if _, err := b.Subscribe(func(e rally.Event) {
		if e.Match == "" {
			panic("a fault of ours")
		}
		got <- e
	}); err != nil {
		t.Fatal(err)
	}
	b.Publish(rally.Event{Kind: rally.MatchChanged})
	b.Publish(numbered(1))
	within(t, got)
}

// Close lets everything that was published be handled, and ends everything.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	b, err := bus.New(bus.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var handled atomic.Int64
	if _, err := b.Subscribe(func(rally.Event) { handled.Add(1) }); err != nil {
		t.Fatal(err)
	}
	const n = 100 // no more than can be sent while Close waits
	for i := range n {
		b.Publish(numbered(i))
	}
	b.Close()
	b.Close()
	if got := handled.Load(); got != n {
		t.Errorf("%d of %d events were handled before the end", got, n)
	}
	b.Publish(numbered(n))
	if s := b.Stats(); s.Dropped != 1 || s.Published != n {
		t.Errorf("counted %+v", s)
	}
	if _, err := b.Subscribe(func(rally.Event) {}); err == nil {
		t.Error("a closed bus takes subscribers")
	}
	if b.Ready() == nil {
		t.Error("a closed bus is ready")
	}
}

// Two embedded buses have nothing to do with each other.
func TestEmbeddedIsPrivate(t *testing.T) {
	t.Parallel()
	one, two := open(t, ""), open(t, "")
	seenByTwo := subscribe(t, two)
	seenByOne := subscribe(t, one)
	one.Publish(numbered(1))
	within(t, seenByOne)
	two.Publish(numbered(2))
	if e := within(t, seenByTwo); e.Match != numbered(2).Match {
		t.Errorf("received %+v", e)
	}
}

func TestUnusableURL(t *testing.T) {
	t.Parallel()
	if _, err := bus.New(bus.Config{URL: "://"}); err == nil {
		t.Error("no error")
	}
}

func BenchmarkPublishToHandler(b *testing.B) {
	x, err := bus.New(bus.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	got := make(chan struct{})
	if _, err := x.Subscribe(func(rally.Event) { got <- struct{}{} }); err != nil {
		b.Fatal(err)
	}
	e := rally.Event{Kind: rally.MatchChanged, Users: []rally.UserID{1, 2}, Match: "abcdefghijkl"}
	b.ReportAllocs()
	for b.Loop() {
		x.Publish(e)
		<-got
	}
}
