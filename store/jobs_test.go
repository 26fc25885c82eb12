package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// postbox keeps the letters that are handed to it, and answers as refuse says.
type postbox struct {
	refuse func(ctx context.Context, l rally.Letter, try int) error // nil: never

	mu    sync.Mutex
	tries map[rally.Letter]int
}

// take is a JobsConfig.Letter.
func (p *postbox) take(ctx context.Context, l rally.Letter) error {
	p.mu.Lock()
	if p.tries == nil {
		p.tries = make(map[rally.Letter]int)
	}
	p.tries[l]++
	try := p.tries[l]
	p.mu.Unlock()
	if p.refuse != nil {
		return p.refuse(ctx, l, try)
	}
	return nil
}

// came says how often a letter was handed over.
func (p *postbox) came(l rally.Letter) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries[l]
}

// startJobs has letters brought to p until the test ends, or stop is called.
func startJobs(t *testing.T, s *store.Store, p *postbox) (stop func(context.Context) error) {
	t.Helper()
	stop, err := s.StartJobs(t.Context(), store.JobsConfig{Letter: p.take})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop(context.Background()) })
	return stop
}

// letter gives a letter that is told from others by its number.
func letter(n int) rally.Letter {
	return rally.Letter{
		Kind: rally.LetterEmailAsked, User: rally.UserID(n), To: fmt.Sprintf("reader-%d@example.com", n),
		Locale: "ko", Other: "\"o'\\ther\u202e\"@example.com",
	}
}

// queue has a letter sent.
func queue(t *testing.T, s *store.Store, l rally.Letter) {
	t.Helper()
	if err := s.QueueLetter(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

// logbook is a log that can be read while it is written.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// from has a Store write to the log.
func (l *logbook) from(c *store.Config) { c.Log = slog.New(slog.NewJSONHandler(l, nil)) }

// lines gives the lines that contain text.
func (l *logbook) lines(text string) (lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// Every letter comes as it was queued, once, on whichever node.
func TestLetters(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	nodes := []*store.Store{storetest.Open(t, url), storetest.Open(t, url), storetest.Open(t, url)}
	// Queued before anybody is there to send it.
	queue(t, nodes[0], letter(0))
	var p postbox
	for _, node := range nodes[:2] {
		startJobs(t, node, &p)
	}
	begin := time.Now()
	const n = 100
	atOnce(n, func(i int) bool {
		queue(t, nodes[i%3], letter(i+1))
		return true
	})
	for i := range n + 1 {
		until(t, fmt.Sprintf("letter %d", i), func() bool { return p.came(letter(i)) > 0 })
	}
	t.Logf("%d letters came within %s", n, time.Since(begin))
	for i := range n + 1 {
		if got := p.came(letter(i)); got != 1 {
			t.Errorf("letter %d came %d times", i, got)
		}
	}
}

// A single letter does not wait for the queue to be looked at: then each that
// follows another would take five seconds.
func TestLetterAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	var p postbox
	startJobs(t, s, &p)
	quickest := time.Hour
	for i := range 6 {
		begin := time.Now()
		queue(t, s, letter(i))
		until(t, "it comes", func() bool { return p.came(letter(i)) == 1 })
		if i > 0 {
			quickest = min(quickest, time.Since(begin))
		}
	}
	if quickest > 3*time.Second {
		t.Errorf("the quickest took %s", quickest)
	}
}

// A letter that fails is tried again, and holds no other up; one that fails
// too often is given up, and the log says so without naming its reader.
func TestLetterFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var log logbook
	s := storetest.Open(t, d.url, log.from)
	late, panics, lost := letter(1), letter(2), letter(3)
	p := postbox{refuse: func(_ context.Context, l rally.Letter, try int) error {
		switch {
		case l == late && try < 2, l == lost:
			return errors.New("the relay is away")
		case l == panics && try < 2:
			panic("a mistake")
		}
		return nil
	}}
	for _, l := range []rally.Letter{late, panics, lost} {
		queue(t, s, l)
	}
	d.exec(t, `UPDATE river_job SET max_attempts = 1 WHERE args #>> '{letter,user}' = '3'`)
	startJobs(t, s, &p)
	until(t, "all have been tried", func() bool { return p.came(late) > 0 && p.came(panics) > 0 && p.came(lost) > 0 })
	for i := range 20 {
		queue(t, s, letter(10+i))
	}
	for i := range 20 {
		until(t, "the others come", func() bool { return p.came(letter(10+i)) == 1 })
	}
	until(t, "they come in the end", func() bool { return p.came(late) == 2 && p.came(panics) == 2 })
	until(t, "one is given up", func() bool { return len(log.lines("a letter was given up")) == 1 })
	until(t, "the rest are done", func() bool {
		return d.count(t, `SELECT count(*) FROM river_job WHERE state <> 'completed'`) == 1
	})
	if n := p.came(lost); n != 1 {
		t.Errorf("the one that was given up was tried %d times", n)
	}
	again := strings.Join(log.lines("it will be tried again"), "")
	if strings.Count(again, "\n") != 2 || !strings.Contains(again, `"panic":"a mistake"`) {
		t.Errorf("the log says %s", again)
	}
	if line := log.lines("given up")[0]; !strings.Contains(line, `"letter":"email_asked","user":3,`) || !strings.Contains(line, "the relay is away") {
		t.Errorf("the log says %s", line)
	}
	if leaks := log.lines("@example.com"); len(leaks) > 0 {
		t.Errorf("the log names readers: %q", leaks)
	}
}

// A letter whose process was killed over it is sent by another.
func TestLetterOfTheDead(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	queue(t, d.store, letter(1))
	d.exec(t, `
		UPDATE river_job
		SET state = 'running', attempt = 1, attempted_at = now() - interval '3 minutes', attempted_by = ARRAY['the dead']`)
	var p postbox
	startJobs(t, d.store, &p)
	until(t, "it comes", func() bool { return p.came(letter(1)) == 1 })
}

// stopMost is the longest that a stop of the jobs may take on a busy machine. It
// is meant to be a second and a half; one that waits for what it should not takes
// much longer.
const stopMost = 8 * time.Second

// A stop waits for letters on their way, but not for long, whatever they do;
// those that were cut short come later.
func TestStopJobs(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(ctx context.Context, never <-chan struct{}) error{
		"obeys":    func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() },
		"does not": func(_ context.Context, never <-chan struct{}) error { <-never; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.New(t)
			never, stuck := make(chan struct{}), letter(1)
			t.Cleanup(func() { close(never) })
			p := postbox{refuse: func(ctx context.Context, l rally.Letter, _ int) error {
				if l == stuck {
					return wait(ctx, never)
				}
				return nil
			}}
			stop := startJobs(t, s, &p)
			queue(t, s, stuck)
			until(t, "it is on its way", func() bool { return p.came(stuck) == 1 })
			queue(t, s, letter(2))
			until(t, "another passes it", func() bool { return p.came(letter(2)) == 1 })

			begin := time.Now()
			if err := stop(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took > stopMost {
				t.Errorf("the stop took %s", took)
			}
			if err := stop(t.Context()); err != nil {
				t.Errorf("once more: %v", err)
			}
			queue(t, s, letter(3))
			if name == "obeys" {
				var next postbox
				startJobs(t, s, &next)
				for _, l := range []rally.Letter{stuck, letter(3)} {
					until(t, "it comes later", func() bool { return next.came(l) == 1 })
				}
			}
			if p.came(letter(3)) != 0 {
				t.Error("one came after the stop")
			}
		})
	}
}

