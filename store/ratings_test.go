package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
)

// board gives the whole leaderboard in pages of this size.
func (d *desk) board(t *testing.T, size int) (all []rally.Ranked) {
	t.Helper()
	for cursor, pages := "", 0; ; pages++ {
		people, next, err := d.store.Leaderboard(t.Context(), cursor, size)
		if err != nil || len(people) > size || pages > 100 {
			t.Fatalf("%d people on page %d, %v", len(people), pages, err)
		}
		if all = append(all, people...); next == "" {
			return all
		}
		cursor = next
	}
}

// The leaderboard is one list in whatever pages, and so is anybody's place in it.
func TestLeaderboard(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	crowd := d.crowd(t, 30)
	// Several share a rating; the last few have not played, or are leaving.
	d.exec(t, `UPDATE users SET rating = 1500 + 10.125 * (id % 7) - 1000 * (id % 2), wins = 1 WHERE id = ANY($1)`, crowd[:25])
	d.exec(t, `UPDATE users SET losses = 2, delete_at = now(), rating = 9000 WHERE id = ANY($1)`, crowd[25:27])

	all := d.board(t, 100)
	if len(all) != 25 {
		t.Fatalf("there are %d", len(all))
	}
	for i, r := range all {
		if r.Rank != i+1 || r.User.Wins != 1 || r.User.Name == "" || r.User.Email != "" {
			t.Errorf("%d: %+v", i, r)
		}
		if i > 0 {
			if before := all[i-1].User; before.Rating.Value < r.User.Rating.Value ||
				before.Rating.Value == r.User.Rating.Value && before.ID > r.User.ID {
				t.Errorf("%d is before %d", before.ID, r.User.ID)
			}
		}
		if rank, err := d.store.Rank(t.Context(), r.User.ID); err != nil || rank != r.Rank {
			t.Errorf("%d has rank %d, want %d: %v", r.User.ID, rank, r.Rank, err)
		}
		for _, n := range []int{0, 3, 100} {
			around, err := d.store.LeaderboardAround(t.Context(), r.User.ID, n)
			if diff := cmp.Diff(all[max(0, i-n):min(len(all), i+n+1)], around); err != nil || diff != "" {
				t.Errorf("%d around %d: %v (-want +got):\n%s", n, i, err, diff)
			}
		}
	}
	for _, size := range []int{1, 7, 25} {
		if diff := cmp.Diff(all, d.board(t, size)); diff != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", size, diff)
		}
	}
	for _, id := range []rally.UserID{crowd[26], crowd[29], 12345, 0} {
		if rank, err := d.store.Rank(t.Context(), id); err != nil || rank != 0 {
			t.Errorf("%d has rank %d, %v", id, rank, err)
		}
		_, err := d.store.LeaderboardAround(t.Context(), id, 3)
		isError(t, err, rally.ENotFound, "error.not_found")
	}
	for _, cursor := range []string{"x", "MTIz", "OTIyMTEyMDIzNzA0MTA5MDU2MSAw" /* not a number */, "MCB4"} {
		_, _, err := d.store.Leaderboard(t.Context(), cursor, 10)
		isError(t, err, rally.EInvalid, "error.invalid")
	}
}

