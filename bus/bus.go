package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"rally"
)

// Sizes and times.
const (
	publishPending   = 4096    // events that may wait for the publisher
	subscribePending = 4096    // events that may wait for one subscriber
	reconnectBuffer  = 1 << 20 // bytes kept while NATS is away
	startTimeout     = 5 * time.Second
	flushTimeout     = 2 * time.Second // also bounds how long Close waits for NATS
	answerTimeout    = 5 * time.Second // for an answer of NATS, when the caller names no deadline
	writeTimeout     = 2 * time.Second // after which a stalled connection is given up
	reconnectWait    = 250 * time.Millisecond
	pingInterval     = 10 * time.Second // two missed: the connection counts as lost
)

// subject is what every event's kind is put behind.
const subject = "rally.event."

// errClosed is what a closed bus answers.
var errClosed = errors.New("the bus is closed")

// Config is what New needs.
type Config struct {
	// URL of an external NATS, such as "nats://user:password@host:4222", or
	// several with commas between. "" embeds a server.
	URL string
	// Dir is the folder where the embedded server keeps its buckets, so that
	// they survive a restart; it is made when it is missing, and one process
	// uses it at a time. "" keeps them in memory. An external NATS keeps them
	// in files of its own.
	Dir string
	Log *slog.Logger
}

// Bus is one node's end of the bus. Its methods may be called from any
// goroutine.
type Bus struct {
	log      *slog.Logger
	embedded *embedded // nil with an external NATS
	conn     *nats.Conn
	js       jetstream.JetStream
	counts   counters
	since    atomic.Pointer[time.Time] // when the connection was made
	resumed  pulse                     // NATS is back: what follows a bucket begins anew
	leases   leases

	out       chan rally.Event
	pipe      chan piped
	publisher sync.WaitGroup // empties out and pipe

	mu            sync.RWMutex // guards what follows, and the closing of out and pipe
	closed        bool
	subscriptions map[*subscription]struct{}
	parts         map[part]struct{}
}

// part is something that was opened on the bus and ends with it at the latest.
type part interface {
	// end stops it and waits, not for long. It may be called again.
	end()
}

// New connects to NATS, or starts one in this process. An external NATS that is
// away is no error: the bus goes on trying, and Ready says so meanwhile.
func New(cfg Config) (*Bus, error) {
	b := &Bus{
		log:           cfg.Log,
		out:           make(chan rally.Event, publishPending),
		pipe:          make(chan piped, pipePending),
		subscriptions: make(map[*subscription]struct{}),
		parts:         make(map[part]struct{}),
	}
	b.leases.bus = b
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	options := []nats.Option{
		nats.Name("rally"),
		nats.MaxReconnects(-1), // for ever
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectBufSize(reconnectBuffer),
		nats.PingInterval(pingInterval),
		nats.FlusherTimeout(writeTimeout),
		nats.ConnectHandler(func(c *nats.Conn) {
			b.log.Info("bus connected", "to", b.peer(c))
			b.connected()
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			b.log.Info("bus connected again", "to", b.peer(c))
			b.connected()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil when we close
				b.log.Warn("bus disconnected", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.log.Warn("bus error", "error", err) // once when a subscriber begins to fall behind, not for each event
		}),
	}
	if cfg.URL == "" {
		e, err := embed(cfg.Dir)
		if err != nil {
			return nil, err
		}
		b.embedded = e
		options = append(options, nats.InProcessServer(e.server))
	}
	if err := b.connect(cfg.URL, options); err != nil {
		b.embedded.stop()
		return nil, err
	}
	b.publisher.Go(b.publish)
	b.publisher.Go(b.pump)
	return b, nil
}

func (b *Bus) connect(url string, options []nats.Option) (err error) {
	if b.conn, err = nats.Connect(url, options...); err != nil {
		return fmt.Errorf("bus: connect: %w", err)
	}
	if b.js, err = jetstream.New(b.conn); err != nil {
		b.conn.Close()
		return fmt.Errorf("bus: connect: %w", err)
	}
	return nil
}

// connected has everybody know that NATS is there, perhaps again.
func (b *Bus) connected() {
	now := time.Now()
	b.since.Store(&now)
	b.resumed.beat()
}

// peer names the server at the other end, for the log. The one in the process
// has no address, though the client makes one up.
func (b *Bus) peer(c *nats.Conn) string {
	if b.embedded != nil {
		return "embedded"
	}
	return c.ConnectedUrlRedacted()
}

// Publish sends e to every subscriber of every node, its own among them. It
// never blocks; an event that cannot be taken, because too many wait or the bus
// is closed, is dropped and counted. e.Users must not be changed afterwards.
func (b *Bus) Publish(e rally.Event) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		b.counts.dropped.Add(1)
		return
	}
	select {
	case b.out <- e:
	default:
		b.counts.dropped.Add(1)
	}
}

