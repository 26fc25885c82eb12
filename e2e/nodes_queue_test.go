package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"rally/pong"
)

// Two servers have one queue: people who wait on different ones meet, play, and
// see both results; when the one that pairs dies, the other goes on with whoever
// waits.
func TestQueueOnNodes(t *testing.T) {
	t.Parallel()
	n := newNodes(t)
	one, two := n.node(), n.node()
	ann, bob := one.newPlayers(1)[0], two.newPlayers(1)[0]

	annsPage, bobsPage := ann.page(), bob.page()
	ann.must("/play")
	eventually(t, "the other node to know that somebody waits", func() bool {
		return two.metric("rally_queue_length") == 1
	})
	begun := time.Now()
	bob.must("/play")
	took := annsPage.hears("/matches/", begun)
	t.Logf("paired over two nodes: called after %v", took.Round(time.Millisecond))
	bobsPage.hears("/matches/", begun)
	match := bob.live()
	if other := ann.live(); other != match || match == "" {
		t.Fatalf("one is sent to %q, the other to %q", other, match)
	}
	left, right := ann.enter(match), bob.enter(match)
	ann.must(match + "/ready")
	bob.must(match + "/ready")
	for _, c := range []*court{left, right} {
		c.until(soon, "play", playing)
		c.press(pong.Down)
	}
	if a := ann.post("/practice", "level", "1"); a.header.Get("Location") != match {
		t.Errorf("who plays may practise, at %q", a.header.Get("Location"))
	}
	bob.must(match + "/resign")
	for _, c := range []*court{left, right} {
		c.until(soon, "the end", ended)
	}
	for _, p := range []*player{ann, bob} {
		eventually(t, "the result on both nodes", func() bool {
			return strings.Contains(p.get(p.id).body, match)
		})
	}

	// The node that pairs is killed, and somebody waits at the other.
	leader, rest := one, two
	if two.pairs().After(one.pairs()) {
		leader, rest = two, one
	}
	if leader.pairs().IsZero() {
		t.Fatal("no node pairs")
	}
	carl, dora := rest.newPlayers(2)[0], rest.newPlayers(1)[0]
	carl.page()
	carl.must("/play")
	killed := time.Now()
	leader.signal(syscall.SIGKILL)
	leader.end()
	dora.page()
	dora.must("/play")
	eventually(t, "the other node to pair", func() bool { return dora.live() != "" })
	t.Logf("the node that pairs was killed: paired %v after that", time.Since(killed).Round(time.Millisecond))
	if match := dora.live(); match != carl.live() {
		t.Errorf("one is sent to %q, the other to %q", match, carl.live())
	}
}

// pairs gives when the node has last got the turn to pair, which may go from one
// to another on a busy machine; long ago if it never had it.
func (h *house) pairs() (since time.Time) {
	h.t.Helper()
	for _, line := range h.lines("this node pairs") {
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line["time"]))
		if err != nil {
			h.t.Fatal(err)
		}
		since = at
	}
	return since
}

// live gives the match that a player is sent to from the lobby, "" for none.
func (p *player) live() string {
	p.t.Helper()
	a := p.get("/play")
	if a.status != http.StatusSeeOther {
		return ""
	}
	return a.header.Get("Location")
}