// A rating's history is every match of it, or 200 of them from the first to the
// last.
func TestRatingHistory(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	history := func() []rally.RatingPoint {
		t.Helper()
		points, err := d.store.RatingHistory(t.Context(), anna.ID)
		if err != nil {
			t.Fatal(err)
		}
		return points
	}
	if got := history(); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	m := played(anna, berta)
	keep(t, d.store, m)
	casual := played(anna, berta)
	casual.Kind = rally.Casual
	keep(t, d.store, casual)
	want := []rally.RatingPoint{{At: m.FinishedAt.UTC().Truncate(time.Microsecond), Rating: userNow(t, d.store, anna.ID).Rating}}
	if diff := cmp.Diff(want, history()); diff != "" {
		t.Errorf("of one (-want +got):\n%s", diff)
	}

	// Matches whose ratings count up.
	d.exec(t, `DELETE FROM matches`)
	had := 0
	for _, n := range []int{2, 199, 200, 201, 399, 1234} {
		d.exec(t, `
			WITH m AS (
			    INSERT INTO matches (id, kind, points, outcome, winner, started_at, finished_at, ticks, hash, seed, rules)
			    SELECT translate(lpad(i::text, 12, 'a'), '0189', 'bcde'), 'rated', 11, 'won', 0, now(), now() + make_interval(secs => i), 1, 1, 1, ''
			    FROM generate_series($2::int, $3::int) i
			    RETURNING id, finished_at)
			INSERT INTO match_players (match_id, side, practice, finished_at, user_id, bot, score, rating_before, deviation_before,
			                           volatility_before, rating_after, deviation_after, volatility_after)
			SELECT id, 0, false, finished_at, $1, 0, 11, 1, 100, 0.06, $2 - 1 + row_number() OVER (ORDER BY finished_at), 100, 0.06
			FROM m`, anna.ID, had+1, n)
		had = n
		points := history()
		if got := len(points); got > 200 || got < min(n, 198) {
			t.Errorf("of %d there are %d", n, got)
		}
		if first, last := points[0].Rating.Value, points[len(points)-1].Rating.Value; first != 1 || last != float64(n) {
			t.Errorf("of %d it goes from %v to %v", n, first, last)
		}
		for i, p := range points[1:] {
			if gap := p.Rating.Value - points[i].Rating.Value; gap < 1 || gap > float64(n)/197+1 || !p.At.After(points[i].At) {
				t.Errorf("of %d there is a gap of %v at %d", n, gap, i)
			}
		}
	}

	// The highest and the lowest are kept wherever they are, provisional ones aside.
	for i, rating := range []float64{5000, -5000, 9000} {
		d.exec(t, `
			UPDATE match_players SET rating_after = $1::float8, deviation_after = CASE WHEN $1::float8 > 8000 THEN 200 ELSE 100 END
			WHERE rating_after = $2`, rating, 300+float64(i))
	}
	points, kept := history(), map[float64]bool{}
	for _, p := range points {
		kept[p.Rating.Value] = true
	}
	if !kept[5000] || !kept[-5000] || kept[9000] || len(points) > 200 {
		t.Errorf("of %d: the highest %v, the lowest %v, a provisional one %v", len(points), kept[5000], kept[-5000], kept[9000])
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta, carla := newUser(t, s, "Anna"), newUser(t, s, "Berta"), newUser(t, s, "Carla")
	casual, gone, practice := played(berta, anna), played(anna, berta), played(anna, rally.User{})
	casual.Kind = rally.Casual
	gone.Outcome, gone.Winner = rally.Abandoned, rally.NoSide
	practice.Kind, practice.Players[1].Bot = rally.Practice, rally.BotEasy
	for _, m := range []rally.Match{played(anna, berta), played(anna, berta), casual, gone, practice, played(carla, anna)} {
		keep(t, s, m)
	}
	for _, c := range []struct {
		viewer, other rally.UserID
		want          rally.Record
	}{
		{anna.ID, berta.ID, rally.Record{Wins: 2, Losses: 1}},
		{berta.ID, anna.ID, rally.Record{Wins: 1, Losses: 2}},
		{anna.ID, carla.ID, rally.Record{Losses: 1}},
		{berta.ID, carla.ID, rally.Record{}},
		{anna.ID, anna.ID, rally.Record{}},
		{anna.ID, 0, rally.Record{}},
	} {
		if got, err := s.Record(t.Context(), c.viewer, c.other); err != nil || got != c.want {
			t.Errorf("%d against %d: %+v, want %+v, %v", c.viewer, c.other, got, c.want, err)
		}
	}
}
