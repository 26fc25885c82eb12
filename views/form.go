package views

import (
	"net/url"
	"strings"

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
		ids = append(ids, i.name+"-problem")
	}
	if i.hint != "" {
		ids = append(ids, i.name+"-hint")
	}
	return strings.Join(ids, " ")
}

// withNext is path, remembering where to go afterwards.
func withNext(path, next string) templ.SafeURL {
	if next == "" {
		return templ.SafeURL(path)
	}
	return templ.SafeURL(path + "?next=" + url.QueryEscape(next))
}
