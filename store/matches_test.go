package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// played gives a finished match as match hands it over: won by the left side.
func played(left, right rally.User) rally.Match {
	finished := time.Now()
	return rally.Match{
		ID: rally.NewMatchID(), Kind: rally.Rated, Points: 11,
		Players: [2]rally.Player{
			{User: left.ID, Name: left.Name, Before: left.Rating, Score: 11},
			{User: right.ID, Name: right.Name, Before: right.Rating, Score: 7},
		},
		Outcome: rally.Won, Winner: rally.Left,
		StartedAt: finished.Add(-3 * time.Minute), FinishedAt: finished,
		Ticks: 10_800, Hash: 0xfedc_ba98_7654_3210, Rules: []byte{1, 0, 11}, Seed: 0x8000_0000_0000_0001,
		Recording: []byte("every input with its tick"),
	}
}

// userNow gives an account as it is now.
func userNow(t *testing.T, s *store.Store, id rally.UserID) rally.User {
	t.Helper()
	u, err := s.FindUser(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// keep stores a match.
func keep(t *testing.T, s *store.Store, m rally.Match) {
	t.Helper()
	if err := s.KeepMatch(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func TestKeepMatch(t *testing.T) {
	t.Parallel()
	var events []rally.Event
	s := storetest.New(t, func(c *store.Config) { c.Publish = func(e rally.Event) { events = append(events, e) } })
	// With the higher id on the left.
	berta, anna := newUser(t, s, "Berta"), newUser(t, s, "Anna")
	m := played(anna, berta)
	// What the match believed they were is not what counts.
	m.Players[0].Before, m.Players[1].Before = rally.Rating{}, rally.Rating{Value: 1, Deviation: 2, Volatility: 3}
	keep(t, s, m)

	want := m
	want.Recording = nil
	want.StartedAt = m.StartedAt.UTC().Truncate(time.Microsecond)
	want.FinishedAt = m.FinishedAt.UTC().Truncate(time.Microsecond)
	newcomer := rally.NewRating()
	want.Players[0].Before, want.Players[0].After = newcomer, newcomer.After(newcomer, 1)
	want.Players[1].Before, want.Players[1].After = newcomer, newcomer.After(newcomer, 0)
	got, err := s.FindMatch(t.Context(), m.ID)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("found: %v (-want +got):\n%s", err, diff)
	}
	if b, err := s.FindRecording(t.Context(), m.ID); err != nil || string(b) != string(m.Recording) {
		t.Errorf("the recording is %q, %v", b, err)
	}

	winner, loser := userNow(t, s, anna.ID), userNow(t, s, berta.ID)
	if winner.Rating != want.Players[0].After || winner.Wins != 1 || winner.Losses != 0 {
		t.Errorf("the winner is %+v", winner)
	}
	if loser.Rating != want.Players[1].After || loser.Wins != 0 || loser.Losses != 1 {
		t.Errorf("the loser is %+v", loser)
	}
	wantEvents := []rally.Event{{Kind: rally.MatchStored, Match: m.ID, Users: []rally.UserID{anna.ID, berta.ID}}}
	if diff := cmp.Diff(wantEvents, events); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}

	// The next one starts from there.
	again := played(berta, anna)
	keep(t, s, again)
	got, err = s.FindMatch(t.Context(), again.ID)
	if err != nil || got.Players[0].Before != loser.Rating || got.Players[0].After != loser.Rating.After(winner.Rating, 1) ||
		got.Players[1].After != winner.Rating.After(loser.Rating, 0) {
		t.Errorf("the next one: %+v, %v", got, err)
	}
}

// A match is stored once, whoever else is storing it at the same moment.
func TestKeepMatchOnce(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	m := played(anna, berta)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := s.KeepMatch(t.Context(), m); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// Nor does a later try that says otherwise change it.
	other := m
	other.Winner, other.Recording = rally.Right, []byte("forged")
	keep(t, s, other)

	list, _, err := s.ListMatches(t.Context(), anna.ID, "", 10)
	if err != nil || len(list) != 1 || list[0].Winner != rally.Left {
		t.Errorf("kept %+v, %v", list, err)
	}
	if u := userNow(t, s, anna.ID); u.Rating != anna.Rating.After(berta.Rating, 1) || u.Wins != 1 {
		t.Errorf("the winner is %+v", u)
	}
	if u := userNow(t, s, berta.ID); u.Rating != berta.Rating.After(anna.Rating, 0) || u.Losses != 1 {
		t.Errorf("the loser is %+v", u)
	}
	if b, err := s.FindRecording(t.Context(), m.ID); err != nil || string(b) != string(m.Recording) {
		t.Errorf("the recording is %q, %v", b, err)
	}
}

// Matches of the same few people, stored at once with either on either side:
// none waits for ever, and no win, loss or rating is lost.
func TestKeepMatchConcurrently(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	var people []rally.User
	for i := range 4 {
		people = append(people, newUser(t, s, fmt.Sprint("Player-", i)))
	}
	const matches = 120
	var wg sync.WaitGroup
	wins, losses := make(map[rally.UserID]int), make(map[rally.UserID]int)
	work := make(chan rally.Match, matches)
	random := rand.New(rand.NewPCG(1, 2))
	for range matches {
		p := random.Perm(len(people))
		m := played(people[p[0]], people[p[1]])
		wins[m.Players[0].User]++
		losses[m.Players[1].User]++
		work <- m
	}
	close(work)
	for range 12 {
		wg.Go(func() {
			for m := range work {
				if err := s.KeepMatch(t.Context(), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()

	for _, p := range people {
		u := userNow(t, s, p.ID)
		if u.Wins != wins[p.ID] || u.Losses != losses[p.ID] {
			t.Errorf("%s has %d wins and %d losses, want %d and %d", u.Name, u.Wins, u.Losses, wins[p.ID], losses[p.ID])
		}
		// Every rating was the next one's start: walked back, they meet.
		list, older, err := s.ListMatches(t.Context(), p.ID, "", 100)
		if err != nil || older != "" {
			t.Fatalf("%v, older %q", err, older)
		}
		next := make(map[rally.Rating]rally.Rating)
		for _, m := range list {
			me := m.Players[m.Of(p.ID)]
			next[me.Before] = me.After
		}
		at, steps := rally.NewRating(), 0
		for after, ok := next[at]; ok; after, ok = next[at] {
			at = after
			steps++
		}
		if steps != len(list) || at != u.Rating {
			t.Errorf("%s: of %d changes %d follow each other, to %+v; the account says %+v", u.Name, len(list), steps, at, u.Rating)
		}
	}
}

// What changes ratings, and what does not.
func TestKeepMatchKinds(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	for i, c := range []struct {
		kind    rally.MatchKind
		outcome rally.Outcome
		winner  rally.Side
		changes bool
	}{
		{rally.Rated, rally.Won, rally.Left, true},
		{rally.Rated, rally.Won, rally.Right, true},
		{rally.Rated, rally.Forfeited, rally.Right, true},
		{rally.Rated, rally.NoShow, rally.NoSide, false},
		{rally.Rated, rally.Abandoned, rally.NoSide, false},
		{rally.Rated, rally.Interrupted, rally.NoSide, false},
		{rally.Casual, rally.Won, rally.Left, false},
		{rally.Casual, rally.Forfeited, rally.Left, false},
		{rally.Practice, rally.Won, rally.Left, false},
		{rally.Practice, rally.Forfeited, rally.Right, false},
	} {
		t.Run(fmt.Sprintf("%s %s %d", c.kind, c.outcome, c.winner), func(t *testing.T) {
			t.Parallel()
			anna, berta := newUser(t, s, fmt.Sprint("Anna-", i)), newUser(t, s, fmt.Sprint("Berta-", i))
			m := played(anna, berta)
			m.Kind, m.Outcome, m.Winner = c.kind, c.outcome, c.winner
			if c.kind == rally.Practice {
				m.Players[1] = rally.Player{Bot: rally.BotHard, Score: 7}
			}
			if c.outcome == rally.NoShow {
				m.StartedAt, m.Rules, m.Recording = time.Time{}, nil, nil
			}
			keep(t, s, m)

			got, err := s.FindMatch(t.Context(), m.ID)
			if err != nil {
				t.Fatal(err)
			}
			want := m
			if want.FinishedAt = m.FinishedAt.UTC().Truncate(time.Microsecond); c.outcome == rally.NoShow {
				want.StartedAt, want.Rules = want.FinishedAt, []byte{}
			}
			want.StartedAt = want.StartedAt.UTC().Truncate(time.Microsecond)
			want.Recording = nil
			if c.changes {
				score := float64(1 - c.winner)
				want.Players[0].After = anna.Rating.After(berta.Rating, score)
				want.Players[1].After = berta.Rating.After(anna.Rating, 1-score)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
			for i, before := range []rally.User{anna, berta} {
				after := userNow(t, s, before.ID)
				if changed := after.Rating != before.Rating; changed != c.changes {
					t.Errorf("%s: rating changed: %v, want %v", before.Name, changed, c.changes)
				}
				wins, losses := 0, 0
				if c.changes {
					if wins = 1; int(c.winner) != i {
						wins, losses = 0, 1
					}
				}
				if after.Wins != wins || after.Losses != losses {
					t.Errorf("%s: %d wins, %d losses; want %d, %d", before.Name, after.Wins, after.Losses, wins, losses)
				}
			}
			list, _, err := s.ListMatches(t.Context(), anna.ID, "", 10)
			if listed := len(list) == 1; err != nil || listed != (c.kind != rally.Practice) {
				t.Errorf("listed: %v, %v", listed, err)
			}
		})
	}
}

// What could never be stored is refused as such, so that nobody tries for ever.
func TestKeepMatchInvalid(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	for name, spoil := range map[string]func(*rally.Match){
		"id":            func(m *rally.Match) { m.ID = "UPPER-CASE!!" },
		"kind":          func(m *rally.Match) { m.Kind = "" },
		"points":        func(m *rally.Match) { m.Points = 0 },
		"outcome":       func(m *rally.Match) { m.Outcome = "luck" },
		"no winner":     func(m *rally.Match) { m.Winner = rally.NoSide },
		"a winner":      func(m *rally.Match) { m.Outcome = rally.Abandoned },
		"a third side":  func(m *rally.Match) { m.Winner = 2 },
		"no time":       func(m *rally.Match) { m.FinishedAt = time.Time{} },
		"ticks":         func(m *rally.Match) { m.Ticks = -1 },
		"against self":  func(m *rally.Match) { m.Players[1].User = m.Players[0].User },
		"score":         func(m *rally.Match) { m.Players[1].Score = 256 },
		"bot":           func(m *rally.Match) { m.Players[1].Bot = 4; m.Players[1].User = 0 },
		"bot's account": func(m *rally.Match) { m.Players[1].Bot = rally.BotEasy },
	} {
		m := played(anna, berta)
		spoil(&m)
		if err := s.KeepMatch(t.Context(), m); rally.ErrorCode(err) != rally.EInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if u := userNow(t, s, anna.ID); u.Rating != anna.Rating || u.Wins != 0 {
		t.Errorf("changed: %+v", u)
	}
	// The wall clock may be set back during a match.
	m := played(anna, berta)
	m.StartedAt = m.FinishedAt.Add(time.Hour)
	keep(t, s, m)
}

// An account that goes leaves its matches, nameless, and takes its sessions.
func TestKeepMatchDeletedUser(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	before, after := played(anna, berta), played(anna, berta)
	keep(t, d.store, before)
	rated := userNow(t, d.store, anna.ID)
	_, cookie := d.open(t, "", berta.ID, rally.StageFull)
	d.exec(t, "DELETE FROM users WHERE id = $1", int64(berta.ID))
	keep(t, d.store, after) // it was still being played

	for _, id := range []rally.MatchID{before.ID, after.ID} {
		m, err := d.store.FindMatch(t.Context(), id)
		if p := m.Players[1]; err != nil || p.User != 0 || p.Name != "" || p.Score != 7 || m.Players[0].Name != "Anna" {
			t.Errorf("found %+v, %v", m, err)
		}
	}
	if list, _, err := d.store.ListMatches(t.Context(), anna.ID, "", 10); err != nil || len(list) != 2 {
		t.Errorf("listed %d, %v", len(list), err)
	}
	if got := userNow(t, d.store, anna.ID); got.Rating != rated.Rating || got.Wins != 1 {
		t.Errorf("the match against nobody changed %+v to %+v", rated, got)
	}
	if got := d.opens(t, cookie); got != "" {
		t.Errorf("the session of nobody is %s", got)
	}
}

// exec runs a statement of the test's own.
func (d *desk) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestFindMatchMissing(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	for _, id := range []rally.MatchID{rally.NewMatchID(), "", "x", "\x00", "' OR true; --", rally.MatchID(strings.Repeat("a", 1<<16))} {
		_, err := s.FindMatch(t.Context(), id)
		fields(t, err, rally.ENotFound)
		_, err = s.FindRecording(t.Context(), id)
		fields(t, err, rally.ENotFound)
	}
}

func TestListMatches(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	finished := time.Now()
	var want []rally.MatchID
	for i := range 23 {
		m := played(anna, berta)
		if i%2 == 1 {
			m.Kind = rally.Casual
		}
		// Some of them at the same moment.
		m.FinishedAt = finished.Add(time.Duration(i/3) * time.Second)
		keep(t, s, m)
		want = append(want, m.ID)
		practice := played(anna, rally.User{})
		practice.Kind, practice.Players[1].Bot, practice.FinishedAt = rally.Practice, rally.BotEasy, m.FinishedAt
		keep(t, s, practice)
	}

	var got []rally.MatchID
	var last rally.Match
	for before, pages := "", 0; ; pages++ {
		list, older, err := s.ListMatches(t.Context(), berta.ID, before, 5)
		if err != nil || pages > 5 || len(list) == 0 {
			t.Fatalf("page %d has %d, %v", pages, len(list), err)
		}
		for _, m := range list {
			if last.ID != "" && (m.FinishedAt.After(last.FinishedAt) || (m.FinishedAt.Equal(last.FinishedAt) && m.ID >= last.ID)) {
				t.Errorf("%s of %s comes after %s of %s", m.ID, m.FinishedAt, last.ID, last.FinishedAt)
			}
			last = m
			got = append(got, m.ID)
		}
		if before = older; older == "" {
			break
		}
	}
	if diff := cmp.Diff(setOf(want), setOf(got)); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	if found, err := s.FindMatch(t.Context(), last.ID); err != nil || cmp.Diff(found, last) != "" {
		t.Errorf("found %+v, listed %+v (%v)", found, last, err)
	}

	// The edges of what may be asked for.
	if list, older, err := s.ListMatches(t.Context(), 12345, "", 5); len(list) != 0 || older != "" || err != nil {
		t.Errorf("of nobody: %d, %q, %v", len(list), older, err)
	}
	for limit, want := range map[int]int{-1: 1, 0: 1, 23: 23, 24: 23, 1000: 23} {
		list, older, err := s.ListMatches(t.Context(), anna.ID, "", limit)
		if len(list) != want || err != nil || (older == "") != (want == 23) {
			t.Errorf("%d asked for: %d, older %q, %v", limit, len(list), older, err)
		}
	}
	id := string(want[0])
	for _, bad := range []string{
		"x", "-", id, "-" + id, "1-", "1", "-1-" + id, "1-" + id + "a", "99999999999999999999-" + id,
		"253402300800000000-" + id, "1.5-" + id, "1-" + id + "\x00", "1-\x00",
	} {
		_, _, err := s.ListMatches(t.Context(), anna.ID, bad, 5)
		fields(t, err, rally.EInvalid)
	}
	if list, _, err := s.ListMatches(t.Context(), anna.ID, "0-"+id, 5); len(list) != 0 || err != nil {
		t.Errorf("before everything: %d, %v", len(list), err)
	}
}

// A page of a long history is one scan of one index, in its order.
func TestListMatchesPlan(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	d.exec(t, `
		INSERT INTO matches (id, kind, points, outcome, winner, started_at, finished_at, ticks, hash, seed, rules)
		SELECT translate(lpad(to_hex(n), 12, '0'), '0189', 'ghij'), 'casual', 11, 'won', 0,
		       timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-01' + n * interval '1 minute',
		       1, 1, 1, ''
		FROM generate_series(1, 20000) n`)
	d.exec(t, `
		INSERT INTO match_players (match_id, side, practice, finished_at, user_id, bot, score)
		SELECT id, side, practice, finished_at,
		       CASE WHEN side = 0 AND ticks = 1 THEN $1::bigint WHEN substr(id, 12) = 'a' THEN $2::bigint END, 0, 0
		FROM matches, generate_series(0, 1) side`, int64(anna.ID), int64(berta.ID))
	d.exec(t, `ANALYZE`)

	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, u := range []rally.User{anna, berta} {
		rows, _ := conn.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS) "+store.ListMatchesSQL,
			int64(u.ID), time.Date(2026, 1, 8, 0, 0, 0, 0, time.UTC), "", 21)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, "match_players_history on match_players me") ||
			strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan on match") {
			t.Errorf("the plan for %s is:\n%s", u.Name, plan)
		}
	}
}

// setOf gives ids without their order.
func setOf(ids []rally.MatchID) map[rally.MatchID]bool {
	set := make(map[rally.MatchID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}
