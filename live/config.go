package live

import (
	"context"
	"log/slog"
	"time"

	"rally"
)

// Limits of the socket. docs/protocol.md repeats them for those who write
// clients.
const (
	FrameMax    = 1024 // bytes of one message from the browser; more closes with CodeTooBig
	StateMax    = 64   // bytes of one frame given to Offer
	QueueMax    = 64   // texts and binary frames waiting for one slow reader
	BadgesMax   = 16   // of them, and no badge joins them: later there is a list of all friends
	CreditRate  = 40   // messages a second a browser may send for ever
	CreditBurst = 80   // messages it may send at once after a silence
	SocketsMax  = 64   // sockets of one user on one node; no further one is opened
)

// The codes a socket is closed with, beside 1000 and 1001, which are the
// browser's own.
const (
	CodeProtocol     = 1002 // not WebSocket
	CodeText         = 1003 // a text frame came from the browser
	CodeMalformed    = 1007 // a binary frame that means nothing
	CodeFlood        = 1008 // the credits are used up
	CodeTooBig       = 1009 // a message over FrameMax
	CodeInternal     = 1011 // a fault of ours
	CodeStopping     = 1012 // the server stops; come back in a moment
	CodeElsewhere    = 4001 // live on another device; do not come back by yourself
	CodeSessionEnded = 4002 // signed out, here or elsewhere; the reason says how
	CodeSlow         = 4003 // the queue of texts overflowed; reload
	CodeRenew        = 4004 // the token has expired; come back for a new one
)

// Receiver takes what one browser sends. The hub calls both methods from one
// goroutine.
type Receiver interface {
	// Receive takes one binary message of at most FrameMax bytes. frame is
	// reused: it must not be kept. An error says that the frame means
	// nothing, and closes the socket with CodeMalformed. Receive must not
	// block.
	Receive(frame []byte) error
	// Close says that nothing more will come. It is called exactly once.
	Close()
}

// Config is what NewHub needs. Durations that are zero get their defaults.
type Config struct {
	// Origins are the values of the Origin header that may open a socket, as
	// browsers write them: "https://rally.example", with a port only when it
	// is not the scheme's own. With none, the origin's host must be the host
	// of the request.
	Origins []string
	// Log gets one line for each socket that did not end in a usual way.
	Log *slog.Logger
	// Check says whether a session still stands, and whether the newest token
	// beside it is still valid; it is called for every session with a socket,
	// once in CheckEvery. An error says that this cannot be known now, and
	// leaves the sockets open. nil: never ask.
	Check func(ctx context.Context, id rally.SessionID) (alive, token bool, err error)
	// Places says which of a user's sessions may have sockets. nil: all.
	Places Places

	// Painter renders what friends see of each other, and Friends gives a
	// user's friends, in any order. Without both nobody is told anything.
	Painter Painter
	Friends func(ctx context.Context, user rally.UserID) ([]rally.UserID, error)
	// SetSeen writes down when people were last here; nil: it is not.
	SetSeen func(ctx context.Context, seen map[rally.UserID]time.Time) error
	// Playing gives which match that runs on this node a user is in and that is
	// not over, "" for none. It does not wait for anything. nil: nobody plays.
	Playing func(user rally.UserID) rally.MatchID
	// Nodes are the other nodes. nil: there are none.
	Nodes Nodes

	OfflineAfter time.Duration // how long somebody is here after their last socket; 5 s
	AwayAfter    time.Duration // how long somebody who does nothing is not away; 5 min
	GoneAfter    time.Duration // how long another node counts after its last sign of life; 8 s

	PingEvery    time.Duration // silence after which a browser is pinged; 15 s
	DeadAfter    time.Duration // silence after which it counts as gone; 25 s
	CheckEvery   time.Duration // 1 min; sessions are checked somewhat more often
	BeatEvery    time.Duration // between two signs of life to Places; 3 s
	BeatLife     time.Duration // how long Places takes one for valid; 10 s
	Linger       time.Duration // how long a session whose last connection broke keeps its place; 1 s
	WriteTimeout time.Duration // how long one write may take; 10 s
	CloseWait    time.Duration // how long a closing socket may take for its farewell; 750 ms
}

// withDefaults fills what was left out.
func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&c.OfflineAfter, 5 * time.Second},
		{&c.AwayAfter, 5 * time.Minute},
		{&c.GoneAfter, 8 * time.Second},
		{&c.PingEvery, 15 * time.Second},
		{&c.DeadAfter, 25 * time.Second},
		{&c.CheckEvery, time.Minute},
		{&c.BeatEvery, 3 * time.Second},
		{&c.BeatLife, 10 * time.Second},
		{&c.Linger, time.Second},
		{&c.WriteTimeout, 10 * time.Second},
		{&c.CloseWait, 750 * time.Millisecond},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// sweepEvery is how often the hub looks at all its sockets: once a second, and
// more often when the durations of a test ask for it.
func (c Config) sweepEvery() time.Duration {
	shortest := min(c.PingEvery, c.DeadAfter-c.PingEvery, c.CheckEvery, c.WriteTimeout)
	return min(max(shortest/10, time.Millisecond), time.Second)
}
