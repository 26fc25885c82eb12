package match

import (
	"encoding/binary"
	"time"

	"rally"
	"rally/pong"
)

// guestKey is a tie as the node of its match knows it.
type guestKey struct {
	node   string
	number uint64
}

// guestSilence is how long a guest of a match that is over need not be heard of.
// By then its socket has gone, and word of that was lost.
const guestSilence = time.Minute

// guest is a link from another node's socket in a match here: to the match it
// is like any other.
type guest struct {
	nodes *Nodes
	key   guestKey
	link  *Link
	heard time.Time // Nodes.mu guards it
}

// Offer sends a state frame on its way to the socket.
func (g *guest) Offer(frame []byte) { g.nodes.post(g.key.node, letterState, g.key.number, frame) }

// Send sends a frame that must arrive, if nothing is lost on the way.
func (g *guest) Send(frame []byte) { g.nodes.post(g.key.node, letterSend, g.key.number, frame) }

// host takes in what comes from a socket on another node. It is called one at a
// time.
func (n *Nodes) host(key guestKey, what byte, content []byte) {
	n.mu.Lock()
	g := n.guests[key]
	if g != nil {
		g.heard = time.Now()
	}
	n.mu.Unlock()
	switch {
	case what == letterJoin:
		if len(content) != 8+rally.MatchIDLen {
			return
		}
		if g == nil {
			g = &guest{nodes: n, key: key, heard: time.Now()}
			g.link = n.registry.Open(rally.UserID(binary.BigEndian.Uint64(content)), g)
			n.mu.Lock()
			n.guests[key] = g
			n.mu.Unlock()
		}
		join := pong.JoinFrame{}
		copy(join.Match[:], content[8:])
		_ = g.link.Receive(join.Append(nil)) // well formed: we wrote it
	case g == nil:
		if what == letterFrame {
			n.post(key.node, letterUnknown, key.number, nil)
		}
	case what == letterFrame:
		if err := g.link.Receive(content); err != nil {
			n.log.Warn("a node forwards frames that mean nothing", "node", key.node, "error", err)
		}
	default:
		n.mu.Lock()
		delete(n.guests, key)
		n.mu.Unlock()
		g.link.Close()
	}
}

// dismiss ends the links from a node that is gone. Should it be back, they
// begin anew.
func (n *Nodes) dismiss(node string) {
	n.dismissAll(func(g *guest) bool { return g.key.node == node })
}

// sweep ends links that nobody has any more.
func (n *Nodes) sweep() {
	n.dismissAll(func(g *guest) bool { return time.Since(g.heard) > guestSilence && !g.link.live() })
}

func (n *Nodes) dismissAll(which func(*guest) bool) {
	n.mu.Lock()
	var gone []*guest
	for key, g := range n.guests {
		if which(g) {
			gone = append(gone, g)
			delete(n.guests, key)
		}
	}
	n.mu.Unlock()
	for _, g := range gone {
		g.link.Close()
	}
}

// live says whether the link is in a match that is not over.
func (l *Link) live() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.match != nil && l.match.snapshot.Load().Phase != Over
}

// Open is Registry.Open for matches of all nodes.
func (n *Nodes) Open(user rally.UserID, audience Audience) *Link {
	l := n.registry.Open(user, audience)
	l.nodes = n
	return l
}
