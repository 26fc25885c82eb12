package views

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/a-h/templ"
	"golang.org/x/text/language"
)

// Config is what Views needs from outside.
type Config struct {
	// Asset gives the address of a static file, such as "css/rally.css".
	Asset func(name string) string
}

// Views renders components in a language. It is safe for concurrent use.
type Views struct {
	asset   func(name string) string
	locales map[string]*locale
	names   []string // of the locales, the default first
	matcher language.Matcher
	buffers sync.Pool
}

// New loads the catalogues. An error is a fault in the program: a catalogue
// that does not parse.
func New(c Config) (*Views, error) {
	if c.Asset == nil {
		return nil, fmt.Errorf("views: no Asset")
	}
	v := &Views{
		asset:   c.Asset,
		locales: make(map[string]*locale),
		names:   slices.Clone(localeNames),
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	bundle, err := loadBundle()
	if err != nil {
		return nil, err
	}
	tags := make([]language.Tag, len(v.names))
	for i, name := range v.names {
		l, err := newLocale(bundle, name)
		if err != nil {
			return nil, err
		}
		v.locales[name], tags[i] = l, l.tag
	}
	v.matcher = language.NewMatcher(tags)
	return v, nil
}

// Locales gives the names of the languages there are, the default first.
func (v *Views) Locales() []string { return slices.Clone(v.names) }

// Match gives the best of Locales for an Accept-Language header; anything
// unreadable gives the default.
func (v *Views) Match(acceptLanguage string) string {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return v.names[0]
	}
	_, i, _ := v.matcher.Match(wanted...)
	return v.names[i]
}

// Render gives c as bytes, in the named language; an unknown one gives the
// default. The bytes are the caller's. Components of this package work only
// inside Render, which puts language and asset addresses into their context.
func (v *Views) Render(ctx context.Context, locale string, c templ.Component) ([]byte, error) {
	l, ok := v.locales[locale]
	if !ok {
		l = v.locales[v.names[0]]
	}
	buf := v.buffers.Get().(*bytes.Buffer)
	defer v.buffers.Put(buf)
	buf.Reset()
	ctx = context.WithValue(ctx, scopeKey{}, &scope{locale: l, asset: v.asset})
	if err := c.Render(ctx, buf); err != nil {
		return nil, fmt.Errorf("views: render: %w", err)
	}
	return bytes.Clone(buf.Bytes()), nil
}

// scope is what components find in their context.
type scope struct {
	*locale
	asset func(name string) string
}

type scopeKey struct{}

// in gives the scope Render put into ctx.
func in(ctx context.Context) *scope {
	return ctx.Value(scopeKey{}).(*scope)
}
