package bench

import (
	"bytes"
	"slices"
	"strconv"

	"rally"
)

// What stands before a user's id where a fragment shows what is seen of them:
// in their entry of the list of friends, and in every badge.
var marks = [...]string{"online-", "data-badge="}

// named gives whose state a fragment shows, in order, each once.
func named(fragment []byte) (users []rally.UserID) {
	for _, mark := range marks {
		for rest := fragment; ; {
			_, after, found := bytes.Cut(rest, []byte(mark))
			if !found {
				break
			}
			rest = after
			if id, ok := leadingID(rest); ok {
				users = append(users, id)
			}
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// showsGone says whether a badge says that somebody is offline.
func showsGone(badge []byte) bool { return bytes.Contains(badge, []byte(`data-state="offline"`)) }

// leadingID reads a user's id that text begins with, perhaps in quotes.
func leadingID(text []byte) (id rally.UserID, ok bool) {
	for _, quote := range []string{`\"`, `"`, `'`, "&#34;", "&quot;"} {
		if after, found := bytes.CutPrefix(text, []byte(quote)); found {
			text = after
			break
		}
	}
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		digits++
	}
	n, err := strconv.ParseInt(string(text[:digits]), 10, 64)
	return rally.UserID(n), err == nil
}
