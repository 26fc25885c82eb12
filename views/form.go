package views

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/a-h/templ"
)

// firstProblem gives the place of the first field with something wrong, or -1.
func firstProblem(fields ...Field) int {
	for i, f := range fields {
		if f.Problem != "" {
			return i
		}
	}
	return -1
}

// describedBy names the elements that say more about the field: what is wrong
// with it first.
func (i input) describedBy() string {
	var ids []string
	if i.whole {
		ids = append(ids, "form-problem")
	}
	if i.field.Problem != "" {
		ids = append(ids, i.key()+"-problem")
	}
	if i.hint != "" {
		ids = append(ids, i.key()+"-hint")
	}
	return strings.Join(ids, " ")
}

// key is the field's id.
func (i input) key() string {
	if i.id != "" {
		return i.id
	}
	return i.name
}

// unless gives the field, or an empty one where another took what was sent.
func (f Field) unless(elsewhere bool) Field {
	if elsewhere {
		return Field{}
	}
	return f
}

// isRecovery says whether what was typed as a code can only be meant as a
// recovery code: one-time codes are shorter.
func isRecovery(code string) bool {
	n := 0
	for _, r := range code {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n > 8
}

// retryWords says when to try again, in seconds below two minutes and in
// minutes from there.
func retryWords(s *scope, seconds int) string {
	if seconds < 120 {
		return s.n("error.retry", seconds)
	}
	return s.n("error.retry_minutes", (seconds+59)/60)
}

// withNext is path, remembering where to go afterwards.
func withNext(path, next string) templ.SafeURL {
	if next == "" {
		return templ.SafeURL(path)
	}
	return templ.SafeURL(path + "?next=" + url.QueryEscape(next))
}