func TestStartJobsRefused(t *testing.T) {
	t.Parallel()
	if _, err := storetest.New(t).StartJobs(t.Context(), store.JobsConfig{}); err == nil {
		t.Error("started with nobody to write letters")
	}
	s := storetest.Open(t, "postgres://nobody@127.0.0.1:1/nothing")
	_, err := s.StartJobs(t.Context(), store.JobsConfig{Letter: (&postbox{}).take})
	fields(t, err, rally.EUnavailable)
	fields(t, s.QueueLetter(t.Context(), letter(1)), rally.EUnavailable)
}

// However the database goes away, letters go on when it is back; meanwhile the
// log is not flooded, and a stop takes no longer.
func TestJobsDatabaseAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ away, back func(*wire) }{
		"silent":           {(*wire).clog, (*wire).unclog},
		"silent, then cut": {(*wire).clog, func(w *wire) { w.cut(); w.unclog() }},
		"cut":              {func(w *wire) { w.clog(); w.cut() }, (*wire).unclog},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			var log logbook
			s := storetest.Open(t, w.url, log.from, impatient)
			var p postbox
			stop := startJobs(t, s, &p)
			queue(t, s, letter(1))
			until(t, "the first comes", func() bool { return p.came(letter(1)) == 1 })

			fault.away(w)
			begin := time.Now()
			fields(t, s.QueueLetter(t.Context(), letter(2)), rally.EUnavailable)
			if took := time.Since(begin); took > 2*brief {
				t.Errorf("to be told took %s", took)
			}
			if _, err := s.StartJobs(t.Context(), store.JobsConfig{Letter: p.take}); rally.ErrorCode(err) != rally.EUnavailable {
				t.Errorf("started: %v", err)
			}
			until(t, "the log says so", func() bool { return len(log.lines("trouble with jobs")) > 0 })

			fault.back(w)
			begin = time.Now()
			until(t, "ready again", func() bool { return s.Ready(t.Context()) == nil })
			queue(t, s, letter(3))
			until(t, "letters come again", func() bool { return p.came(letter(3)) == 1 })
			t.Logf("a letter came %s after the database was back", time.Since(begin))

			fault.away(w)
			begin = time.Now()
			if err := stop(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(begin); took > stopMost {
				t.Errorf("the stop took %s", took)
			}
			fault.back(w)
			if lines := log.lines("trouble with jobs"); len(lines) > 10 {
				t.Errorf("the log has %d lines:\n%s", len(lines), strings.Join(lines, ""))
			}
		})
	}
}

// River says that the database is away in one line in a while, not in all.
func TestRiverLog(t *testing.T) {
	t.Parallel()
	var log logbook
	var ahead time.Duration
	s := storetest.Open(t, "postgres://nobody@127.0.0.1:1/nothing", log.from, func(c *store.Config) {
		c.Now = func() time.Time { return time.Now().Add(ahead) }
	})
	river := s.RiverLog().With("id", 7)
	river.Info("River is well")
	for range 100 {
		river.Error("River is not well", "err", "why", "more", 1)
	}
	ahead = 11 * time.Second
	for range 100 {
		river.Warn("nor now")
	}
	lines := log.lines("")
	for i, want := range []string{
		`"level":"ERROR","msg":"trouble with jobs","what":"River is not well","id":7,"error":"why","more":1}`,
		`"level":"WARN","msg":"trouble with jobs","what":"nor now","id":7,"lines_left_out":99}`,
	} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("the log says %q, want %s", lines, want)
		}
	}
	if len(lines) != 2 {
		t.Errorf("the log has %d lines: %q", len(lines), lines)
	}
}
