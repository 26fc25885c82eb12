package bench

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress is the line that tells what the bench is doing: written over and
// over on a terminal, and now and then anywhere else. A nil progress is silent.
type progress struct {
	w        io.Writer
	terminal bool
	every    time.Duration

	mu    sync.Mutex
	said  time.Time
	wrote bool
}

// newProgress makes a progress on w; nil for a nil w.
func newProgress(w io.Writer) *progress {
	if w == nil {
		return nil
	}
	p := &progress{w: w, every: 5 * time.Second}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.terminal, p.every = true, 100*time.Millisecond
		}
	}
	return p
}

// say tells of a new stage, at once.
func (p *progress) say(format string, args ...any) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.write(fmt.Sprintf(format, args...))
}

// count tells how far a stage is, not too often.
func (p *progress) count(what string, done int64, all int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.said) >= p.every || done == int64(all) && p.terminal {
		p.write(fmt.Sprintf("%d of %d %s", done, all, what))
	}
}

func (p *progress) write(line string) {
	p.said, p.wrote = time.Now(), true
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.w, line)
}

// done clears the line.
func (p *progress) done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal && p.wrote {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
