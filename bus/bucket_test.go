package bus_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rally"
	"rally/bus"
)

// nodes are the ways in which two buses can share buckets: two nodes with an
// external NATS, or one and the same, embedded in memory or in files.
var nodes = map[string]func(*testing.T) (one, other *bus.Bus){
	"memory": func(t *testing.T) (one, other *bus.Bus) {
		t.Helper()
		b := open(t, "")
		return b, b
	},
	"files": func(t *testing.T) (one, other *bus.Bus) {
		t.Helper()
		b := openIn(t, t.TempDir())
		return b, b
	},
	"external": func(t *testing.T) (one, other *bus.Bus) {
		t.Helper()
		url := keeping(t, 0, t.TempDir()).ClientURL()
		return open(t, url), open(t, url)
	},
}

func openIn(t *testing.T, dir string) *bus.Bus {
	t.Helper()
	b, err := bus.New(bus.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func bucket(t *testing.T, b *bus.Bus, name string, ttl time.Duration) *bus.Bucket {
	t.Helper()
	k, err := b.Bucket(bus.BucketConfig{Name: name, TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func put(t *testing.T, k *bus.Bucket, key, value string) uint64 {
	t.Helper()
	revision, err := k.Put(patient(t), key, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

func TestBucket(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			ctx := patient(t)
			here, there := bucket(t, one, "things", 0), bucket(t, other, "things", 0)
			if _, err := here.Get(ctx, "a"); rally.ErrorCode(err) != rally.ENotFound {
				t.Errorf("what is not there: %v", err)
			}
			first, err := here.Create(ctx, "a", []byte("1"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := there.Create(ctx, "a", []byte("2")); rally.ErrorCode(err) != rally.EConflict {
				t.Errorf("created twice: %v", err)
			}
			if e, err := there.Get(ctx, "a"); err != nil || string(e.Value) != "1" || e.Revision != first || e.Key != "a" {
				t.Errorf("got %+v, %v", e, err)
			}
			second, err := there.Update(ctx, "a", []byte("2"), first)
			if err != nil || second <= first {
				t.Errorf("update gave %d, %v", second, err)
			}
			if _, err := here.Update(ctx, "a", []byte("3"), first); rally.ErrorCode(err) != rally.EConflict {
				t.Errorf("updated over what is gone: %v", err)
			}
			third := put(t, here, "a", "3")
			if third <= second {
				t.Errorf("revision %d after %d", third, second)
			}
			for range 2 {
				if err := there.Delete(ctx, "a"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := here.Get(ctx, "a"); rally.ErrorCode(err) != rally.ENotFound {
				t.Errorf("what was deleted: %v", err)
			}
			if _, err := here.Update(ctx, "a", []byte("4"), third); rally.ErrorCode(err) != rally.EConflict {
				t.Errorf("updated what was deleted: %v", err)
			}
			if again, err := here.Create(ctx, "a", []byte("5")); err != nil || again <= third {
				t.Errorf("created again: %d, %v", again, err)
			}
		})
	}
}

// Of many that create or update at once, one does.
func TestBucketRaces(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			both := []*bus.Bucket{bucket(t, one, "races", 0), bucket(t, other, "races", 0)}
			ctx := patient(t)
			race := func(try func(*bus.Bucket) error) {
				t.Helper()
				var won, lost atomic.Int64
				var all sync.WaitGroup
				for i := range 20 {
					all.Go(func() {
						switch err := try(both[i%2]); rally.ErrorCode(err) {
						case "":
							won.Add(1)
						case rally.EConflict:
							lost.Add(1)
						default:
							t.Error(err)
						}
					})
				}
				all.Wait()
				if won.Load() != 1 || lost.Load() != 19 {
					t.Errorf("%d won, %d lost", won.Load(), lost.Load())
				}
			}
			race(func(k *bus.Bucket) error { _, err := k.Create(ctx, "k", nil); return err })
			at := put(t, both[0], "k", "")
			race(func(k *bus.Bucket) error { _, err := k.Update(ctx, "k", nil, at); return err })
		})
	}
}

// An entry whose time is over is gone, and watches hear of it; one that is
// written again stays.
func TestBucketTTL(t *testing.T) {
	t.Parallel()
	for name, open := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := open(t)
			const ttl = 5 * time.Second
			k := bucket(t, one, "brief", ttl)
			p, w := watch(t, bucket(t, other, "brief", ttl), "")
			caughtUp(t, w)
			put(t, k, "stays", "x")
			put(t, k, "goes", "x")
			until(t, "both are told", func() bool { return p.shows("stays", "x", "goes", "x") })
			until(t, "one is gone", func() bool {
				put(t, k, "stays", "x")
				return p.shows("stays", "x")
			})
			if _, err := k.Get(patient(t), "goes"); rally.ErrorCode(err) != rally.ENotFound {
				t.Errorf("what is over: %v", err)
			}
			// Not at once if what says that it has gone goes just then.
			until(t, "it is created where something was", func() bool {
				_, err := k.Create(patient(t), "goes", nil)
				return err == nil
			})
		})
	}
}

// What was written outlives the process with a folder, and only one process
// has the folder.
func TestBucketFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/bus"
	first, err := bus.New(bus.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	revision := put(t, bucket(t, first, "kept", 0), "k", "v")
	if _, err := bus.New(bus.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another Rally") {
		t.Errorf("a second one: %v", err)
	}
	first.Close()
	second := bucket(t, openIn(t, dir), "kept", 0)
	if e, err := second.Get(patient(t), "k"); err != nil || string(e.Value) != "v" || e.Revision != revision {
		t.Errorf("got %+v, %v", e, err)
	}
	if next := put(t, second, "k", "w"); next <= revision {
		t.Errorf("revision %d after %d", next, revision)
	}
	if _, err := bus.New(bus.Config{Dir: "/proc/nowhere"}); err == nil {
		t.Error("a folder that cannot be made is no error")
	}
}

func TestBucketRefusals(t *testing.T) {
	t.Parallel()
	b := open(t, "")
	for name, ttl := range map[string]time.Duration{"a b": 0, "": 0, "a.b": 0, "short": time.Millisecond, "negative": -time.Hour} {
		if _, err := b.Bucket(bus.BucketConfig{Name: name, TTL: ttl}); err == nil {
			t.Errorf("bucket %q with TTL %v is no error", name, ttl)
		}
	}
	k := bucket(t, b, "strict", 0)
	for _, key := range []string{"", "a b", ".a", "a.", "*", ">", "ä", "a\r\nPUB x 0"} {
		if _, err := k.Put(patient(t), key, nil); rally.ErrorCode(err) != rally.EInternal {
			t.Errorf("key %q: %v", key, err)
		}
	}
	b.Close()
	if _, err := k.Put(patient(t), "k", nil); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("on a closed bus: %v", err)
	}
	if _, err := k.Watch("", func(bus.Entry) {}); err == nil {
		t.Error("a closed bus is watched")
	}
}

// A NATS without JetStream carries events and says why it has no buckets.
func TestNoJetStream(t *testing.T) {
	t.Parallel()
	b := open(t, external(t, 0).ClientURL())
	if _, err := b.Bucket(bus.BucketConfig{Name: "any"}); err == nil || !strings.Contains(err.Error(), "-js") {
		t.Errorf("the error is %v", err)
	}
	got := subscribe(t, b)
	b.Publish(numbered(1))
	within(t, got)
}

func BenchmarkPut(b *testing.B) {
	x, err := bus.New(bus.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	k, err := x.Bucket(bus.BucketConfig{Name: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Put(b.Context(), "key", value); err != nil {
			b.Fatal(err)
		}
	}
}
