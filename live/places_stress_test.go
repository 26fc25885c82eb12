package live_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rally/live"
)

// Sockets of three sessions of one user come and go at two nodes, in order and
// without a word, while Places is away now and then: whoever is heard has the
// place, and in the end nobody has it.
func TestPlacesUnderStress(t *testing.T) {
	t.Parallel()
	r := newRegister()
	const user = 7
	var sites []*site
	drained := make(chan struct{})
	for range 2 {
		s := newPlacedSite(t, r.node(), live.Config{Linger: 5 * time.Millisecond})
		s.receive = func(e *end, _ []byte) error {
			if holder := r.holder(user); holder != e.Viewer().Session {
				t.Errorf("heard %q while %q has the place", e.Viewer().Session, holder)
			}
			e.Send([]byte("heard"))
			return nil
		}
		go func() {
			for {
				select {
				case <-s.opened:
				case <-drained:
					return
				}
			}
		}()
		sites = append(sites, s)
	}
	defer close(drained)

	var (
		group sync.WaitGroup
		mu    sync.Mutex
		codes = map[int]int{}
	)
	for i := range 6 {
		group.Go(func() {
			dice := rand.New(rand.NewPCG(1, uint64(i)))
			for range 60 {
				r.goAway(dice.IntN(10) == 0)
				code := comeAndGo(sites[dice.IntN(2)], as(user, fmt.Sprint("s", i%3)), dice.IntN(2) == 0)
				mu.Lock()
				codes[code]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	r.goAway(false)
	t.Logf("heard (0), refused (4001), could not ask (503): %v", codes)
	for code := range codes {
		if code != 0 && code != live.CodeElsewhere && code != 503 {
			t.Errorf("ended with %d", code)
		}
	}
	until(t, "the place is free", func() bool {
		return r.holder(user) == "" && sites[0].hub.Places()+sites[1].hub.Places() == 0
	})
}

// comeAndGo opens a socket, is heard, and leaves; it gives the code of what
// went otherwise, 0 for nothing.
func comeAndGo(s *site, q string, politely bool) (code int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, res, err := websocket.Dial(ctx, s.server.URL+"/live"+q, &websocket.DialOptions{
		HTTPHeader: map[string][]string{"Origin": {s.server.URL}},
	})
	if err != nil {
		if res == nil {
			return -1
		}
		return res.StatusCode
	}
	defer func() { _ = c.CloseNow() }()
	_ = c.Write(ctx, websocket.MessageBinary, []byte("hello"))
	if _, _, err := c.Read(ctx); err != nil {
		return int(websocket.CloseStatus(err))
	}
	if politely {
		_ = c.Close(websocket.StatusGoingAway, "")
	}
	return 0
}
