package static

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// palettes reads the colour tokens of the night and of the day.
func palettes(t *testing.T) (night, day, dayBySystem map[string]string) {
	t.Helper()
	css, err := readFile(embedded, "css/rally.css")
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`--([\w-]+):\s*(#[0-9a-f]{6});`)
	after := func(selector string) map[string]string {
		_, rest, ok := strings.Cut(string(css), selector)
		if !ok {
			t.Fatalf("no rule %s", selector)
		}
		body, _, _ := strings.Cut(rest, "}")
		found := make(map[string]string)
		for _, m := range token.FindAllStringSubmatch(body, -1) {
			found[m[1]] = m[2]
		}
		return found
	}
	return after(":root {"), after(`:root[data-theme="light"] {`), after(`:root:not([data-theme="dark"]) {`)
}

func TestDayIsTheSameHoweverItComes(t *testing.T) {
	t.Parallel()
	night, day, bySystem := palettes(t)
	if len(day) < 20 || len(night) != len(day) || len(bySystem) != len(day) {
		t.Fatalf("%d colours at night, %d and %d by day", len(night), len(day), len(bySystem))
	}
	for name, colour := range day {
		if bySystem[name] != colour {
			t.Errorf("--%s is %s when chosen and %s by the system's wish", name, colour, bySystem[name])
		}
		if night[name] == "" {
			t.Errorf("--%s is missing at night", name)
		}
	}
}

// luminance and contrast are WCAG 2.2's relative luminance and contrast ratio.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		t.Fatalf("colour %q: %v", colour, err)
	}
	channel := func(v uint64) float64 {
		c := float64(v&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(n>>16) + 0.7152*channel(n>>8) + 0.0722*channel(n)
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// TestContrast holds WCAG AA in both themes: 4.5:1 for text, 3:1 for the parts
// of controls, and the same on the court.
func TestContrast(t *testing.T) {
	t.Parallel()
	night, day, _ := palettes(t)
	for theme, c := range map[string]map[string]string{"night": night, "day": day} {
		for _, pair := range []struct {
			a, b string
			want float64
		}{
			{"ink", "ground", 4.5},
			{"ink", "raised", 4.5},
			{"ink", "hover", 4.5},
			{"ink-2", "ground", 4.5},
			{"ink-2", "raised", 4.5},
			{"danger", "ground", 4.5},
			{"danger", "raised", 4.5},
			{"danger-ink", "danger", 4.5},
			{"action-ink", "action", 4.5},
			{"action-ink", "action-hover", 4.5},
			{"action", "ground", 3},
			{"action", "raised", 3},
			{"edge", "ground", 3},
			{"edge", "raised", 3},
			{"focus", "ground", 3},
			{"focus", "raised", 3},
			{"link-line", "ground", 3},
			{"link-line", "raised", 3},
			{"court-line", "court-ground", 4.5},
			{"court-line", "court-hover", 4.5},
			{"court-ink", "court-ground", 4.5},
			{"court-ball", "court-ground", 3},
			{"court-paddle", "court-ground", 3},
			{"court-action", "court-ground", 3},
			{"court-action-ink", "court-action", 4.5},
			{"court-action-ink", "court-line", 4.5},
		} {
			a, b := c[pair.a], c[pair.b]
			if a == "" || b == "" {
				t.Errorf("%s: no colour --%s or --%s", theme, pair.a, pair.b)
			} else if got := contrast(t, a, b); got < pair.want {
				t.Errorf("%s: --%s on --%s is %.2f:1, want %.1f:1", theme, pair.a, pair.b, got, pair.want)
			}
		}
	}
}

// TestAvatarContrast holds the same for initials, which look alike in both
// themes.
func TestAvatarContrast(t *testing.T) {
	t.Parallel()
	css, err := readFile(embedded, "css/rally.css")
	if err != nil {
		t.Fatal(err)
	}
	hues := regexp.MustCompile(`--hue(?:, |: )(#[0-9a-f]{6})`).FindAllStringSubmatch(string(css), -1)
	if len(hues) != 8 {
		t.Fatalf("%d colours for initials, want 8", len(hues))
	}
	seen := make(map[string]bool)
	for _, m := range hues {
		if got := contrast(t, "#ffffff", m[1]); got < 4.5 || seen[m[1]] {
			t.Errorf("white on %s is %.2f:1, want 4.5:1 and each colour once", m[1], got)
		}
		seen[m[1]] = true
	}
}
