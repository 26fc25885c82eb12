package handlers_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"rally"
)

// letters takes letters and has them written at once.
type letters struct {
	t     *testing.T
	write func(context.Context, rally.Letter) error

	mu     sync.Mutex
	queued []rally.Letter
}

func (l *letters) QueueLetter(ctx context.Context, letter rally.Letter) error {
	l.mu.Lock()
	l.queued = append(l.queued, letter)
	l.mu.Unlock()
	if err := l.write(ctx, letter); err != nil {
		l.t.Errorf("a letter of kind %s was not written: %v", letter.Kind, err)
	}
	return nil
}

// of gives those of a kind, the oldest first.
func (l *letters) of(kind rally.LetterKind) []rally.Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []rally.Letter
	for _, letter := range l.queued {
		if letter.Kind == kind {
			out = append(out, letter)
		}
	}
	return out
}

// link gives the path of the link in the newest letter that went to an address.
func (s *site) link(t *testing.T, to string) string {
	t.Helper()
	mails, _ := s.mail.Mails()
	for _, m := range mails {
		if m.To != to {
			continue
		}
		for word := range strings.FieldsSeq(m.Text) {
			if path, ok := strings.CutPrefix(word, s.URL); ok && strings.HasPrefix(path, "/links/") {
				return path
			}
		}
	}
	t.Fatalf("no letter to %s has a link", to)
	return ""
}
