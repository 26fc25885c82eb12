package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats-server/v2/server"

	"rally"
	"rally/bus"
	"rally/live"
)

// nodesPatience is how long a test of nodes waits for what must happen: in vain
// only if it never does.
const nodesPatience = time.Minute

// natsServer starts a NATS that keeps buckets in dir.
func natsServer(t *testing.T, dir string) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(nodesPatience) {
		t.Fatal("NATS did not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// cable is a TCP connection to NATS that can be cut, and led to another one.
type cable struct {
	listener net.Listener
	ends     sync.WaitGroup

	mu   sync.Mutex
	to   string
	cut  bool
	open []io.Closer
}

func newCable(t *testing.T, to *server.Server) *cable {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: listener}
	c.lead(to)
	c.ends.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			to := c.to
			c.mu.Unlock()
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			c.pass(near, far)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		c.set(true)
		c.ends.Wait()
	})
	return c
}

// url gives where a node finds NATS.
func (c *cable) url() string { return "nats://" + c.listener.Addr().String() }

// lead leads it to another NATS.
func (c *cable) lead(to *server.Server) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to = to.Addr().String()
}

// pass carries bytes both ways, unless the cable is cut.
func (c *cable) pass(near, far net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, near, far)
	if c.cut {
		c.closeAll()
		return
	}
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		c.ends.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // until one of them is closed
			_, _ = way[0].Close(), way[1].Close()
		})
	}
}

// set cuts the cable, or mends it.
func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut = cut; cut {
		c.closeAll()
	}
}

func (c *cable) closeAll() {
	for _, conn := range c.open {
		_ = conn.Close()
	}
	c.open = nil
}

// post is a node: its end of the bus, and a hub whose sockets are real.
type post struct {
	bus   *bus.Bus
	nodes *nodes
	hub   *live.Hub
	site  *httptest.Server
}

// inWords writes what is to be seen in words.
type inWords struct{}

func (inWords) Badge(_ string, f rally.FriendState) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s", f.Name, f.State), nil
}

func (inWords) Online(_ string, friends []rally.FriendState) ([]byte, error) {
	text := "online:"
	for _, f := range friends {
		text += " " + f.Name + " " + string(f.State)
	}
	return []byte(text), nil
}

