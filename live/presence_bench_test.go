package live_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// BenchmarkPresence opens 5,000 sockets, each with 50 friends who are here as
// well, and then changes what is seen of somebody, again and again, each time
// until all friends have been told. It reports what a socket costs, and how
// much of a core 100 such changes in a second take. Compare BenchmarkIdle.
func BenchmarkPresence(b *testing.B) {
	const n, friends = 5000, 50
	var users atomic.Int64
	var plays sync.Map
	hub := live.NewHub(live.Config{
		Painter: wordy{},
		Friends: func(_ context.Context, user rally.UserID) ([]rally.UserID, error) {
			var ids []rally.UserID
			for i := rally.UserID(1); i <= friends/2; i++ { // they sit in a ring
				ids = append(ids, (user+i)%n, (user+n-i)%n)
			}
			return ids, nil
		},
		Playing: func(user rally.UserID) rally.MatchID {
			id, _ := plays.Load(user)
			match, _ := id.(rally.MatchID)
			return match
		},
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rally.UserID(users.Add(1) % n)
		v := rally.Viewer{
			Stage: rally.StageFull, Session: rally.SessionID(r.RemoteAddr), Locale: []string{"en", "ko"}[id%2],
			User: rally.User{ID: id, Name: fmt.Sprint("Player ", id)},
		}
		if err := hub.Serve(w, r, v, func(*live.Conn) live.Receiver { return deaf{} }); err != nil {
			b.Error(err)
		}
	}))
	defer server.Close()
	defer hub.Shutdown(context.Background())

	before, used := memory(b), spent(b)
	leave := startIdleClients(b, n, server.Listener.Addr().String(), false)
	until(b, "all are greeted", func() bool { return hub.Stats().Presence.Greetings >= n })
	opening := spent(b) - used
	settled := time.Now().Add(time.Second) // so that nobody has to be quiet any more
	until(b, "all is told", func() bool { return time.Now().After(settled) && hub.Stats().Presence.Watching == n*friends })
	after := memory(b)

	texts := hub.Stats().Texts
	changes := uint64(0)
	used = spent(b)
	for b.Loop() {
		user := rally.UserID(rand.N(n))
		plays.Store(user, rally.MatchID(fmt.Sprint("match", changes)))
		hub.PlayingChanged(user)
		changes++
		until(b, "all friends are told", func() bool { return hub.Stats().Texts >= texts+changes*friends })
	}
	used = spent(b) - used
	b.ReportMetric((after.heap-before.heap)/n, "heapB/socket")
	b.ReportMetric((after.stack-before.stack)/n, "stackB/socket")
	b.ReportMetric((after.rss-before.rss)/n, "rssB/socket")
	b.ReportMetric(opening.Seconds()*1e6/n, "cpu-µs/opening")
	b.ReportMetric(100*used.Seconds()/float64(changes)*100, "%core/100changes/s")
	leave()
}

// wordy writes fragments about as long as the real ones.
type wordy struct{}

func (wordy) Badge(locale string, f rally.FriendState) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s %s", locale, words(f), strings.Repeat("x", 300)), nil
}

func (wordy) Online(locale string, friends []rally.FriendState) ([]byte, error) {
	text := []byte(locale)
	for _, f := range friends {
		text = fmt.Appendf(text, "%s %s", words(f), strings.Repeat("x", 100))
	}
	return text, nil
}

// spent gives how much time this process has had on the processor.
func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
