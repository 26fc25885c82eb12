package rally_test

import (
	"strings"
	"testing"
	"time"

	"rally"
)

func TestChallengeIDsAreDistinctAndValid(t *testing.T) {
	t.Parallel()
	seen := map[rally.ChallengeID]bool{}
	for range 1000 {
		id := rally.NewChallengeID()
		if !id.Valid() || seen[id] {
			t.Fatalf("%q: valid %v, seen %v", id, id.Valid(), seen[id])
		}
		seen[id] = true
	}
	for _, bad := range []rally.ChallengeID{"", "short", "ABCDEFGHIJKL", "abcdefghijk1", "abcdefghijklm"} {
		if bad.Valid() {
			t.Errorf("%q passes for an id", bad)
		}
	}
}

// marks gives as many accents for one letter.
func marks(n int) string { return strings.Repeat("\u0301", n) }

func TestMessagesAreOneLineThatShows(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct{ text, problem string }{
		" well played ":                      {"well played", ""},
		"two\r\nlines\tand\u2028more":        {"two  lines and more", ""},
		"<script>alert(1)</script>":          {"<script>alert(1)</script>", ""},
		"잘했어요":                               {"잘했어요", ""},
		"ev\u202eil\u2066\u200f\u061c\ufeff": {"evil", ""},
		"\U0001f468\u200d\U0001f469":         {"\U0001f468\u200d\U0001f469", ""}, // a family
		"نمی\u200cخواهم":                     {"نمی\u200cخواهم", ""},
		"":                                   {"", "field.message_empty"},
		" \n\u200b ":                         {"", "field.message_empty"},
		"\u200d\u0301":                       {"\u200d\u0301", "field.message_empty"},
		"\u3164 \u115f\uffa0\u2800":          {"\u3164 \u115f\uffa0\u2800", "field.message_empty"},
		"\u2801\u3164":                       {"\u2801\u3164", ""},
		"a" + marks(20) + "b":                {"a" + marks(8) + "b", ""},
		"a" + marks(8) + "\u200b" + marks(1): {"a" + marks(8), ""},
		"a" + marks(8) + "\u200d" + marks(1): {"a" + marks(8) + "\u200d", ""},
		"a" + marks(8) + "\u0489\u0903":      {"a" + marks(8), ""},
		"ကြွှေး":                             {"ကြွှေး", ""},
		"\ufffc\U00013441\U0001d159":         {"\ufffc\U00013441\U0001d159", "field.message_empty"},
		"nul\x00":                            {"nul\x00", "field.message_chars"},
		"\x1b[31mred":                        {"\x1b[31mred", "field.message_chars"},
		"bad\xff":                            {"", "field.message_chars"},
		"private\ue000":                      {"private\ue000", "field.message_chars"},
		strings.Repeat("é", 500):             {strings.Repeat("é", 500), ""},
		strings.Repeat("é", 501):             {strings.Repeat("é", 501), "field.message_long"},
	} {
		text, problem := rally.CheckMessage(in)
		if text != want.text || problem != want.problem {
			t.Errorf("CheckMessage(%q) = %q, %q; want %q, %q", in, text, problem, want.text, want.problem)
		}
		if again, problem := rally.CheckMessage(text); want.problem == "" && (again != text || problem != "") {
			t.Errorf("CheckMessage(%q) = %q, %q", text, again, problem)
		}
	}
}

func TestAChallengeIsOpenUntilItExpires(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := rally.Challenge{State: rally.ChallengeOpen, ExpiresAt: now}
	if !c.OpenAt(now.Add(-1)) || c.OpenAt(now) {
		t.Error("it is open at the wrong time")
	}
	c.State = rally.ChallengeAccepted
	if c.OpenAt(now.Add(-1)) {
		t.Error("it could be accepted twice")
	}
}
