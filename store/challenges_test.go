package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
)

// challenge challenges somebody, or with 0 whoever has the link.
func (d *desk) challenge(t *testing.T, from, to rally.UserID, points int) rally.Challenge {
	t.Helper()
	c, _, err := d.store.CreateChallenge(t.Context(), from, to, points, true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// challenges gives the ids of the challenges that somebody sees.
func (d *desk) challenges(t *testing.T, user rally.UserID) (ids []rally.ChallengeID) {
	t.Helper()
	list, err := d.store.ListChallenges(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		ids = append(ids, c.ID)
	}
	return ids
}

// isState checks what has become of a challenge.
func (d *desk) isState(t *testing.T, id rally.ChallengeID, viewer rally.UserID, want rally.ChallengeState) {
	t.Helper()
	if c, err := d.store.FindChallenge(t.Context(), id, viewer); err != nil || c.State != want {
		t.Errorf("%s is %q, want %q, %v", id, c.State, want, err)
	}
}

func TestChallengeAFriend(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	d.befriend(t, anna, berta)
	if err := s.MarkRead(t.Context(), anna, 1<<40); err != nil {
		t.Fatal(err)
	}
	d.forget()
	c := d.challenge(t, anna, berta, 11)
	want := rally.Challenge{
		ID: c.ID, From: c.From, To: berta, Points: 11, Rated: true,
		CreatedAt: c.CreatedAt, ExpiresAt: c.CreatedAt.Add(5 * time.Minute), State: rally.ChallengeOpen,
	}
	if diff := cmp.Diff(want, c); diff != "" || c.From.ID != anna || c.From.Name != "Anna" || c.From.Email != "" || !c.ID.Valid() {
		t.Errorf("from %+v (-want +got):\n%s", c.From, diff)
	}
	if again := d.challenge(t, anna, berta, 11); again.ID != c.ID {
		t.Error("the same is another")
	}
	if got := d.told(rally.ChallengeChanged); len(got) != 1 || !cmp.Equal(got[0], []rally.UserID{anna, berta}) {
		t.Errorf("told %v", got)
	}
	for user, want := range map[rally.UserID][]rally.ChallengeID{anna: {c.ID}, berta: {c.ID}, carla: nil} {
		if diff := cmp.Diff(want, d.challenges(t, user)); diff != "" {
			t.Errorf("%d sees (-want +got):\n%s", user, diff)
		}
	}
	if got := d.notices(t, berta); len(got) != 1 || got[0] != "challenged by Anna" {
		t.Errorf("noticed %v", got)
	}
	// Other rules take its place.
	first := c
	c = d.challenge(t, anna, berta, 7)
	if diff := cmp.Diff([]rally.ChallengeID{c.ID}, d.challenges(t, berta)); diff != "" || c.ID == first.ID || d.unread(t, berta) != 1 {
		t.Errorf("replaced (-want +got):\n%s", diff)
	}
	for what, err := range map[string]error{
		"another's":         take(t, d, c.ID, carla),
		"one replaced":      take(t, d, first.ID, berta),
		"none":              take(t, d, rally.NewChallengeID(), berta),
		"nonsense":          take(t, d, "\x00", berta),
		"another declines":  s.DeclineChallenge(t.Context(), c.ID, carla),
		"its maker":         s.DeclineChallenge(t.Context(), c.ID, anna),
		"not its maker":     s.WithdrawChallenge(t.Context(), c.ID, berta),
		"not accepted":      s.SetChallengeMatch(t.Context(), c.ID, rally.NewMatchID()),
		"declined nonsense": s.DeclineChallenge(t.Context(), "x", carla),
	} {
		t.Log(what)
		isError(t, err, rally.ENotFound, "challenge.gone")
	}
	isError(t, take(t, d, c.ID, anna), rally.EConflict, "challenge.own")
	_, err := s.FindChallenge(t.Context(), c.ID, carla)
	isError(t, err, rally.ENotFound, "challenge.gone")

	d.forget()
	for range 2 { // a second press changes nothing
		if err := take(t, d, c.ID, berta); err != nil {
			t.Fatal(err)
		}
		d.isState(t, c.ID, anna, rally.ChallengeAccepted)
	}
	if got := d.told(rally.ChallengeChanged); len(got) != 1 || d.unread(t, berta) != 0 {
		t.Errorf("told %v, unread %d", got, d.unread(t, berta))
	}
	match := rally.NewMatchID()
	for range 2 {
		if err := s.SetChallengeMatch(t.Context(), c.ID, match); err != nil {
			t.Fatal(err)
		}
	}
	isError(t, s.SetChallengeMatch(t.Context(), c.ID, rally.NewMatchID()), rally.EConflict, "challenge.gone")
	if got, err := s.FindChallenge(t.Context(), c.ID, berta); err != nil || got.Match != match {
		t.Errorf("led to %q, %v", got.Match, err)
	}

	declined := d.challenge(t, anna, berta, 11)
	if err := s.DeclineChallenge(t.Context(), declined.ID, berta); err != nil {
		t.Fatal(err)
	}
	d.isState(t, declined.ID, anna, rally.ChallengeDeclined)
	withdrawn := d.challenge(t, anna, berta, 11)
	for range 2 {
		if err := s.WithdrawChallenge(t.Context(), withdrawn.ID, anna); err != nil {
			t.Fatal(err)
		}
	}
	d.isState(t, withdrawn.ID, berta, rally.ChallengeWithdrawn)
	expired := d.challenge(t, anna, berta, 11)
	d.move(5*time.Minute + time.Second)
	for _, dead := range []rally.Challenge{declined, withdrawn, expired} {
		isError(t, take(t, d, dead.ID, berta), rally.ENotFound, "challenge.gone")
	}
	if got := d.challenges(t, berta); got != nil {
		t.Errorf("sees %v", got)
	}
	next := d.challenge(t, anna, berta, 11)
	if next.ID == expired.ID {
		t.Error("an expired one came back")
	}
	act(t, s.Remove, anna, berta)
	isError(t, take(t, d, next.ID, berta), rally.ENotFound, "challenge.gone")
	if n := d.unread(t, berta); n != 0 {
		t.Errorf("%d notices are left", n)
	}
	d.move(25 * time.Hour)
	if n, err := s.PurgeChallenges(t.Context()); err != nil || n != 3 {
		t.Errorf("purged %d, %v", n, err)
	}

	d.befriend(t, anna, berta)
	// Accepted, and the friendship is over before there is a match.
	last := d.challenge(t, anna, berta, 11)
	if err := take(t, d, last.ID, berta); err != nil {
		t.Fatal(err)
	}
	act(t, s.Remove, anna, berta)
	isError(t, take(t, d, last.ID, berta), rally.ENotFound, "challenge.gone")
}

// Accepted, but nothing has come of it: whoever has made it need not wait until
// the other tries again. Once there is a match, it is too late.
func TestChallengeTakenBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	d.befriend(t, anna, berta)
	for _, to := range []rally.UserID{berta, 0} {
		c := d.challenge(t, anna, to, 11)
		if err := take(t, d, c.ID, berta); err != nil {
			t.Fatal(err)
		}
		isError(t, s.WithdrawChallenge(t.Context(), c.ID, berta), rally.ENotFound, "challenge.gone")
		d.isState(t, c.ID, berta, rally.ChallengeAccepted)
		d.forget()
		for range 2 {
			if err := s.WithdrawChallenge(t.Context(), c.ID, anna); err != nil {
				t.Fatal(err)
			}
		}
		d.isState(t, c.ID, anna, rally.ChallengeWithdrawn)
		d.isState(t, c.ID, berta, rally.ChallengeWithdrawn)
		if diff := cmp.Diff([][]rally.UserID{{anna, berta}}, d.told(rally.ChallengeChanged)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		for what, err := range map[string]error{
			"accepted again":   take(t, d, c.ID, berta),
			"taken by another": take(t, d, c.ID, carla),
			"a match":          s.SetChallengeMatch(t.Context(), c.ID, rally.NewMatchID()),
		} {
			t.Log(what)
			isError(t, err, rally.ENotFound, "challenge.gone")
		}

		played := d.challenge(t, anna, to, 11)
		if err := take(t, d, played.ID, berta); err != nil {
			t.Fatal(err)
		}
		if err := s.SetChallengeMatch(t.Context(), played.ID, rally.NewMatchID()); err != nil {
			t.Fatal(err)
		}
		if err := s.WithdrawChallenge(t.Context(), played.ID, anna); err != nil {
			t.Fatal(err)
		}
		d.isState(t, played.ID, anna, rally.ChallengeAccepted)
	}
}

// Accepted, and nothing can come of it: it is open again, as before.
func TestReopenChallenge(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla")
	anna, berta, carla := ids[0], ids[1], ids[2]
	d.befriend(t, anna, berta)
	for to, life := range map[rally.UserID]time.Duration{berta: rally.ChallengeLife, 0: rally.ChallengeLinkLife} {
		c := d.challenge(t, anna, to, 11)
		d.move(time.Minute)
		for range 2 {
			if err := take(t, d, c.ID, berta); err != nil {
				t.Fatal(err)
			}
			taken, err := s.FindChallenge(t.Context(), c.ID, berta)
			if left := taken.ExpiresAt.Sub(c.CreatedAt); err != nil || left < time.Minute || left > time.Minute+rally.ChallengeTryLife+time.Second {
				t.Errorf("to %d: it can be tried for %s of %s, %v", to, left, life, err)
			}
			// Only who has accepted it can say that it was in vain.
			isError(t, s.ReopenChallenge(t.Context(), c.ID, anna), rally.EConflict, "challenge.own")
			if err := s.ReopenChallenge(t.Context(), c.ID, carla); err != nil {
				t.Error(err)
			}
			d.isState(t, c.ID, anna, rally.ChallengeAccepted)
			d.forget()
			for range 2 {
				if err := s.ReopenChallenge(t.Context(), c.ID, berta); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff([][]rally.UserID{{anna, berta}}, d.told(rally.ChallengeChanged)); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			again, err := s.FindChallenge(t.Context(), c.ID, berta)
			if diff := cmp.Diff(c, again); diff != "" || err != nil {
				t.Errorf("it is not as before, %v (-want +got):\n%s", err, diff)
			}
			if got := d.challenges(t, anna); len(got) != 1 || got[0] != c.ID {
				t.Errorf("Anna sees %v", got)
			}
		}
		if to == 0 { // anybody's again
			if err := take(t, d, c.ID, carla); err != nil {
				t.Fatal(err)
			}
			if err := s.SetChallengeMatch(t.Context(), c.ID, rally.NewMatchID()); err != nil {
				t.Fatal(err)
			}
			if err := s.ReopenChallenge(t.Context(), c.ID, carla); err != nil {
				t.Fatal(err)
			}
			d.isState(t, c.ID, anna, rally.ChallengeAccepted)
			continue
		}
		// Too late to be accepted by then.
		if err := take(t, d, c.ID, berta); err != nil {
			t.Fatal(err)
		}
		d.move(life)
		if err := s.ReopenChallenge(t.Context(), c.ID, berta); err != nil {
			t.Fatal(err)
		}
		d.isState(t, c.ID, anna, rally.ChallengeOpen)
		isError(t, take(t, d, c.ID, berta), rally.ENotFound, "challenge.gone")
	}
	for what, part := range map[string]func(context.Context, rally.UserID, rally.UserID) error{"removed": s.Remove, "blocked": s.Block} {
		d.befriend(t, anna, berta)
		all := []rally.Challenge{d.challenge(t, anna, berta, 11), d.challenge(t, anna, 0, 11)}
		for _, c := range all {
			if err := take(t, d, c.ID, berta); err != nil {
				t.Fatal(err)
			}
		}
		act(t, part, anna, berta)
		for _, c := range all {
			if err := s.ReopenChallenge(t.Context(), c.ID, berta); err != nil {
				t.Fatal(err)
			}
			if _, err := s.FindChallenge(t.Context(), c.ID, anna); (err == nil) != (c.Link && what == "removed") {
				t.Errorf("%s: link %v is found: %v", what, c.Link, err)
			}
		}
		act(t, s.Unblock, anna, berta)
	}
	for _, id := range []rally.ChallengeID{rally.NewChallengeID(), "\x00"} {
		isError(t, s.ReopenChallenge(t.Context(), id, anna), rally.ENotFound, "challenge.gone")
	}
}

// While the match of a challenge is about to begin, the same two do not challenge
// each other: that is what they want.
func TestChallengeAnsweredTwice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta")
	anna, berta := ids[0], ids[1]
	d.befriend(t, anna, berta)
	create := func(from, to rally.UserID, points int, want rally.ChallengeID, wantCrossed bool) {
		t.Helper()
		c, crossed, err := d.store.CreateChallenge(t.Context(), from, to, points, false)
		if err != nil || c.ID != want || crossed != wantCrossed {
			t.Errorf("%d to %d: %+v, crossed %v, %v", from, to, c, crossed, err)
		}
	}
	c := d.challenge(t, anna, berta, 11)
	for range 3 { // the other two come while the first is on its way to the court
		create(berta, anna, 7, c.ID, true)
	}
	create(anna, berta, 7, c.ID, false)
	if n := d.count(t, `SELECT count(*) FROM challenges`); n != 1 {
		t.Errorf("%d challenges", n)
	}
	// Nothing came of it, and nobody tries again.
	d.move(rally.ChallengeTryLife + time.Second)
	next, crossed, err := d.store.CreateChallenge(t.Context(), berta, anna, 7, false)
	if err != nil || crossed || next.ID == c.ID || next.State != rally.ChallengeOpen {
		t.Errorf("made %+v, crossed %v, %v", next, crossed, err)
	}
}

// take takes a challenge.
func take(t *testing.T, d *desk, id rally.ChallengeID, user rally.UserID) error {
	t.Helper()
	_, err := d.store.TakeChallenge(t.Context(), id, user)
	return err
}

// To somebody who blocks the challenger it looks as to a friend who is away, and
// as to a stranger.
func TestChallengeHidden(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Me", "friend", "blocking", "stranger", "blocked")
	me, friend, blocking, stranger, blocked := ids[0], ids[1], ids[2], ids[3], ids[4]
	d.befriend(t, me, friend)
	d.befriend(t, me, blocking)
	before := d.challenge(t, me, blocking, 11)
	act(t, s.Block, blocking, me)
	isError(t, take(t, d, before.ID, blocking), rally.ENotFound, "challenge.gone")
	act(t, s.Block, me, blocked)
	d.forget()
	var all []rally.Challenge
	for _, to := range []rally.UserID{friend, blocking, stranger} {
		c := d.challenge(t, me, to, 11)
		all = append(all, c)
		want := all[0]
		want.ID, want.To, want.CreatedAt, want.ExpiresAt = c.ID, to, c.CreatedAt, c.CreatedAt.Add(rally.ChallengeLife)
		if diff := cmp.Diff(want, c); diff != "" {
			t.Errorf("to %d it looks otherwise (-want +got):\n%s", to, diff)
		}
		d.isState(t, c.ID, me, rally.ChallengeOpen)
	}
	if diff := cmp.Diff([][]rally.UserID{{me, friend}, {me}, {me}}, d.told(rally.ChallengeChanged)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if got := d.told(rally.Noticed); len(got) != 1 {
		t.Errorf("noticed by %v", got)
	}
	for i, user := range []rally.UserID{blocking, stranger} {
		isError(t, take(t, d, all[i+1].ID, user), rally.ENotFound, "challenge.gone")
		isError(t, s.DeclineChallenge(t.Context(), all[i+1].ID, user), rally.ENotFound, "challenge.gone")
		_, err := s.FindChallenge(t.Context(), all[i+1].ID, user)
		isError(t, err, rally.ENotFound, "challenge.gone")
		if got := d.challenges(t, user); got != nil {
			t.Errorf("%d sees %v", user, got)
		}
	}
	// Nor do two hidden ones meet.
	if _, crossed, err := s.CreateChallenge(t.Context(), stranger, me, 11, true); err != nil || crossed {
		t.Errorf("crossed %v, %v", crossed, err)
	}
	if err := s.WithdrawChallenge(t.Context(), all[1].ID, me); err != nil {
		t.Error(err)
	}
	link := d.challenge(t, me, 0, 11)
	for _, user := range []rally.UserID{blocking, blocked} {
		isError(t, take(t, d, link.ID, user), rally.ENotFound, "challenge.gone")
		_, err := s.FindChallenge(t.Context(), link.ID, user)
		isError(t, err, rally.ENotFound, "challenge.gone")
	}
	create := func(to rally.UserID, points int) error {
		_, _, err := s.CreateChallenge(t.Context(), me, to, points, true)
		return err
	}
	isError(t, create(blocked, 11), rally.EConflict, "friends.unblock_first")
	isError(t, create(me, 11), rally.EInvalid, "friends.self")
	isError(t, create(12345, 11), rally.ENotFound, "error.not_found")
	isError(t, create(friend, 0), rally.EInvalid, "error.invalid")
	isError(t, create(friend, 256), rally.EInvalid, "error.invalid")
	for n := len(d.challenges(t, me)); n < rally.ChallengesMax; n++ {
		d.challenge(t, me, 0, 11)
	}
	isError(t, create(0, 11), rally.EConflict, "challenge.too_many")
}

// Of many who take a link at once one gets it, and the others hear that.
func TestChallengeLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna := d.people(t, "Anna")[0]
	crowd := d.crowd(t, 20)
	c := d.challenge(t, anna, 0, 11)
	if !c.Link || c.To != 0 || !c.ExpiresAt.Equal(c.CreatedAt.Add(24*time.Hour)) {
		t.Errorf("made %+v", c)
	}
	if got, err := d.store.FindChallenge(t.Context(), c.ID, crowd[0]); err != nil || got.ID != c.ID {
		t.Errorf("found %+v, %v", got, err)
	}
	var wg sync.WaitGroup
	var winner atomic.Int64
	for _, user := range crowd {
		wg.Go(func() {
			c, err := d.store.TakeChallenge(t.Context(), c.ID, user)
			if err != nil {
				isError(t, err, rally.EConflict, "challenge.taken")
			} else if c.To != user || !winner.CompareAndSwap(0, int64(user)) {
				t.Errorf("%d has it as well: %+v", user, c)
			}
		})
	}
	wg.Wait()
	if c, err := d.store.FindChallenge(t.Context(), c.ID, anna); err != nil || int64(c.To) != winner.Load() || c.State != rally.ChallengeAccepted {
		t.Errorf("it is %+v, %v", c, err)
	}
	late := d.challenge(t, anna, 0, 11)
	d.move(24*time.Hour + time.Second)
	isError(t, take(t, d, late.ID, crowd[0]), rally.ENotFound, "challenge.gone")
}

// Both challenge each other at the same moment, and one accepts as well: one
// challenge is accepted, every time.
func TestChallengeCrossing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ids := d.people(t, "Anna", "Berta")
	d.befriend(t, ids[0], ids[1])
	for round := range 50 {
		var wg sync.WaitGroup
		var got [2]rally.Challenge
		var crossed [2]bool
		for i := range 2 {
			wg.Go(func() {
				var err error
				got[i], crossed[i], err = d.store.CreateChallenge(t.Context(), ids[i], ids[1-i], 11+i, i == 0)
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got[0].ID != got[1].ID || crossed[0] == crossed[1] {
			t.Fatalf("%d: %s and %s, crossed %v", round, got[0].ID, got[1].ID, crossed)
		}
		if err := d.store.SetChallengeMatch(t.Context(), got[0].ID, rally.NewMatchID()); err != nil {
			t.Fatal(err)
		}
		if n := d.count(t, `SELECT count(*) FILTER (WHERE state = 'accepted') * 1000 + count(*) FILTER (WHERE state = 'open') FROM challenges`); n != 1000*(round+1) {
			t.Fatalf("%d: %d", round, n)
		}
	}
}

// Whatever a few people do at once, nobody waits for ever, and no open challenge
// that its addressee sees is between people who are no friends.
func TestChallengesConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	ids := d.people(t, "Anna", "Berta", "Carla", "Dora")
	any1 := func(user rally.UserID, random *rand.Rand) rally.ChallengeID {
		list, err := s.ListChallenges(t.Context(), user)
		if err != nil || len(list) == 0 {
			return rally.NewChallengeID()
		}
		return list[random.IntN(len(list))].ID
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		random := rand.New(rand.NewPCG(uint64(worker), 7))
		ops := []func(context.Context, rally.UserID, rally.UserID) error{
			func(ctx context.Context, a, b rally.UserID) error { _, err := s.Ask(ctx, a, b); return err },
			func(ctx context.Context, a, b rally.UserID) error { _, err := s.Ask(ctx, b, a); return err },
			func(ctx context.Context, a, b rally.UserID) error {
				_, _, err := s.CreateChallenge(ctx, a, b, 5+random.IntN(2), true)
				return err
			},
			func(ctx context.Context, a, b rally.UserID) error {
				_, _, err := s.CreateChallenge(ctx, b, a, 5, true)
				return err
			},
			func(ctx context.Context, a, _ rally.UserID) error {
				_, err := s.TakeChallenge(ctx, any1(a, random), a)
				return err
			},
			func(ctx context.Context, a, _ rally.UserID) error { return s.DeclineChallenge(ctx, any1(a, random), a) },
			func(ctx context.Context, a, _ rally.UserID) error {
				return s.WithdrawChallenge(ctx, any1(a, random), a)
			},
			func(ctx context.Context, a, _ rally.UserID) error { return s.MarkRead(ctx, a, 1<<40) },
			s.Remove, s.Block, s.Unblock, s.Unblock,
		}
		wg.Go(func() {
			for range 100 {
				p := random.Perm(len(ids))
				i := random.IntN(len(ops))
				err := ops[i](t.Context(), ids[p[0]], ids[p[1]])
				if code := rally.ErrorCode(err); code != "" && code != rally.EConflict && code != rally.ENotFound {
					t.Error(fmt.Sprint(i), err)
				}
			}
		})
	}
	wg.Wait()
	const senseless = `
		SELECT count(*)
		FROM challenges c
		WHERE c.state = 'open' AND NOT c.hidden AND c.to_user IS NOT NULL AND NOT EXISTS (
		    SELECT FROM friendships f
		    WHERE f.low = least(c.from_user, c.to_user) AND f.high = greatest(c.from_user, c.to_user) AND f.friends_since IS NOT NULL)`
	if n := d.count(t, senseless); n != 0 {
		t.Errorf("%d challenges between strangers", n)
	}
	const stale = `
		SELECT count(*)
		FROM notices n
		WHERE n.kind = 'challenged' AND NOT EXISTS (SELECT FROM challenges c WHERE c.id = n.challenge_id AND c.state = 'open' AND NOT c.hidden)`
	if n := d.count(t, stale); n != 0 {
		t.Errorf("%d notices of challenges that are over", n)
	}
}