// publish hands what waits to NATS, until out is closed and empty. It is the
// one that waits when NATS stalls.
func (b *Bus) publish() {
	for e := range b.out {
		err := b.send(e)
		if err == nil {
			b.counts.published.Add(1)
			continue
		}
		b.counts.dropped.Add(1)
		b.log.Debug("event dropped", "kind", string(e.Kind), "error", err)
		b.stalled(err)
	}
}

// stalled gives a connection up if err says that it takes nothing. The client
// would only notice when its pings stay without answer, and until then everything
// that is sent would wait that long.
func (b *Bus) stalled(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = b.conn.ForceReconnect() // fails only when the bus is being closed
	}
}

func (b *Bus) send(e rally.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return b.conn.Publish(subject+string(e.Kind), data)
}

// Ready says whether NATS is connected: nil, or why not.
func (b *Bus) Ready() error {
	status := b.conn.Status()
	if status == nats.CONNECTED {
		return nil
	}
	if last := b.conn.LastError(); last != nil {
		return fmt.Errorf("bus: %s: %w", status, last)
	}
	return fmt.Errorf("bus: %s", status)
}

// Close ends what was opened on the bus, sends what waits, lets every
// subscriber handle what has arrived, and ends the connection and the embedded
// server. On an external NATS that is away
// or stalls it waits a few seconds at most. Publish drops everything from now
// on. The second call does nothing.
func (b *Bus) Close() {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	b.closed = true
	close(b.out)
	close(b.pipe)
	open := make([]*subscription, 0, len(b.subscriptions))
	for s := range b.subscriptions {
		open = append(open, s)
	}
	parts := slices.Collect(maps.Keys(b.parts))
	b.mu.Unlock()

	stalled := time.AfterFunc(flushTimeout, b.conn.Close) // makes everything that waits for NATS fail at once
	var ended sync.WaitGroup
	for _, p := range parts {
		ended.Go(p.end)
	}
	ended.Wait()
	b.publisher.Wait()
	stalled.Stop()
	// The answer to a flush comes after our own events, which so have all
	// arrived at the subscriptions.
	if err := b.conn.FlushTimeout(flushTimeout); err != nil {
		b.log.Warn("bus closed before everything was sent", "error", err)
	}
	for _, s := range open {
		s.stop()
	}
	b.conn.Close()
	b.embedded.stop()
}

// add counts p among what ends with the bus. The error is a bus that is closed.
func (b *Bus) add(p part) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed
	}
	b.parts[p] = struct{}{}
	return nil
}

func (b *Bus) remove(p part) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.parts, p)
}

// away gives the error of everything that needs an answer of NATS now, and nil
// while NATS is connected.
func (b *Bus) away() error {
	if err := b.Ready(); err != nil {
		return &rally.Error{Code: rally.EUnavailable, Message: "error.unavailable", Cause: err}
	}
	return nil
}

// within gives ctx a deadline if it has none: nothing waits for NATS for ever.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, answerTimeout)
}
