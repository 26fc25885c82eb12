package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"rally"
)

const (
	// requestSubject is what every request's name is put behind.
	requestSubject = "rally.request."
	// together is the group of all responders of one name: one of them is
	// asked.
	together = "rally"
	// withinHeader says how many milliseconds who asks will wait.
	withinHeader = "Rally-Within"
	// failedHeader says that the answer is a failure.
	failedHeader = "Rally-Failed"

	maxHandling    = time.Minute // however long who asked will wait
	respondPending = 1024        // requests that may wait for one responder
	respondAtOnce  = 64          // requests that one responder handles at once
)

// ErrNoResponder is in the chain of Request's error when nobody answers to the
// name.
var ErrNoResponder = errors.New("nobody responds")

// failure is a handler's error on its way to who asked.
type failure struct {
	Code       rally.Code        `json:"code"`
	Message    string            `json:"message"`
	Fields     map[string]string `json:"fields,omitempty"`
	RetryAfter int               `json:"retry_after,omitempty"`
	Cause      string            `json:"cause"`
}

// Request asks whoever responds to name, on any node, and gives the answer. It
// waits until ctx ends, or five seconds if that has no deadline. A rally.Error
// of the handler comes back as one, its cause as text; that its context ended
// as rally.EUnavailable, any other error as rally.EInternal. Without an answer the code is rally.EUnavailable: with
// ErrNoResponder, told at once, nobody has handled the request; otherwise
// somebody may have.
func (b *Bus) Request(ctx context.Context, name string, data []byte) ([]byte, error) {
	if err := b.away(); err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx)
	defer cancel()
	m := nats.NewMsg(requestSubject + name)
	m.Data = data
	if deadline, ok := ctx.Deadline(); ok {
		m.Header.Set(withinHeader, strconv.FormatInt(time.Until(deadline).Milliseconds(), 10))
	}
	answer, err := b.conn.RequestMsgWithContext(ctx, m)
	switch {
	case errors.Is(err, nats.ErrBadSubject):
		return nil, fmt.Errorf("bus: request %q: %w", name, err) // a fault of ours
	case errors.Is(err, nats.ErrNoResponders):
		err = ErrNoResponder
	}
	if err != nil {
		return nil, rally.Errorf(rally.EUnavailable, "error.unavailable", "bus: request %s: %w", name, err)
	}
	if answer.Header.Get(failedHeader) != "" {
		return nil, failed(name, answer.Data)
	}
	return answer.Data, nil
}

// failed gives the error that a handler answered with.
func failed(name string, data []byte) error {
	var f failure
	if err := json.Unmarshal(data, &f); err != nil || f.Code == "" {
		return rally.Errorf(rally.EInternal, "error.internal", "bus: request %s: the answer is no error: %q", name, data)
	}
	return &rally.Error{
		Code: f.Code, Message: f.Message, Fields: f.Fields, RetryAfter: f.RetryAfter,
		Cause: fmt.Errorf("bus: request %s: %s", name, f.Cause),
	}
}

// responder answers the requests of one name.
type responder struct {
	bus    *Bus
	name   string
	nats   *nats.Subscription
	handle func(context.Context, []byte) ([]byte, error)
	ctx    context.Context //nolint:containedctx // ends with the responder, for its handlers
	cancel context.CancelFunc
	places chan struct{} // one taken for each request that is being handled
	quiet  chan struct{} // closed when no more requests come
	once   sync.Once

	mu      sync.Mutex // guards ended, and that nothing begins to run then
	ended   bool
	running sync.WaitGroup
}

