package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"rally/live"
)

// presenceMetrics are about who is seen where.
type presenceMetrics struct {
	people, watching, changes, badges, greetings, renders, coalesced *prometheus.Desc
}

func newPresenceMetrics(desc descriptor) presenceMetrics {
	return presenceMetrics{
		people:    desc("presence_people", "People who have a page open here, or whom another node sees.", "where"),
		watching:  desc("presence_watchers", "Friends of those who have a page open here, all counted."),
		changes:   desc("presence_changes_total", "Changes of what is seen of somebody."),
		badges:    desc("presence_badges_total", "Badges given to sockets."),
		greetings: desc("presence_lists_total", "Lists of all friends who are there, given to sockets."),
		renders:   desc("presence_renders_total", "Badges and lists rendered."),
		coalesced: desc("presence_coalesced_total", "Changes that had to wait, for another was told just before."),
	}
}

func (m presenceMetrics) collect(s live.PresenceStats, gauge gauge, counter counter) {
	gauge(m.people, float64(s.Here), "here")
	gauge(m.people, float64(s.Elsewhere), "elsewhere")
	gauge(m.watching, float64(s.Watching))
	counter(m.changes, s.Changes)
	counter(m.badges, s.Badges)
	counter(m.greetings, s.Greetings)
	counter(m.renders, s.Rendered)
	counter(m.coalesced, s.Coalesced)
}
