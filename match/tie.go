package match

import (
	"context"
	"encoding/binary"
	"time"

	"rally"
	"rally/pong"
)

// What nodes send each other about a link into a match on another node. The
// link's end at the socket is a tie, the one at the match is a guest. A letter
// is
//
//	1 byte    what it is
//	8 bytes   the tie's number, of the node that has the socket
//	1 byte    length of the sender's name
//	…         the sender's name
//	…         what belongs to it
//
// Letters may be lost. Whoever gets one about a link it does not know says so,
// and the other end begins anew or lets go.
const (
	letterJoin    = 'j' // to the match: user (8 bytes) and match; answered by a Welcome or a Refused frame
	letterFrame   = 'f' // to the match: a frame of the browser's
	letterClose   = 'c' // to the match: the link has ended
	letterState   = 's' // to the socket: a state frame
	letterSend    = 'm' // to the socket: a frame that must arrive
	letterUnknown = 'u' // to the socket: there is no such guest
)

// joinAgain is how long a tie waits for the answer to a join.
const joinAgain = 400 * time.Millisecond

// tie is a link's end at a match on another node. Its link's lock guards what
// is not fixed.
type tie struct {
	number   uint64
	node     string
	match    rally.MatchID
	answered bool
	asked    time.Time // when it last joined
}

// post sends a letter.
func (n *Nodes) post(node string, what byte, number uint64, content []byte) {
	letter := make([]byte, 0, 10+len(n.name)+len(content))
	letter = append(letter, what)
	letter = binary.BigEndian.AppendUint64(letter, number)
	letter = append(letter, byte(len(n.name)))
	letter = append(letter, n.name...)
	n.wire.Send(mailName(node), append(letter, content...))
}

// receive takes a letter in.
func (n *Nodes) receive(letter []byte) {
	if len(letter) < 10 {
		return
	}
	head := 10 + int(letter[9])
	if len(letter) < head {
		return
	}
	what, number := letter[0], binary.BigEndian.Uint64(letter[1:])
	from, content := string(letter[10:head]), letter[head:]
	switch what {
	case letterJoin, letterFrame, letterClose:
		n.host(guestKey{from, number}, what, content)
	case letterState, letterSend, letterUnknown:
		n.mu.Lock()
		l := n.ties[number]
		n.mu.Unlock()
		if l == nil {
			n.post(from, letterClose, number, nil)
			return
		}
		l.hearFar(number, what, content)
	}
}

// hearFar takes in what comes from the match.
func (l *Link) hearFar(number uint64, what byte, frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.far
	if t == nil || t.number != number || l.closed {
		return // it has left just now
	}
	switch what {
	case letterUnknown:
		l.joinFar(t)
	case letterState:
		l.audience.Offer(frame)
	default:
		t.answered = t.answered || len(frame) > 0 && (frame[0] == pong.TypeWelcome || frame[0] == pong.TypeRefused)
		l.audience.Send(frame)
	}
}

// reach joins a match that does not run here. The link's lock is held.
func (l *Link) reach(id rally.MatchID) {
	if l.far != nil && l.far.match == id {
		l.far.asked = time.Time{}
		l.joinFar(l.far)
		return
	}
	l.leave()
	if p, ok := l.nodes.cards.where(id); ok {
		l.arrive(id, p, true)
		return
	}
	l.sought = id
	if !l.seeking {
		l.seeking = true
		go l.seek()
	}
}

// seek asks the board where the match is that the link is to join. The reader
// of the socket does not wait for that.
func (l *Link) seek() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		id := l.sought
		if id == "" || l.closed {
			l.seeking = false
			return
		}
		l.mu.Unlock()
		p, ok := l.nodes.cards.look(context.Background(), id)
		l.mu.Lock()
		if l.sought == id && !l.closed {
			l.arrive(id, p, ok)
		}
	}
}

// arrive joins the match at its place, or is refused. The link's lock is held.
func (l *Link) arrive(id rally.MatchID, p place, ok bool) {
	l.sought = ""
	if !ok || !p.lost.IsZero() {
		l.refuse()
		return
	}
	n := l.nodes
	n.mu.Lock()
	n.lastID++
	l.far = &tie{number: n.lastID, node: p.Node, match: id}
	n.ties[l.far.number] = l
	n.mu.Unlock()
	l.joinFar(l.far)
}

// joinFar has the tie's match let it in, unless that was asked a moment ago.
func (l *Link) joinFar(t *tie) {
	now := time.Now()
	if now.Sub(t.asked) < joinAgain {
		return
	}
	t.asked, t.answered = now, false
	content := binary.BigEndian.AppendUint64(nil, uint64(l.user))
	l.nodes.post(t.node, letterJoin, t.number, append(content, t.match...))
}

// forward sends a frame to the match. The link's lock is held.
func (l *Link) forward(frame []byte) {
	t := l.far
	if !t.answered && time.Since(t.asked) >= joinAgain {
		l.joinFar(t) // that, or the answer, is lost
		return
	}
	l.nodes.post(t.node, letterFrame, t.number, frame)
}

// leaveFar lets the tie go. The link's lock is held.
func (l *Link) leaveFar() {
	l.sought = ""
	t := l.far
	if t == nil {
		return
	}
	l.far = nil
	l.nodes.untie(t)
	l.nodes.post(t.node, letterClose, t.number, nil)
}

func (n *Nodes) untie(t *tie) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.ties, t.number)
}

// forsake tells links into matches of a node that is gone that these are, too.
func (n *Nodes) forsake(node string) {
	n.mu.Lock()
	links := make([]*Link, 0, len(n.ties))
	for _, l := range n.ties {
		links = append(links, l)
	}
	n.mu.Unlock()
	for _, l := range links {
		l.mu.Lock()
		if t := l.far; t != nil && t.node == node && !l.closed {
			l.far = nil
			n.untie(t)
			l.refuse()
		}
		l.mu.Unlock()
	}
}