// newPost starts a node on a NATS, or on one of its own. Anna (1) and Berta (2) are friends, and so
// are Anna and Carla (3).
func newPost(t *testing.T, cfg bus.Config, name string) *post {
	t.Helper()
	b, err := bus.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n, err := openNodes(b, name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := &post{bus: b, nodes: n}
	p.hub = live.NewHub(live.Config{
		Painter: inWords{}, Nodes: n,
		Friends: func(_ context.Context, user rally.UserID) ([]rally.UserID, error) {
			return map[rally.UserID][]rally.UserID{1: {2, 3}, 2: {1}, 3: {1}}[user], nil
		},
	})
	p.site = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.ParseInt(r.URL.Query().Get("user"), 10, 64)
		if err != nil {
			t.Error(err)
		}
		user := rally.User{ID: rally.UserID(id), Name: []string{"", "Anna", "Berta", "Carla", "Dora"}[id]}
		v := rally.Viewer{Stage: rally.StageFull, User: user, Session: rally.SessionID(user.Name)}
		if err := p.hub.Serve(w, r, v, func(*live.Conn) live.Receiver { return silent{} }); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(func() { p.stop(); p.site.Close() })
	return p
}

// stop ends the node as SIGTERM does.
func (p *post) stop() {
	p.hub.Shutdown(context.Background())
	p.nodes.close()
	p.bus.Close()
}

// silent is a receiver that hears nothing.
type silent struct{}

func (silent) Receive([]byte) error { return nil }
func (silent) Close()               {}

// guest is somebody's page, with what it has been told and not been asked for.
type guest struct {
	conn  *websocket.Conn
	texts chan string
}

// open opens a page, whose first text is taken.
func (p *post) open(t *testing.T, user int, want string) *guest {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), nodesPatience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, fmt.Sprint(p.site.URL, "/?user=", user), &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {p.site.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{conn: conn, texts: make(chan string, 100)}
	t.Cleanup(func() { _ = conn.CloseNow() })
	go func() { // until the socket is closed
		defer close(g.texts)
		for {
			_, text, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			g.texts <- string(text)
		}
	}()
	if got := g.next(t); got != want {
		t.Errorf("greeted with %q, want %q", got, want)
	}
	return g
}

// next takes what the page is told next, which must come in time.
func (g *guest) next(t *testing.T) string {
	t.Helper()
	select {
	case text := <-g.texts:
		return text
	case <-time.After(nodesPatience):
		t.Fatal("waited in vain for a text")
		return ""
	}
}

// told takes everything that the page has been told and not been asked for.
func (g *guest) told() (texts []string) {
	for {
		select {
		case text := <-g.texts:
			texts = append(texts, text)
		default:
			return texts
		}
	}
}

// entries follows a bucket, and says how many of its keys begin with prefix.
func entries(t *testing.T, k *bus.Bucket, prefix string) func() int {
	t.Helper()
	var mu sync.Mutex
	there := make(map[string]bool)
	w, err := k.Watch(prefix, func(e bus.Entry) {
		mu.Lock()
		defer mu.Unlock()
		if there[e.Key] = true; e.Deleted {
			delete(there, e.Key)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	<-w.CaughtUp()
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(there)
	}
}

// soon waits for a condition.
func soon(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(nodesPatience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-tick.C
	}
}

// nodeCounts is how long people count as there who may be back on another node.
// That they do so for 10 s at most is what package e2e makes sure of: there the
// machine's speed is known.
const nodeCounts = 5 * time.Second

// Over a real NATS: a friend on another node is seen at once, going from node
// to node is nothing, nor is a NATS that restarts, and a node that is cut off
// takes its people away in time, and brings them back.
func TestNodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nats := natsServer(t, dir)
	lines := []*cable{newCable(t, nats), newCable(t, nats)}
	one := newPost(t, bus.Config{URL: lines[0].url()}, "one")
	two := newPost(t, bus.Config{URL: lines[1].url()}, "two")
	a := one.open(t, 1, "online:")
	d := one.open(t, 4, "online:")

	begun := time.Now()
	b := two.open(t, 2, "online: Anna online")
	if got := a.next(t); got != "Berta online" {
		t.Errorf("told %q", got)
	}
	t.Logf("a badge came after %v", time.Since(begun))

	for _, p := range []*post{one, two, one, two} { // within OfflineAfter
		_ = b.conn.CloseNow()
		b = p.open(t, 2, "online: Anna online")
	}

	nats.Shutdown()
	nats.WaitForShutdown()
	soon(t, "it is noticed", func() bool { return one.bus.Ready() != nil && two.bus.Ready() != nil })
	c := two.open(t, 3, "online: Anna online")
	_ = c.conn.CloseNow()
	nats = natsServer(t, dir) // the same, as far as the nodes can see
	for _, line := range lines {
		line.lead(nats)
	}
	soon(t, "NATS is back", func() bool { return one.bus.Ready() == nil && two.bus.Ready() == nil })
	c = two.open(t, 3, "online: Anna online")
	if got := a.next(t); got != "Carla online" {
		t.Errorf("told %q, when Carla came while NATS was away and everything else stayed", got)
	}

	begun = time.Now()
	lines[1].set(true)
	gone := []string{a.next(t), a.next(t)}
	slices.Sort(gone)
	took := time.Since(begun)
	if !slices.Equal(gone, []string{"Berta offline", "Carla offline"}) || took < nodeCounts {
		t.Errorf("told %q after %v", gone, took)
	}
	t.Logf("a cut off node's people went offline after %v", took)

	lines[1].set(false)
	back := []string{a.next(t), a.next(t)}
	slices.Sort(back)
	if !slices.Equal(back, []string{"Berta online", "Carla online"}) {
		t.Errorf("told %q", back)
	}
	for name, g := range map[string]*guest{"Anna": a, "Berta": b, "Carla": c, "Dora": d} {
		if more := g.told(); len(more) > 0 {
			t.Errorf("%s is also told %q", name, more)
		}
	}
}

// A node that is stopped and started makes nobody flap, and nothing of it is
// left when its people do not come back.
func TestNodesRestart(t *testing.T) {
	t.Parallel()
	nats := natsServer(t, t.TempDir())
	one := newPost(t, bus.Config{URL: nats.ClientURL()}, "one")
	two := newPost(t, bus.Config{URL: nats.ClientURL()}, "two")
	a := one.open(t, 1, "online:")
	two.open(t, 2, "online: Anna online")
	two.open(t, 3, "online: Anna online")
	came := []string{a.next(t), a.next(t)}
	slices.Sort(came)
	if !slices.Equal(came, []string{"Berta online", "Carla online"}) {
		t.Errorf("told %q", came)
	}
	begun := time.Now()
	two.stop()
	three := newPost(t, bus.Config{URL: nats.ClientURL()}, "three")
	again := three.open(t, 1, "online: Berta online Carla online")
	b := three.open(t, 2, "online: Anna online")
	for _, g := range []*guest{a, again} { // only who has not come back goes
		if got, took := g.next(t), time.Since(begun); got != "Carla offline" || took < nodeCounts {
			t.Errorf("told %q after %v", got, took)
		}
	}
	left := entries(t, one.nodes.bucket, "two.")
	soon(t, "what the stopped node told is cleared away", func() bool { return left() == 0 })
	for name, g := range map[string]*guest{"Anna": a, "Anna again": again, "Berta": b} {
		if more := g.told(); len(more) > 0 {
			t.Errorf("%s is also told %q", name, more)
		}
	}
}

// A node alone that is stopped and started goes on where it was: who has not
// come back yet counts, for a moment.
func TestNodesRestartAlone(t *testing.T) {
	t.Parallel()
	cfg := bus.Config{Dir: t.TempDir()}
	before := newPost(t, cfg, "before")
	before.open(t, 1, "online:")
	before.open(t, 2, "online: Anna online")
	before.open(t, 3, "online: Anna online")
	told := entries(t, before.nodes.bucket, "before.")
	soon(t, "all is told", func() bool { return told() == 3 })
	begun := time.Now()
	before.stop()
	after := newPost(t, cfg, "after")
	a := after.open(t, 1, "online: Berta online Carla online")
	b := after.open(t, 2, "online: Anna online")
	if got, took := a.next(t), time.Since(begun); got != "Carla offline" || took < nodeCounts {
		t.Errorf("told %q after %v", got, took)
	}
	if more := append(a.told(), b.told()...); len(more) > 0 {
		t.Errorf("they are also told %q", more)
	}
}
