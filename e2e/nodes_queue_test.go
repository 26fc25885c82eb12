package e2e

import (
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
	eventually(t, soon, "the other node to know that somebody waits", func() bool {
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
		eventually(t, soon, "the result on both nodes", func() bool {
			return strings.Contains(p.get(p.id).body, match)
		})
	}

	// The node that pairs is killed, and somebody waits at the other.
	leader, rest := one, two
	if len(two.lines("this node pairs")) > 0 {
		leader, rest = two, one
	}
	if len(leader.lines("this node pairs")) != 1 || len(rest.lines("this node pairs")) != 0 {
		t.Fatal("not exactly one node pairs")
	}
	carl, dora := rest.newPlayers(2)[0], rest.newPlayers(1)[0]
	carl.page()
	carl.must("/play")
	killed := time.Now()
	leader.signal(syscall.SIGKILL)
	leader.end(soon)
	dora.page()
	dora.must("/play")
	eventually(t, 2*soon, "the other node to pair", func() bool { return dora.live() != "" })
	t.Logf("the node that pairs was killed: paired %v after that", time.Since(killed).Round(time.Millisecond))
	if match := dora.live(); match != carl.live() {
		t.Errorf("one is sent to %q, the other to %q", match, carl.live())
	}
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
