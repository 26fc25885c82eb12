package main

import (
	"io"
	"log/slog"
	"os"
)

// newLog makes the log: lines for people in development on a terminal, JSON
// for everything else, whose field names are kept stable for those who search
// them.
func newLog(w io.Writer, level slog.Level, dev bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if dev && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// isTerminal says whether w is a character device, as a terminal is.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
