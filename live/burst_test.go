package live_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"rally"
	"rally/live"
)

// However many friends change at once, and whether or not a page reads: its
// socket stays open, and what it is told in the end is how they all are.
func TestManyFriendsChange(t *testing.T) {
	t.Parallel()
	const friends = 100
	w := newTown(t)
	for i := range rally.UserID(friends) {
		w.befriend(dora, 100+i)
	}
	reading := w.open(t, dora, "ko")
	reading.told(t)
	r, e := w.raw(t, "?stage=full&user=4&session=s4&name=Dora&locale=en")
	w.settle(t)
	r.readTo(t, "en online")
	// What comes next waits behind this one, until the page reads.
	long := bytes.Repeat([]byte("x"), 8<<20)
	e.Push(func(string) ([]byte, error) { return long, nil })

	for i := range rally.UserID(friends) {
		w.open(t, 100+i)
	}
	w.settle(t)
	w.forward(t, time.Second)
	for i := range rally.UserID(friends) {
		w.plays(100+i, rally.MatchID(fmt.Sprint("m", i)))
	}
	w.settle(t)
	e.Push(func(string) ([]byte, error) { return []byte("news"), nil })
	if n := w.hub.Stats().Closed["slow"]; n != 0 {
		t.Fatalf("%d sockets were closed", n)
	}

	if _, got := r.next(t); !bytes.Equal(got, long) {
		t.Fatalf("the first text has %d bytes", len(got))
	}
	badges := r.readTo(t, "news")
	if badges == 0 || badges > live.BadgesMax+1 {
		t.Errorf("%d badges waited for a page that did not read", badges)
	}
	_, list := r.next(t)
	if n := strings.Count(string(list), " playing m"); n != friends || !strings.HasPrefix(string(list), "en online") {
		t.Errorf("%d friends are on %.60q", n, list)
	}
	w.forward(t, time.Second)
	w.plays(100, "")
	if _, got := r.next(t); string(got) != "en badge Friend100 online" {
		t.Errorf("told %q afterwards", got)
	}
	shows := map[string]string{}
	for playing := 0; playing != friends-1 || shows["Friend100"] != "online"; {
		_, text := read(t, reading.conn)
		if list, ok := strings.CutPrefix(text, "ko online"); ok {
			clear(shows)
			text = list
		}
		for _, friend := range strings.Split(strings.TrimPrefix(text, "ko badge "), ", ") {
			name, state, _ := strings.Cut(friend, " ")
			shows[name] = state
		}
		playing = 0
		for _, state := range shows {
			if strings.HasPrefix(state, "playing m") {
				playing++
			}
		}
	}
}
