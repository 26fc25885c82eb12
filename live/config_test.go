package live

import (
	"testing"
	"time"
)

// Whatever waits for these durations in other tests, usually waits for no longer
// than was promised: a socket of a session that has ended is gone within a
// second, and people of a node that was killed are offline within ten.
func TestDefaults(t *testing.T) {
	t.Parallel()
	c := Config{}.withDefaults()
	if c.CloseWait > 750*time.Millisecond {
		t.Errorf("a socket that does not answer is cut after %v", c.CloseWait)
	}
	if c.DeadAfter > 25*time.Second || c.DeadAfter-c.PingEvery < 5*time.Second {
		t.Errorf("a silent browser is pinged after %v and gone after %v", c.PingEvery, c.DeadAfter)
	}
	if c.GoneAfter+coalesce+seenHold > 9*time.Second || c.OfflineAfter != 5*time.Second {
		t.Errorf("people are offline after %v, of a dead node after %v", c.OfflineAfter, c.GoneAfter)
	}
}
