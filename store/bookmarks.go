package store

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"rally"
)

// bookmark is a place in a list that is in order of rank, then key.
type bookmark struct {
	rank int64
	key  string
}

// String gives the bookmark as text fit for a URL.
func (b bookmark) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", b.rank, b.key))
}

// bookmarkMax is longer than any bookmark, in bytes.
const bookmarkMax = 400

// parseBookmark gives the place that String wrote; for "", first.
func parseBookmark(s string, first bookmark) (bookmark, error) {
	if s == "" {
		return first, nil
	}
	wrong := rally.Errorf(rally.EInvalid, "error.invalid", "no place in a list: %.60q", s)
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(s) > bookmarkMax || !storable(string(b)) {
		return bookmark{}, wrong
	}
	rank, key, ok := strings.Cut(string(b), " ")
	n, err := strconv.ParseInt(rank, 10, 64)
	if err != nil || !ok {
		return bookmark{}, wrong
	}
	return bookmark{rank: n, key: key}, nil
}
