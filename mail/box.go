package mail

import (
	"context"
	"slices"
	"sync"
	"time"

	"rally"
)

// Box keeps e-mails instead of sending them. It is safe for concurrent use.
type Box struct {
	limit int
	mu    sync.Mutex
	mails []rally.Mail // the oldest first
	at    []time.Time  // when each was sent
}

// NewBox makes a Box for the newest limit e-mails.
func NewBox(limit int) *Box { return &Box{limit: limit} }

// Send puts an e-mail into the box. It refuses what SMTP.Send would.
func (b *Box) Send(_ context.Context, m rally.Mail) error {
	if err := check(m); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails, b.at = append(b.mails, m), append(b.at, time.Now())
	if over := len(b.mails) - b.limit; over > 0 {
		b.mails, b.at = slices.Delete(b.mails, 0, over), slices.Delete(b.at, 0, over)
	}
	return nil
}

// Mails gives what is in the box, and when each was sent, the newest first.
func (b *Box) Mails() (mails []rally.Mail, at []time.Time) {
	b.mu.Lock()
	mails, at = slices.Clone(b.mails), slices.Clone(b.at)
	b.mu.Unlock()
	slices.Reverse(mails)
	slices.Reverse(at)
	return mails, at
}
