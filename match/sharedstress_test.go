package match

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"rally"
)

// Many people enter, leave and resign at three nodes, while the turn to pair goes
// round and NATS is away now and then. In the end everybody who waits and whoever
// plays is known as that everywhere, and nobody is in two places.
func TestSharedQueueUnderStress(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	desks := []*desk{f.desk(), f.desk(), f.desk()}
	const people = 30
	for user := range rally.UserID(people) {
		f.come(user + 1)
	}
	over := time.Now().Add(2 * time.Second)
	var all sync.WaitGroup
	for user := range rally.UserID(people) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(user)))
			for time.Now().Before(over) {
				d := desks[random.IntN(len(desks))]
				switch id, busy := d.node.Playing(user + 1); {
				case busy && random.IntN(4) == 0:
					_ = d.node.Resign(id, user+1) // it may be over meanwhile
				case random.IntN(5) == 0:
					d.Leave(user + 1)
				default:
					_ = d.Enter(entrant(user + 1)) // who plays is refused
				}
				<-time.After(time.Duration(random.IntN(5)) * time.Millisecond)
			}
		})
	}
	for round := 0; time.Now().Before(over); round++ {
		for i, d := range desks {
			d.leads.Store(i == round%len(desks))
		}
		f.setAway(round%7 == 6)
		<-time.After(20 * time.Millisecond)
	}
	all.Wait()
	f.setAway(false)
	for i, d := range desks {
		d.leads.Store(i == 0)
	}
	why := ""
	defer func() {
		if t.Failed() {
			t.Log(why)
		}
	}()
	f.until("all agree, and nobody is in two places", func() bool {
		for user := rally.UserID(1); user <= people; user++ {
			here := 0
			for _, d := range desks {
				if id, busy := d.node.registry.Playing(user); busy {
					here++
					for _, other := range desks {
						if at, _ := other.node.Playing(user); at != id {
							why = fmt.Sprintf("user %d plays %s at %s, for %s it is %q", user, id, d.node.name, other.node.name, at)
							return false
						}
					}
				}
			}
			_, first := desks[0].Waiting(user)
			for _, d := range desks {
				if _, waits := d.Waiting(user); waits != first || waits && here > 0 {
					why = fmt.Sprintf("user %d waits at %s: %t, at the first: %t, plays in %d places", user, d.node.name, waits, first, here)
					return false
				}
			}
			if here > 1 {
				why = fmt.Sprintf("user %d plays in %d places", user, here)
				return false
			}
		}
		return true
	})
}
