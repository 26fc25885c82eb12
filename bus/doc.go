// Package bus carries events between the rooms of one node and between nodes,
// over NATS: a server embedded in this process, without a port, unless there
// is an external one to share with other nodes. The code is the same for both.
// It also keeps small things that all nodes share and that may go with NATS:
// see [Bucket], and [Lease] for who alone has something. With [Bus.Request] one
// node asks another, and [Bus.Send] is for what must be quick and may be lost.
//
// # What a lost event means
//
// An event is a hint that something changed. What is true is in the database or
// in the match's own memory, and a page that is loaded is always right. So a
// lost event means that somebody sees a change late: at the next load, at the
// next reconnect, or with the next event about the same thing. Nothing is
// repaired, retried or stored for events, and nobody may build on receiving
// one. The one event with a promise of its own, rally.SessionEnded, has a
// second way: the hub asks about every session once a minute.
//
// Events can be lost in three places, and each counts them (see [Stats]):
//
//   - [Bus.Publish] never blocks. When more events wait than the publisher can
//     get rid of, because an external NATS is away or stalls, new ones are
//     dropped. What waits while NATS is away is delivered when it is back.
//   - A subscriber that falls behind loses what exceeds its pending limit.
//   - What an external NATS had not yet handed on when it stopped is gone.
//
// Otherwise a subscriber sees the events of one node in the order in which that
// node published them. There is no order between nodes. An event comes to every
// subscriber of every node, that of its publisher included.
package bus
