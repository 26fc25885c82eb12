package views

import "testing"

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Ada":             "A",
		"ada lovelace":    "AL",
		"Ada of Lovelace": "AL",
		"Ada Lovelace 2":  "AL",
		"Ada 691":         "A",
		"42":              "4",
		"4 2":             "42",
		"김서연":             "김",
		"김 서연 7":          "김",
		"Ada 김":           "A",
		"-.-":             "?",
		"e\u0301lan":      "E\u0301",
	} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
