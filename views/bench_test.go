package views_test

import (
	"testing"

	"github.com/a-h/templ"

	"rally/views"
)

// BenchmarkRender measures the pages that are asked for most.
func BenchmarkRender(b *testing.B) {
	v, err := views.New(views.Config{Asset: func(name string) string { return "/static/test/" + name }})
	if err != nil {
		b.Fatal(err)
	}
	profile := aProfile()
	for len(profile.Matches) < 20 {
		profile.Matches = append(profile.Matches, profile.Matches[0])
	}
	for name, page := range map[string]templ.Component{
		"play":    views.Play(views.PlayPage{Page: member("/play"), InQueue: 2}),
		"profile": views.Profile(profile),
		"panel":   views.PushMatchPanel(aMatch(views.PhasePlaying)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				body, err := v.Render(b.Context(), "en", page)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(body)))
			}
		})
	}
}
