package rally_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rally"
)

func anyRating(t *rapid.T, label string) rally.Rating {
	return rally.Rating{
		Value:      rapid.Float64Range(100, 3500).Draw(t, label+" value"),
		Deviation:  rapid.Float64Range(45, 350).Draw(t, label+" deviation"),
		Volatility: rapid.Float64Range(0.03, 0.12).Draw(t, label+" volatility"),
	}
}

func TestWinningRaisesAndLosingLowersARating(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mine, theirs := anyRating(t, "mine"), anyRating(t, "theirs")
		won, lost := mine.After(theirs, 1), mine.After(theirs, 0)
		if won.Value < mine.Value || lost.Value > mine.Value {
			t.Fatalf("%v: won %v, lost %v", mine, won, lost)
		}
		for _, r := range []rally.Rating{won, lost} {
			if math.IsNaN(r.Value) || r.Deviation < 45 || r.Deviation > 350 || r.Volatility <= 0 || r.Volatility > 1 {
				t.Fatalf("%v became %v", mine, r)
			}
		}
	})
}

func TestNamesAreTrimmedAndChecked(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct{ name, problem string }{
		"  Ada   Lovelace ":               {"Ada Lovelace", ""},
		"김철수":                             {"김철수", ""},
		"x":                               {"x", "field.name_short"},
		"":                                {"", "field.name_empty"},
		" \t\n":                           {"", "field.name_empty"},
		"a.b-c_d":                         {"a.b-c_d", ""},
		"...":                             {"...", "field.name_chars"},
		strings.Repeat("가", 20):           {strings.Repeat("가", 20), ""},
		strings.Repeat("가", 21):           {strings.Repeat("가", 21), "field.name_long"},
		"<b>bold</b>":                     {"<b>bold</b>", "field.name_chars"},
		"ev\u202eil":                      {"ev\u202eil", "field.name_chars"},
		"zero\u200bwidth":                 {"zero\u200bwidth", "field.name_chars"},
		"nul\x00":                         {"nul\x00", "field.name_chars"},
		"bad\xff":                         {"bad\xff", "field.name_chars"},
		"adm\u034fin":                     {"adm\u034fin", "field.name_chars"},
		"adm\ufe0fin":                     {"adm\ufe0fin", "field.name_chars"},
		"adm\u17b4in":                     {"adm\u17b4in", "field.name_chars"},
		"adm\u180bin":                     {"adm\u180bin", "field.name_chars"},
		"admin\U000e0100":                 {"admin\U000e0100", "field.name_chars"},
		"\u3164\u3164":                    {"\u3164\u3164", "field.name_chars"},
		"\u115f\u115f":                    {"\u115f\u115f", "field.name_chars"},
		"\uffa0a":                         {"\uffa0a", "field.name_chars"},
		"a" + strings.Repeat("\u0300", 5): {"a" + strings.Repeat("\u0300", 5), "field.name_chars"},
		"\u0338slash":                     {"\u0338slash", "field.name_chars"},
		"  \u0301ab":                      {"\u0301ab", "field.name_chars"},
		"\u0301\u0301\u0301ab":            {"\u0301\u0301\u0301ab", "field.name_chars"},
		"\u0903ab":                        {"\u0903ab", "field.name_chars"},
		"हिन्दी":                          {"हिन्दी", ""},
		"বাংলা":                           {"বাংলা", ""},
		"தமிழ்":                           {"தமிழ்", ""},
		"ဖြိုး":                           {"ဖြိုး", ""}, // four marks on one letter
		"ไทยคน":                           {"ไทยคน", ""},
		"क" + strings.Repeat("\u093e", 5): {"क" + strings.Repeat("\u093e", 5), "field.name_chars"},
		"क\u094d\u200dष":                  {"क\u094d\u200dष", "field.name_chars"},
		"a\u0489":                         {"a\u0489", "field.name_chars"},
		"Thuy\u0302\u0301":                {"Thuy\u0302\u0301", ""},
	} {
		name, problem := rally.NormalizeName(in)
		if name != want.name || problem != want.problem {
			t.Errorf("NormalizeName(%q) = %q, %q; want %q, %q", in, name, problem, want.name, want.problem)
		}
	}
}

func TestEmailsAreOnePlainAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct{ email, problem string }{
		" Ada@Example.ORG ":               {"Ada@example.org", ""},
		"":                                {"", "field.email_empty"},
		"ada":                             {"ada", "field.email_invalid"},
		"Ada <ada@example.org>":           {"Ada <ada@example.org>", "field.email_invalid"},
		"a@b.c, d@e.f":                    {"a@b.c, d@e.f", "field.email_invalid"},
		"a@b.c\r\nBcc: d@e.f":             {"a@b.c\r\nBcc: d@e.f", "field.email_invalid"},
		strings.Repeat("a", 251) + "@b.c": {strings.Repeat("a", 251) + "@b.c", "field.email_invalid"},
		"\u202ea@example.org":             {"\u202ea@example.org", "field.email_invalid"},
		"a\u200b@example.org":             {"a\u200b@example.org", "field.email_invalid"},
		"a@exam\u00adple.org":             {"a@exam\u00adple.org", "field.email_invalid"},
	} {
		email, problem := rally.NormalizeEmail(in)
		if email != want.email || problem != want.problem {
			t.Errorf("NormalizeEmail(%q) = %q, %q; want %q, %q", in, email, problem, want.email, want.problem)
		}
	}
}

func TestPasswordsAreJudgedByLengthInCharacters(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                         "field.password_empty",
		"1234567":                  "field.password_short",
		"비밀번호여덟글자":                 "",
		strings.Repeat("é", 128):   "",
		strings.Repeat("é", 129):   "field.password_long",
		strings.Repeat("\xff", 20): "field.password_long",
	} {
		if got := rally.CheckPassword(in); got != want {
			t.Errorf("CheckPassword(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestStagesSurviveBeingWritten(t *testing.T) {
	t.Parallel()
	for _, s := range []rally.Stage{rally.StageAnonymous, rally.StageOTP, rally.StageFull} {
		if got := rally.ParseStage(s.String()); got != s {
			t.Errorf("%v came back as %v", s, got)
		}
	}
	if rally.ParseStage("FULL ") != rally.StageAnonymous {
		t.Error("an unknown stage opens something")
	}
}

func TestMatchIDsAreDistinctAndValid(t *testing.T) {
	t.Parallel()
	seen := map[rally.MatchID]bool{}
	for range 1000 {
		id := rally.NewMatchID()
		if !id.Valid() || seen[id] {
			t.Fatalf("%q: valid %v, seen %v", id, id.Valid(), seen[id])
		}
		seen[id] = true
	}
	for _, bad := range []rally.MatchID{"", "short", "ABCDEFGHIJKL", "abcdefghijk1", "abcdefghijklm"} {
		if bad.Valid() {
			t.Errorf("%q passes for an id", bad)
		}
	}
}

func TestErrorCodesAreFoundThroughWrapping(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection refused")
	err := fmt.Errorf("FindUser(1): %w", rally.Errorf(rally.EUnavailable, "error.database_away", "dial: %w", cause))
	if got := rally.ErrorCode(err); got != rally.EUnavailable {
		t.Errorf("code %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got := rally.ErrorCode(cause); got != rally.EInternal {
		t.Errorf("a plain error has code %q", got)
	}
	if got := rally.ErrorCode(nil); got != "" {
		t.Errorf("nil has code %q", got)
	}
}

func TestAMatchKnowsItsPlayers(t *testing.T) {
	t.Parallel()
	m := rally.Match{Players: [2]rally.Player{{User: 7}, {User: 0, Bot: rally.BotHard}}}
	if m.Of(7) != rally.Left || m.Of(8) != rally.NoSide || m.Of(0) != rally.NoSide {
		t.Error("sides are mixed up")
	}
	if rally.Left.Other() != rally.Right || rally.NoSide.Other() != rally.NoSide {
		t.Error("Other is mixed up")
	}
}
