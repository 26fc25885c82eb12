package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"rally/bus"
)

// busMetrics are about what goes from node to node.
type busMetrics struct {
	published, received, lost          *prometheus.Desc
	requests, piped, pipeLost, resumed *prometheus.Desc
	expired                            *prometheus.Desc
}

func newBusMetrics(desc descriptor) busMetrics {
	return busMetrics{
		published: desc("events_published_total", "Events sent over the bus."),
		received:  desc("events_received_total", "Events of the bus, once for each listener that was told."),
		lost:      desc("events_lost_total", "Events that found no room or could not be sent or read.", "where"),
		requests:  desc("bus_requests_total", "Requests of other nodes, or its own, that came to this one.", "result"),
		piped:     desc("bus_pipe_messages_total", "Messages sent through pipes."),
		pipeLost:  desc("bus_pipe_lost_total", "Messages of pipes that found no room or could not be sent."),
		resumed:   desc("bus_watches_resumed_total", "Times that the following of a bucket had to begin anew."),
		expired:   desc("bus_leases_expired_total", "Leases of this node's that ended without being given back."),
	}
}

func (m busMetrics) collect(s bus.Stats, counter counter) {
	counter(m.published, s.Published)
	counter(m.received, s.Received)
	counter(m.lost, s.Dropped, "publish")
	counter(m.lost, s.Lost, "subscribe")
	counter(m.lost, s.Malformed, "malformed")
	counter(m.requests, s.Answered, "answered")
	counter(m.requests, s.Unanswered, "unanswered")
	counter(m.piped, s.Piped)
	counter(m.pipeLost, s.PipeLost)
	counter(m.resumed, s.Resumed)
	counter(m.expired, s.Expired)
}