// Respond has handle answer requests for name, 64 at once at most and in no
// order. More wait; when a thousand do, further ones get no answer and are
// counted. Of several that respond to one name, on whatever
// nodes, one gets each request. handle's context ends when whoever asked gives
// up, after a minute, or with the responder. stop takes no more requests and
// waits for those that are being handled, whose contexts it ends; handle itself
// must not call it.
func (b *Bus) Respond(name string, handle func(ctx context.Context, data []byte) ([]byte, error)) (stop func(), err error) {
	r := &responder{
		bus: b, name: name, handle: handle,
		places: make(chan struct{}, respondAtOnce), quiet: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if err := r.start(); err != nil {
		r.cancel()
		return nil, fmt.Errorf("bus: respond to %q: %w", name, err)
	}
	if b.Ready() == nil {
		// So that requests of other nodes come from now on. If it fails, NATS
		// is just going away, and hears of us when it is back.
		_ = b.conn.FlushTimeout(flushTimeout)
	}
	return func() {
		b.remove(r)
		r.end()
	}, nil
}

func (r *responder) start() (err error) {
	if r.nats, err = r.bus.conn.QueueSubscribe(requestSubject+r.name, together, r.take); err != nil {
		return err
	}
	r.nats.SetClosedHandler(func(string) { close(r.quiet) })
	if err = r.nats.SetPendingLimits(respondPending, -1); err == nil {
		err = r.bus.add(r)
	}
	if err != nil {
		r.end()
	}
	return err
}

// take has a request handled as soon as there is a place. Until then the next
// ones wait with NATS's client.
func (r *responder) take(m *nats.Msg) {
	select {
	case r.places <- struct{}{}:
	case <-r.ctx.Done():
		r.reply(m, nil, r.ctx.Err())
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return
	}
	r.running.Go(func() {
		defer func() { <-r.places }()
		r.answer(m)
	})
}

// answer handles one request.
func (r *responder) answer(m *nats.Msg) {
	wait := answerTimeout
	if ms, err := strconv.ParseInt(m.Header.Get(withinHeader), 10, 32); err == nil {
		wait = min(time.Duration(ms)*time.Millisecond, maxHandling)
	}
	ctx, cancel := context.WithTimeout(r.ctx, wait)
	defer cancel()
	data, err := r.call(ctx, m.Data)
	r.reply(m, data, err)
}

// reply sends what a handler gave to who asked.
func (r *responder) reply(m *nats.Msg, data []byte, err error) {
	answer := new(nats.Msg)
	if err == nil {
		answer.Data = data
	} else {
		answer.Header = nats.Header{failedHeader: {"1"}}
		answer.Data = r.failure(err)
	}
	if err := m.RespondMsg(answer); err != nil {
		r.bus.log.Debug("bus answer not sent", "name", r.name, "error", err)
		return
	}
	r.bus.counts.answered.Add(1)
}

// call calls the handler. One that panics has failed.
func (r *responder) call(ctx context.Context, data []byte) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.bus.log.Error("request handler panicked", "name", r.name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.handle(ctx, data)
}

// failure writes a handler's error for who asked.
func (r *responder) failure(err error) []byte {
	f := failure{Code: rally.EInternal, Message: "error.internal", Cause: err.Error()}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		f.Code, f.Message = rally.EUnavailable, "error.unavailable" // there was not time enough
	}
	if e, ok := errors.AsType[*rally.Error](err); ok {
		f = failure{Code: e.Code, Message: e.Message, Fields: e.Fields, RetryAfter: e.RetryAfter, Cause: err.Error()}
	}
	data, err := json.Marshal(f)
	if err != nil {
		panic(err) // there is nothing in it that could not be written
	}
	return data
}

// end waits for what is being handled, and refuses what still comes until NATS
// knows that we respond no longer.
func (r *responder) end() {
	r.once.Do(func() {
		r.bus.counts.unanswered.Add(r.missed())
		r.cancel()
		_ = r.nats.Drain() // fails only when the connection is closed
	})
	select {
	case <-r.quiet:
	case <-time.After(flushTimeout):
		_ = r.nats.Unsubscribe()
	}
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.running.Wait()
}

// missed gives the number of requests that came when too many waited.
func (r *responder) missed() uint64 {
	n, err := r.nats.Dropped()
	if err != nil { // the connection is closed: nothing can be known any more
		return 0
	}
	return uint64(n)
}
