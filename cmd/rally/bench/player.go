package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"rally"
	"rally/pong"
)

// pending is how many inputs are kept until the opponent is shown them; the
// server takes 16 a tick, so this is plenty.
const pending = 64

// player is one account, its socket and what it sees of its match. A goroutine
// of its own reads the socket; a pacer writes to it.
type player struct {
	hall    *hall
	account Account
	conn    *websocket.Conn

	in, texts, out traffic // frames and fragments in, frames out

	// sent holds when input seq was sent, at seq%pending, in nanoseconds of
	// the hall's clock: written by the pacer, read by the opponent's reader.
	sent [pending]atomic.Int64

	mu       sync.Mutex
	match    rally.MatchID // joined or about to be
	side     int8          // of it, NoSide until welcomed
	over     bool          // it has ended
	opponent *player       // once both have been welcomed
	seen     uint16        // the opponent's last input shown here
	frame    pong.Frame    // the newest
	frameAt  time.Duration
	seq      uint16
	dir      pong.Dir
	rtt      uint16
}

// traffic counts messages and their payload.
type traffic struct{ messages, bytes atomic.Uint64 }

func (t *traffic) add(n int) {
	t.messages.Add(1)
	t.bytes.Add(uint64(n))
}

// read takes what the server sends until the socket ends.
func (p *player) read() {
	buf := make([]byte, 128)
	for {
		kind, r, err := p.conn.Reader(context.Background())
		if err != nil {
			p.hall.lost(err)
			return
		}
		if kind == websocket.MessageText {
			text, err := io.ReadAll(r)
			if err != nil {
				continue // the next Reader says why
			}
			p.texts.add(len(text))
			matchesIn(text, p.hear)
			continue
		}
		n, err := readAll(r, buf)
		if err != nil {
			continue
		}
		p.in.add(n)
		if err := p.take(buf[:n]); err != nil {
			p.hall.fail(err)
		}
	}
}

// readAll reads a message that must fit into buf.
func readAll(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) {
		k, err := r.Read(buf[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("reading a frame: %w", err)
		}
	}
	return n, fmt.Errorf("a binary frame has more than %d bytes", len(buf)-1)
}

// hear notes that the server spoke of a match: a new one is where to go.
func (p *player) hear(id rally.MatchID) {
	p.mu.Lock()
	fresh := id != p.match && (p.match == "" || p.over)
	if fresh {
		p.match, p.side, p.over, p.opponent = id, pong.NoSide, false, nil
		p.seq, p.seen, p.dir = 0, 0, pong.Stay
		p.frame = pong.Frame{}
	}
	p.mu.Unlock()
	if fresh {
		p.hall.errands <- errand{p, joinMatch}
	}
}

// take reads one binary frame.
func (p *player) take(frame []byte) error {
	if len(frame) == 0 {
		return errors.New("an empty frame came")
	}
	now := p.hall.now()
	switch frame[0] {
	case pong.TypeState:
		f, err := pong.ParseFrame(frame)
		if err != nil {
			return fmt.Errorf("a state frame is malformed: %w", err)
		}
		p.show(f, now)
	case pong.TypePong:
		f, err := pong.ParsePong(frame)
		if err != nil {
			return fmt.Errorf("a pong is malformed: %w", err)
		}
		p.mu.Lock()
		p.rtt = uint16(min(uint32(now.Milliseconds())-f.Time, pong.UnknownRTT-1))
		p.mu.Unlock()
	case pong.TypeWelcome:
		f, err := pong.ParseWelcome(frame)
		if err != nil {
			return fmt.Errorf("a welcome is malformed: %w", err)
		}
		p.mu.Lock()
		p.side = f.Side
		p.mu.Unlock()
		if f.Side != pong.NoSide {
			p.hall.seat(p)
		}
	case pong.TypeRefused:
		p.hall.refused.Add(1)
	default:
		return fmt.Errorf("a frame of unknown type %#02x came", frame[0])
	}
	return nil
}

// show takes a state frame: the opponent's inputs it is the first to show have
// arrived now.
func (p *player) show(f pong.Frame, now time.Duration) {
	p.mu.Lock()
	if p.side == pong.NoSide {
		p.mu.Unlock()
		return
	}
	p.frame, p.frameAt = f, now
	opponent, from, ack := p.opponent, p.seen, f.Ack[1-p.side]
	p.seen = ack
	ended := f.Phase == pong.Over && !p.over
	p.over = p.over || ended
	p.mu.Unlock()

	if opponent != nil && p.hall.measuring.Load() {
		// A new match or link starts at 0 again.
		for seq := from + 1; ack != 0 && ack-from < pending && seq != ack+1; seq++ {
			if at := opponent.sent[seq%pending].Load(); at != 0 {
				p.hall.latency.add(now - time.Duration(at))
			}
		}
	}
	if ended {
		p.hall.finished.Add(1)
		p.hall.errands <- errand{p, askRematch}
	}
}

// press changes the paddle's direction, as the pacer tells it to: away from
// rest towards the ball, and to rest again.
func (p *player) press(buf []byte) error {
	now := p.hall.now()
	p.mu.Lock()
	if p.side == pong.NoSide || p.frame.Phase != pong.Playing {
		p.mu.Unlock()
		return nil
	}
	ahead := uint32((now - p.frameAt) * pong.TicksPerSecond / time.Second)
	p.dir = p.choose(int32(ahead))
	p.seq++
	f := pong.InputFrame{Seq: p.seq, Dir: p.dir, Tick: p.frame.Tick + ahead}
	p.sent[p.seq%pending].Store(int64(now))
	p.mu.Unlock()
	p.hall.presses.Add(1)
	return p.write(f.Append(buf[:0]))
}

// choose gives another direction than the present one.
func (p *player) choose(ahead int32) pong.Dir {
	if p.dir != pong.Stay {
		return pong.Stay
	}
	ball := int32(p.frame.BallY) + int32(p.frame.VY)*ahead
	switch away := ball - int32(p.frame.Paddle[p.side]); {
	case away > pong.CourtHeight/40:
		return pong.Down
	case away < -pong.CourtHeight/40:
		return pong.Up
	default:
		return pong.Dir(p.seq&2) - 1 // a little up, a little down
	}
}

// ping asks for the time, as a browser does once a second.
func (p *player) ping(buf []byte) error {
	p.mu.Lock()
	joined, rtt := p.match != "" && p.side != pong.NoSide, p.rtt
	p.mu.Unlock()
	if !joined {
		return nil
	}
	return p.write(pong.PingFrame{Time: uint32(p.hall.now().Milliseconds()), RTT: rtt}.Append(buf[:0]))
}

func (p *player) write(frame []byte) error {
	p.out.add(len(frame))
	if err := p.conn.Write(context.Background(), websocket.MessageBinary, frame); err != nil {
		return fmt.Errorf("writing to a socket: %w", err)
	}
	return nil
}
