package handlers

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
)

// eventCrossSite is what another site made a browser send. It concerns no
// account, so it stands in the server's log only.
const eventCrossSite rally.SecurityKind = "cross_site"

// recordTime bounds how long a request waits for the account's log.
const recordTime = 2 * time.Second

// securityEvent notes something that has to do with who may act: in the
// server's log, as a warning if it should not have happened, and, when user is
// known, in the account's own. detail is as rally.SecurityEvent has it. Values
// from outside are escaped by the log's handler. That an event could not be
// kept undoes nothing: the line in the log says so.
func (s *Server) securityEvent(c echo.Context, kind rally.SecurityKind, user rally.UserID, detail string, more ...slog.Attr) {
	st, ctx := of(c), c.Request().Context()
	agent := strings.ToValidUTF8(clip(c.Request().UserAgent(), 200), "")
	level := slog.LevelInfo
	if isAlarming(kind) {
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.String("event", string(kind)),
		slog.String("id", st.id),
		slog.String("address", st.address),
		slog.String("agent", agent),
		slog.Int64("user", int64(user)),
	}
	if detail != "" {
		attrs = append(attrs, slog.String("detail", detail))
	}
	s.c.Log.LogAttrs(ctx, level, "security", append(attrs, more...)...)
	if user == 0 {
		return
	}
	// What has happened is recorded even if the browser does not wait for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := s.c.SecurityLog.RecordSecurity(ctx, rally.SecurityEvent{
		User: user, Kind: kind, At: s.c.Now(), Address: st.address, Agent: agent, Detail: detail,
	}); err != nil {
		s.c.Log.ErrorContext(ctx, "security event not kept", "event", string(kind), "id", st.id,
			"user", int64(user), "error", err.Error())
	}
}

// isAlarming says whether an event should not have happened.
func isAlarming(kind rally.SecurityKind) bool {
	switch kind {
	case rally.SecuritySignInFailed, rally.SecurityCodeFailed, rally.SecurityProofFailed,
		rally.SecurityForgedToken, rally.SecurityForeignToken, eventCrossSite:
		return true
	default:
		return false
	}
}
