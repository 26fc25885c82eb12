package bus

import "sync/atomic"

// Stats are a bus's counts since its start.
type Stats struct {
	Published uint64 // events handed to NATS
	Dropped   uint64 // events that Publish could not take or NATS refused
	Received  uint64 // events handed to subscribers, each counted for each of them
	Lost      uint64 // events that came when a subscriber's queue was full
	Malformed uint64 // messages that were no events
	Resumed   uint64 // times that a watch of a bucket had to begin anew
	Expired   uint64 // leases of this node's that ended without being released

	Answered   uint64 // requests that this node has answered
	Unanswered uint64 // requests that came when too many waited

	Piped    uint64 // messages of pipes handed to NATS
	PipeLost uint64 // … that Send could not take, or that came when a listener's queue was full
}

// counters are what Stats are made of.
type counters struct {
	published, dropped, received, lost, malformed, resumed, expired, answered, unanswered, piped, pipeLost atomic.Uint64
}

// Stats gives the counts.
func (b *Bus) Stats() Stats {
	b.mu.RLock()
	defer b.mu.RUnlock()
	lost := b.counts.lost.Load()
	for s := range b.subscriptions {
		lost += s.missed()
	}
	unanswered, pipeLost := b.counts.unanswered.Load(), b.counts.pipeLost.Load()
	for p := range b.parts {
		switch p := p.(type) {
		case *responder:
			unanswered += p.missed()
		case *listener:
			pipeLost += p.missed()
		}
	}
	return Stats{
		Published: b.counts.published.Load(),
		Dropped:   b.counts.dropped.Load(),
		Received:  b.counts.received.Load(),
		Lost:      lost,
		Malformed: b.counts.malformed.Load(),
		Resumed:   b.counts.resumed.Load(),
		Expired:   b.counts.expired.Load(),

		Answered:   b.counts.answered.Load(),
		Unanswered: unanswered,

		Piped:    b.counts.piped.Load(),
		PipeLost: pipeLost,
	}
}
