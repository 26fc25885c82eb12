package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"rally/pong"
)

// Two servers are one site: friends on different ones see each other come and
// go, whatever happens to the servers and to what lies between them.
func TestNodes(t *testing.T) {
	t.Parallel()
	n := newNodes(t)
	one, two := n.node(), n.node()
	ann := one.newPlayers(1)[0]
	others := two.newPlayers(3)
	bob, carl, dora := others[0], others[1], others[2]

	befriend(dora, bob)
	annsPage, bobsPage, carlsPage := ann.page(), bob.page(), carl.page()
	carlsPage.wait(soon, "the list of friends", func() bool { return len(carlsPage.texts) > 0 })
	still := time.Now()
	befriended(t, ann, bob, annsPage, bobsPage)
	bobsPage.settle()
	begun := time.Now()
	away := moved(t, one, two, ann, annsPage)
	annsPage, away = restarted(t, one, ann, away)
	bobsPage.silent(anything, begun, time.Now().Add(9*time.Second), "while somebody moves and a node is started again", away...)
	withoutNATS(t, n, ann, dora, bobsPage)
	heard(t, ann, bob, annsPage, bobsPage)
	queued(t, ann, bob, bobsPage)
	match, onCourt := challenged(t, ann, bob, dora, annsPage, bobsPage)
	nodeKilled(t, one, ann, bob, bobsPage, append(onCourt, annsPage))
	matchLost(t, two, match, ann, bob)
	nodeBack(t, one, ann, bobsPage)

	// What does not concern somebody is not told to them.
	carlsPage.silent(anything, still, time.Now(), "with all that")
	for _, h := range []*house{one, two} {
		for _, lost := range []string{`rally_events_lost_total{where="publish"}`, `rally_events_lost_total{where="subscribe"}`} {
			if v := h.metric(lost); v != 0 {
				t.Errorf("%s is %v", lost, v)
			}
		}
	}
}

// befriend makes two people friends: one asks and the other accepts, each on
// their own node.
func befriend(asks, accepts *player) {
	asks.t.Helper()
	asks.must("/people/"+accepts.number()+"/ask", "next", "/friends")
	accepts.must("/people/"+asks.number()+"/accept", "next", "/friends")
}

// befriended checks that two new friends see each other at once.
func befriended(t *testing.T, ann, bob *player, annsPage, bobsPage *court) {
	t.Helper()
	begun := time.Now()
	befriend(ann, bob)
	for who, shown := range map[*court]*player{annsPage: bob, bobsPage: ann} {
		took, _ := who.shows(shown, "online", begun)
		t.Logf("new friends on two nodes: %s is shown after %v", shown.name, took.Round(time.Millisecond))
	}
	for who, other := range map[*player]*player{ann: bob, bob: ann} {
		if state := who.loaded(other); state != "online" {
			t.Errorf("a page that is loaded shows %q", state)
		}
	}
}

// moved has somebody leave one node and come back on another, for a moment, and
// gives when they were away.
func moved(t *testing.T, one, two *house, ann *player, annsPage *court) (away []absence) {
	t.Helper()
	left := time.Now()
	_ = annsPage.conn.CloseNow()
	annsPage.closing()
	<-time.After(3 * time.Second)
	ann.house = two
	there := ann.page()
	away = append(away, absence{left, time.Now(), counted})
	ann.house = one
	_ = there.conn.CloseNow()
	return away
}

// restarted has a node be told to stop and start again, and then be killed and
// start again, with somebody on it who comes back each time. It adds when they
// were away.
func restarted(t *testing.T, one *house, ann *player, away []absence) (*court, []absence) {
	t.Helper()
	page := ann.page()
	away = append(away, absence{away[len(away)-1].to, time.Now(), counted})
	for _, how := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		gone := time.Now()
		one.signal(how)
		page.closing()
		one.end()
		one.start()
		page = ann.page()
		away = append(away, absence{gone, time.Now(), nodeCounted})
		within(t, fmt.Sprint(how, ": back"), gone, time.Since(gone), 0, 4*time.Second)
	}
	return page, away
}

// withoutNATS has NATS be killed and start again: nobody is lost sight of, and
// what happens on a node itself is seen there all the same.
func withoutNATS(t *testing.T, n *nodes, ann, dora *player, bobsPage *court) {
	t.Helper()
	begun := time.Now()
	n.nats.kill()
	dora.page()
	took, _ := bobsPage.shows(dora, "online", begun)
	t.Logf("without NATS: somebody on the same node is shown after %v", took.Round(time.Millisecond))
	bobsPage.silent(ann.badge(), begun, begun.Add(natsAway), "while NATS is away")
	n.nats.start()
	t.Logf("NATS is back after %v", time.Since(begun).Round(time.Millisecond))
	bobsPage.silent(ann.badge(), begun, time.Now().Add(9*time.Second), "after NATS is back")
}

// natsAway is longer than what a node that is gone still counts.
const natsAway = 9 * time.Second

