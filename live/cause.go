package live

import (
	"log/slog"
	"strconv"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// cause says why a socket was closed; the first cause counts.
type cause uint8

// The causes.
const (
	causeGone      cause = iota // the browser left or the connection broke
	causeSession                // the session was ended
	causeElsewhere              // another session has the user's place
	causeRenew                  // the token expired
	causeStopping               // Shutdown
	causeProtocol               // from here to causeSlow: see the code of that name
	causeText
	causeMalformed
	causeFlood
	causeTooBig
	causeSlow
	causeSilent // nothing was heard for DeadAfter
	causeStuck  // one write took longer than WriteTimeout
	causePanic  // a Receiver panicked
	causes      // how many there are
)

// describe gives a cause's name in logs and metrics and the code and reason the
// browser is told. A code of 0 means that no farewell is tried.
func (c cause) describe() (name string, code int, reason string) {
	switch c {
	case causeGone:
		return "gone", 0, ""
	case causeSession:
		return "session", CodeSessionEnded, "ended"
	case causeElsewhere:
		return "elsewhere", CodeElsewhere, "live on another device"
	case causeRenew:
		return "renew", CodeRenew, "token expired"
	case causeStopping:
		return "stopping", CodeStopping, "server restarts"
	case causeProtocol:
		return "protocol", CodeProtocol, "protocol error"
	case causeText:
		return "text", CodeText, "text frames are for the server only"
	case causeMalformed:
		return "malformed", CodeMalformed, "malformed frame"
	case causeFlood:
		return "flood", CodeFlood, "too many messages"
	case causeTooBig:
		return "too_big", CodeTooBig, "message too big"
	case causeSlow:
		return "slow", CodeSlow, "reads too slowly"
	case causeSilent:
		return "silent", 0, ""
	case causeStuck:
		return "stuck", 0, ""
	default:
		return "panic", CodeInternal, "internal error"
	}
}

// usual says whether a cause is part of everyday life and not worth a line in
// the log.
func (c cause) usual() bool { return c <= causeStopping }

// causeOf gives the cause that belongs to a code CloseSession was given.
func causeOf(code int) cause {
	switch code {
	case CodeElsewhere:
		return causeElsewhere
	case CodeRenew:
		return causeRenew
	default:
		return causeSession
	}
}

// ending is how a socket is closed: the cause, what the browser is told (a
// code of 0: nothing) and what the log says beside it.
type ending struct {
	cause  cause
	code   int
	reason string
	err    error
}

// because makes the ending that belongs to c.
func because(c cause, err error) ending {
	_, code, reason := c.describe()
	return ending{cause: c, code: code, reason: reason, err: err}
}

// returns says whether the browser is likely to be back in a moment: nobody
// said goodbye, or we have asked it to come again.
func (e ending) returns() bool {
	switch e.cause {
	case causeGone:
		return websocket.CloseStatus(e.err) == -1
	case causeRenew, causeStopping, causeSlow:
		return true
	default:
		return false
	}
}

// report counts the end of a socket, and writes the one line about it if it
// was an unusual one.
func (c *Conn) report() {
	c.mu.Lock()
	e := c.ending
	c.mu.Unlock()
	c.hub.stats.closed[e.cause].Add(1)
	name, _, _ := e.cause.describe()
	level := slog.LevelWarn
	switch {
	case e.cause.usual():
		level = slog.LevelDebug
	case e.cause == causePanic:
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("cause", name),
		slog.Int("code", e.code),
		slog.Int64("user", int64(c.viewer.User.ID)),
		slog.String("session", escape(string(c.viewer.Session))),
		slog.String("remote", escape(c.remote)),
	}
	if e.err != nil {
		attrs = append(attrs, slog.String("error", escape(e.err.Error())))
	}
	c.hub.cfg.Log.LogAttrs(c.hub.ctx, level, "socket closed", attrs...)
}

// escape makes s fit for one line of any log format: control characters, line
// ends among them, and everything unprintable are spelled out, and what is
// overlong is cut.
func escape(s string) string {
	const most = 2000 // bytes; enough for the top of a stack
	s = strconv.Quote(clip(s, most))
	return s[1 : len(s)-1]
}

// clip cuts s to at most n bytes, never inside a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
