package views

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed locales/*.toml
var catalogues embed.FS

// localeNames are the languages there is a catalogue for, the default first.
var localeNames = []string{"en", "ko"}

// loadBundle reads every catalogue.
func loadBundle() (*i18n.Bundle, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	for _, name := range localeNames {
		for _, file := range catalogueFiles(name) {
			if _, err := bundle.LoadMessageFileFS(catalogues, file); err != nil {
				return nil, fmt.Errorf("views: catalogue %s: %w", file, err)
			}
		}
	}
	return bundle, nil
}

// catalogueFiles gives a language's files: one for each area of the site.
func catalogueFiles(name string) []string {
	files, err := fs.Glob(catalogues, "locales/*."+name+".toml")
	if err != nil {
		panic(err) // the pattern is a constant but for the name of a language
	}
	return files
}

// locale is one language: its copy and its ways of writing times and numbers.
type locale struct {
	name      string
	tag       language.Tag
	localizer *i18n.Localizer
	// plain holds every message without placeholders, already looked up: most
	// of a page, and far cheaper than asking the localizer each time.
	plain map[string]string
}

func newLocale(bundle *i18n.Bundle, name string) (*locale, error) {
	l := &locale{
		name:      name,
		tag:       language.Make(name),
		localizer: i18n.NewLocalizer(bundle, name),
		plain:     make(map[string]string),
	}
	for _, path := range catalogueFiles(name) {
		data, err := catalogues.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("views: catalogue %s: %w", path, err)
		}
		file, err := i18n.ParseMessageFileBytes(data, path, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
		if err != nil {
			return nil, fmt.Errorf("views: catalogue %s: %w", path, err)
		}
		for _, m := range file.Messages {
			if m.One == "" && !strings.Contains(m.Other, "{{") {
				l.plain[m.ID] = m.Other
			}
		}
	}
	return l, nil
}

// vars are the values of a message's placeholders, by name.
type vars map[string]any

// t gives a message; placeholders are filled from data. A message that is not
// in the catalogue is shown as its id, which the catalogue's test prevents.
func (l *locale) t(id string, data ...vars) string {
	if s, ok := l.plain[id]; ok {
		return s
	}
	c := i18n.LocalizeConfig{MessageID: id}
	if len(data) > 0 {
		c.TemplateData = map[string]any(data[0])
	}
	s, err := l.localizer.Localize(&c)
	if err != nil {
		return id
	}
	return s
}

// n gives a message in the plural form for count, which is its {{.Count}}.
func (l *locale) n(id string, count int) string {
	s, err := l.localizer.Localize(&i18n.LocalizeConfig{
		MessageID:    id,
		PluralCount:  count,
		TemplateData: vars{"Count": count},
	})
	if err != nil {
		return id
	}
	return s
}

// date writes the day of t, in UTC.
func (l *locale) date(t time.Time) string { return t.UTC().Format(l.t("format.date")) }

// moment writes the day and the minute of t, in UTC and saying so.
func (l *locale) moment(t time.Time) string { return t.UTC().Format(l.t("format.moment")) }

// span writes a length of time in minutes and seconds, for reading.
func (l *locale) span(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 60 {
		return l.n("format.seconds", s)
	}
	return l.t("format.minutes_seconds", vars{"Minutes": s / 60, "Seconds": s % 60})
}

// clock writes a length of time as a clock shows it: 0:07, 12:34.
func clock(d time.Duration) string {
	s := wholeSeconds(d)
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// machineSpan writes a length of time for a datetime attribute: PT7S.
func machineSpan(d time.Duration) string { return fmt.Sprintf("PT%dS", wholeSeconds(d)) }

// machineTime writes a moment for a datetime attribute.
func machineTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// wholeSeconds rounds up, so that a countdown ends at 0 and not a second
// before; never below 0.
func wholeSeconds(d time.Duration) int {
	return int((max(d, 0) + time.Second - 1) / time.Second)
}

// signed writes a change with its sign, and with a true minus.
func signed(n int) string {
	switch {
	case n > 0:
		return fmt.Sprintf("+%d", n)
	case n < 0:
		return fmt.Sprintf("−%d", -n)
	default:
		return "±0"
	}
}
