// Package migrations holds the numbered SQL that makes and changes Rally's
// tables. store runs it, under a lock, when a server starts. Forward only in
// production; each file has a way down for development.
package migrations

import "embed"

// Files are the migrations in goose's format, at the root, in order of their
// numbers. A file that has been released is never changed: write the next one.
// Numbers 5 and 13 are store's own, in Go.
//
//go:embed *.sql
var Files embed.FS
