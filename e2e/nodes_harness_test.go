package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// nodes are several servers that are one site: they have one database, one NATS
// and the same secrets.
type nodes struct {
	t    *testing.T
	nats *nats
	env  []string
}

func newNodes(t *testing.T) *nodes {
	t.Helper()
	db := newDatabase(t)
	if err := db.EnsureDatabase(t.Context(), "rally"); err != nil {
		t.Fatal(err)
	}
	n := &nodes{t: t, nats: newNATS(t)}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	n.env = []string{
		"RALLY_DATABASE_URL=" + db.URL("rally"), "RALLY_NATS_URL=" + n.nats.url(),
		"RALLY_SECRET_KEY=" + base64.StdEncoding.EncodeToString(secret),
		"RALLY_TOKEN_KEYS=" + filepath.Join(t.TempDir(), "keys.json"),
	}
	return n
}

// node starts a server.
func (n *nodes) node() *house {
	n.t.Helper()
	return newHouse(n.t, n.env...)
}

// nats is a NATS server in a process of its own.
type nats struct {
	t            *testing.T
	program, dir string
	addr         string
	cmd          *exec.Cmd // nil while it is down
}

// buildNATS builds the program, beside Rally, when a test first needs it.
var buildNATS = sync.OnceValues(func() (program string, err error) {
	program = filepath.Join(filepath.Dir(site.cmd.Path), "nats-server")
	// With the race detector, for so most of it has been built already.
	if out, err := exec.Command("go", "build", "-race", "-o", program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building NATS: %w\n%s", err, out)
	}
	return program, nil
})

func newNATS(t *testing.T) *nats {
	t.Helper()
	program, err := buildNATS()
	if err != nil {
		t.Fatal(err)
	}
	n := &nats{t: t, program: program, dir: t.TempDir()}
	if n.addr, err = freeAddr(); err != nil {
		t.Fatal(err)
	}
	n.start()
	t.Cleanup(n.kill)
	return n
}

func (n *nats) url() string { return "nats://" + n.addr }

// start starts it, with what it kept when it was down, and waits until it
// answers.
func (n *nats) start() {
	n.t.Helper()
	host, port, err := net.SplitHostPort(n.addr)
	if err != nil {
		n.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(n.dir, "log"))
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	n.cmd = exec.Command(n.program, "-a", host, "-p", port, "-js", "-sd", filepath.Join(n.dir, "store"))
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	eventually(n.t, "NATS to answer", func() bool {
		conn, err := net.DialTimeout("tcp", n.addr, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// kill ends it without a word.
func (n *nats) kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// number gives the player's number, as paths and badges have it.
func (p *player) number() string { return strings.TrimPrefix(p.id, "/players/") }

// badge finds what is seen of somebody on a page or in a fragment.
func (p *player) badge() *regexp.Regexp {
	return regexp.MustCompile(`data-badge="` + p.number() + `" data-state="([a-z]+)"`)
}

// shows waits until a page is told a friend's state, after a moment, and gives
// how long after it that was, and the fragment.
func (c *court) shows(friend *player, state string, since time.Time) (took time.Duration, fragment string) {
	c.t.Helper()
	badge := friend.badge()
	c.wait(soon, fmt.Sprint(friend.name, " being shown as ", state), func() bool {
		for _, s := range c.texts {
			if s.at.Before(since) {
				continue
			}
			for _, found := range badge.FindAllStringSubmatch(s.text, -1) {
				if found[1] == state {
					took, fragment = s.at.Sub(since), s.text
					return true
				}
			}
		}
		return false
	})
	return took, fragment
}

// hears waits until a page is told something with this text in it, after a
// moment, and gives how long after it that was.
func (c *court) hears(part string, since time.Time) (took time.Duration) {
	c.t.Helper()
	c.wait(soon, part, func() bool {
		for _, s := range c.texts {
			if !s.at.Before(since) && strings.Contains(s.text, part) {
				took = s.at.Sub(since)
				return true
			}
		}
		return false
	})
	return took
}

// How long somebody still counts as there after they have gone, and their node
// after its last sign of life.
const (
	counted     = 5 * time.Second
	nodeCounted = 8 * time.Second
)

// absence is when somebody was without a socket, who still counted as there for
// a while.
type absence struct {
	from, to time.Time
	counted  time.Duration
}

// shown says whether a friend may have been told of the absence at a moment: it
// was too long, since the machine has much to do, and that is seen.
func (a absence) shown(at time.Time) bool {
	return a.to.Sub(a.from) > a.counted && at.Sub(a.from) > a.counted && at.Sub(a.to) < a.counted
}

// silent makes sure that a page is told nothing in which something is found,
// from one moment to another, unless somebody's absence was long enough to be
// seen.
func (c *court) silent(about *regexp.Regexp, from, until time.Time, while string, away ...absence) {
	c.t.Helper()
	enough := time.NewTimer(time.Until(until))
	defer enough.Stop()
	for {
		c.mu.Lock()
		over, news := c.over, c.news
		for _, s := range c.texts {
			if slices.ContainsFunc(away, func(a absence) bool { return a.shown(s.at) }) {
				continue
			}
			if !s.at.Before(from) && about.MatchString(s.text) {
				c.t.Errorf("%s, after %v, a page is told: %s", while, s.at.Sub(from).Round(time.Millisecond), s.text)
				over = true
			}
		}
		c.mu.Unlock()
		if over {
			return
		}
		select {
		case <-news:
		case <-enough.C:
			return
		}
	}
}

// settle waits until a page has been told nothing for a while.
func (c *court) settle() {
	const while = time.Second
	still := time.NewTimer(while)
	defer still.Stop()
	for {
		c.mu.Lock()
		news := c.news
		c.mu.Unlock()
		select {
		case <-news:
			still.Reset(while)
		case <-still.C:
			return
		}
	}
}

// anything is found in every fragment.
var anything = regexp.MustCompile(``)

// loaded gives what a page shows of a friend when it is loaded.
func (p *player) loaded(friend *player) (state string) {
	p.t.Helper()
	page := p.get("/friends")
	if page.status != http.StatusOK {
		p.t.Fatalf("/friends answers %d:\n%s", page.status, page.body)
	}
	if found := friend.badge().FindStringSubmatch(page.body); found != nil {
		return found[1]
	}
	return ""
}