// heard has somebody take another name and say something, which a friend on
// another node sees and hears.
func heard(t *testing.T, ann, bob *player, annsPage, bobsPage *court) {
	t.Helper()
	begun := time.Now()
	name := "New " + ann.name
	ann.must("/settings/name", "name", name)
	t.Logf("another name is shown on the other node after %v", bobsPage.hears(name, begun).Round(time.Millisecond))
	begun = time.Now()
	bob.must("/chat/"+ann.number(), "text", "Hello there")
	chat := "/chat/" + bob.number()
	t.Logf("a message is announced on the other node after %v", annsPage.hears(chat, begun).Round(time.Millisecond))
	if page := ann.get(chat); !strings.Contains(page.body, "Hello there") {
		t.Errorf("a message is not on the page:\n%s", page.body)
	}
	if page := bob.get("/friends"); !strings.Contains(page.body, name) {
		t.Errorf("a page that is loaded does not have the new name:\n%s", page.body)
	}
}

// queued has two look for an opponent on two nodes, who find each other. One
// gives up, and both are free again.
func queued(t *testing.T, ann, bob *player, bobsPage *court) {
	t.Helper()
	begun := time.Now()
	match, onCourt := meet(ann, bob)
	took, _ := bobsPage.shows(ann, "playing", begun)
	t.Logf("from the queue: shown to be playing after %v", took.Round(time.Millisecond))
	over := time.Now()
	bob.must(match + "/resign")
	for _, c := range onCourt {
		c.until(soon, "the end", ended)
	}
	took, _ = bobsPage.shows(ann, "online", over)
	t.Logf("given up: shown to be online after %v", took.Round(time.Millisecond))
	for _, p := range []*player{ann, bob} {
		if a := p.get("/play"); a.status != http.StatusOK {
			t.Errorf("the lobby answers %d, to %s", a.status, a.header.Get("Location"))
		}
	}
	for _, c := range onCourt {
		_ = c.conn.CloseNow()
	}
}

// challenged has somebody challenge a friend on another node, who accepts: both
// play, on their own nodes, and a third looks on.
func challenged(t *testing.T, ann, bob, dora *player, annsPage, bobsPage *court) (match string, onCourt []*court) {
	t.Helper()
	begun := time.Now()
	path := bob.must("/challenges", "to", ann.number(), "points", "21", "kind", "casual")
	id := strings.TrimPrefix(path, "/challenges/")
	took := annsPage.hears(`id="challenge-`+id+`"`, begun)
	t.Logf("a challenge to the other node is shown after %v", took.Round(time.Millisecond))

	accepted := time.Now()
	match = ann.must(path + "/accept")
	t.Logf("accepted: called to the match on the other node after %v", bobsPage.hears(match, accepted).Round(time.Millisecond))
	took, _ = bobsPage.shows(ann, "playing", accepted)
	t.Logf("accepted: shown to be playing after %v", took.Round(time.Millisecond))

	left, right, watching := ann.enter(match), bob.enter(match), dora.enter(match)
	ann.must(match + "/ready")
	bob.must(match + "/ready")
	for _, c := range []*court{left, right, watching} {
		c.until(soon, "play", playing)
	}
	for c, where := range map[*court]string{left: "the match's node", right: "the other node"} {
		begun := time.Now()
		c.press(pong.Down)
		t.Logf("a press on %s is acknowledged after %v", where, time.Since(begun).Round(100*time.Microsecond))
		watching.until(soon, "the press", func(f pong.Frame) bool { return f.Dir[c.side] == pong.Down })
	}
	return match, []*court{left}
}

// matchLost looks at a match whose node has been killed, from one that lives.
func matchLost(t *testing.T, two *house, match string, ann, bob *player) {
	t.Helper()
	ann.house = two
	for _, p := range []*player{ann, bob} {
		if a := p.get(match); a.status != http.StatusOK || !strings.Contains(a.body, "The server had to stop the match.") {
			t.Errorf("the match's page answers %d:\n%s", a.status, a.body)
		}
		if a := p.get("/play"); a.status != http.StatusOK {
			t.Errorf("the lobby answers %d, to %s", a.status, a.header.Get("Location"))
		}
	}
}

// nodeKilled has a node be killed for good: its people are offline everywhere
// within 10 s.
func nodeKilled(t *testing.T, one *house, ann, bob *player, bobsPage *court, there []*court) {
	t.Helper()
	killed := time.Now()
	one.signal(syscall.SIGKILL)
	one.end()
	for _, c := range there {
		c.closing()
	}
	took, fragment := bobsPage.shows(ann, "offline", killed)
	within(t, "killed: offline", killed, took, nodeCounted, 10*time.Second)
	// The last sign of life was no longer ago than a lease lasts.
	if took < nodeCounted-3*time.Second {
		t.Errorf("killed: offline after %v, as if they could not come back", took)
	}
	if found := seenAt.FindStringSubmatch(fragment); found == nil {
		t.Errorf("it is not said when that was: %s", fragment)
	} else if at, err := time.Parse(time.RFC3339, found[1]); err != nil || killed.Sub(at) > 5*time.Second {
		t.Errorf("last seen %v before the end, %v", killed.Sub(at), err)
	} else {
		within(t, "last seen", killed, at.Sub(killed), 0, time.Second)
	}
	if state := bob.loaded(ann); state != "offline" {
		t.Errorf("a page that is loaded shows %q", state)
	}
}

// nodeBack has a node that was killed be started again, and somebody come back
// to it, who is online at once.
func nodeBack(t *testing.T, one *house, ann *player, bobsPage *court) {
	t.Helper()
	one.start()
	begun := time.Now()
	ann.house = one
	ann.page()
	took, _ := bobsPage.shows(ann, "online", begun)
	within(t, "back: online", begun, took, 0, time.Second)
}

var seenAt = regexp.MustCompile(`datetime="([^"]+)"`)
