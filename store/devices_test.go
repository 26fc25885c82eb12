package store_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
)

// load gives the session that a cookie opens.
func (d *desk) load(t *testing.T, cookie string) rally.Session {
	t.Helper()
	session, _, err := d.Load(httptest.NewRecorder(), request(t, cookie))
	if err != nil || session == nil {
		t.Fatalf("loaded %v, %v", session, err)
	}
	return *session
}

// A session that stays at its stage gets a new id and secret, too, and keeps
// what its owner has proved.
func TestSessionRenewSameStage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")
	before, oldCookie := d.open(t, "", u.ID, rally.StageFull)
	if err := d.Prove(t.Context(), before.ID); err != nil {
		t.Fatal(err)
	}
	if err := d.TokenIssued(t.Context(), before.ID, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	proved := d.load(t, oldCookie).ProvedAt
	d.move(time.Second)
	w := httptest.NewRecorder()
	after, err := d.Renew(w, request(t, oldCookie), rally.StageFull)
	if err != nil {
		t.Fatal(err)
	}
	if after.ID == before.ID || after.Stage != rally.StageFull || !after.ProvedAt.Equal(proved) || proved.IsZero() {
		t.Errorf("before %+v\nafter %+v, proved %s", before, after, proved)
	}
	if d.opens(t, oldCookie) != "" || d.opens(t, cookieOf(w).Value) != after.ID {
		t.Error("the old cookie opens something, or the new one nothing")
	}
	if diff := cmp.Diff(map[rally.SessionID]string{before.ID: "renewed"}, d.ended()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	// No token names the new id yet.
	if alive, token, err := d.Standing(t.Context(), after.ID); !alive || token || err != nil {
		t.Errorf("alive %v, token %v, %v", alive, token, err)
	}
}

func TestSessionProve(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")
	full, cookie := d.open(t, "", u.ID, rally.StageFull)
	otp, otpCookie := d.open(t, "", u.ID, rally.StageOTP)
	_, other := d.open(t, "", u.ID, rally.StageFull)
	if s := d.load(t, cookie); s.Proven(d.now()) || !s.ProvedAt.IsZero() {
		t.Errorf("to sign in is no proof: %s", s.ProvedAt)
	}
	if err := d.Prove(t.Context(), full.ID); err != nil {
		t.Fatal(err)
	}
	if s := d.load(t, cookie); !s.Proven(d.now()) || s.Proven(d.now().Add(rally.ProofLife)) {
		t.Errorf("proved at %s", s.ProvedAt)
	}
	if d.load(t, other).Proven(d.now()) {
		t.Error("another session is proven as well")
	}
	d.move(rally.ProofLife + time.Second)
	if d.load(t, cookie).Proven(d.now()) {
		t.Error("a proof lasts too long")
	}
	fields(t, d.Prove(t.Context(), otp.ID), rally.EUnauthorized)
	if d.load(t, otpCookie).Proven(d.now()) {
		t.Error("a session that owes a code is proven")
	}
	fields(t, d.Prove(t.Context(), "\x00"), rally.EUnauthorized)
	d.move(rally.SessionIdle)
	fields(t, d.Prove(t.Context(), full.ID), rally.EUnauthorized)
}

func TestSessionStanding(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	session, _ := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageFull)
	check := func(when string, wantAlive, wantToken bool) {
		t.Helper()
		alive, token, err := d.Standing(t.Context(), session.ID)
		if alive != wantAlive || token != wantToken || err != nil {
			t.Errorf("%s: alive %v, token %v, %v", when, alive, token, err)
		}
	}
	issue := func(life time.Duration) {
		t.Helper()
		until := d.now().Add(life)
		if err := d.TokenIssued(t.Context(), session.ID, until); err != nil {
			t.Fatal(err)
		}
	}
	check("without a token", true, false)
	issue(10 * time.Minute)
	check("with a token", true, true)
	d.move(10*time.Minute + time.Second)
	check("with an old token", true, false)
	issue(10 * time.Minute)
	issue(time.Minute) // an older one, noted late
	d.move(5 * time.Minute)
	check("with another token", true, true)
	d.move(rally.SessionIdle)
	issue(10 * time.Minute)
	check("idle for too long", false, false)
	if alive, token, err := d.Standing(t.Context(), "\x00"); alive || token || err != nil {
		t.Errorf("garbage: alive %v, token %v, %v", alive, token, err)
	}
	for _, none := range []rally.SessionID{"\x00", "AAAAAAAAAAAAAAAAAAAAAA"} {
		if err := d.TokenIssued(t.Context(), none, time.Now()); err != nil {
			t.Errorf("%q: %v", none, err)
		}
	}
}

// The list of devices: what is signed in, and which of it is live.
func TestSessionList(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	d.open(t, "", anna.ID, rally.StageFull) // will be idle for too long
	d.move(rally.SessionIdle - time.Hour)
	first, firstCookie := d.open(t, "", anna.ID, rally.StageFull)
	d.move(2 * time.Hour)
	second, _ := d.open(t, "", anna.ID, rally.StageFull)
	d.open(t, "", anna.ID, rally.StageOTP)
	d.open(t, "", berta.ID, rally.StageFull)
	d.move(time.Hour)
	d.load(t, firstCookie) // seen last
	if ok, err := d.store.Places("node").Claim(t.Context(), anna.ID, second.ID); !ok || err != nil {
		t.Fatal(err)
	}
	got, err := d.List(t.Context(), anna.ID)
	if err != nil {
		t.Fatal(err)
	}
	first.SeenAt = first.SeenAt.Add(3 * time.Hour)
	first.Elsewhere, second.Live = true, true
	near := cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Minute })
	if diff := cmp.Diff([]rally.Session{first, second}, got, near); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none, err := d.List(t.Context(), 12345); err != nil || len(none) != 0 {
		t.Errorf("nobody's: %v, %v", none, err)
	}
}

// Nobody ends another's session.
func TestSessionEndOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	session, cookie := d.open(t, "", anna.ID, rally.StageFull)
	fields(t, d.EndOwn(t.Context(), berta.ID, session.ID, "device_ended"), rally.ENotFound)
	fields(t, d.EndOwn(t.Context(), anna.ID, "\x00", "device_ended"), rally.ENotFound)
	if d.opens(t, cookie) == "" || len(d.ended()) != 0 {
		t.Fatal("it has ended")
	}
	if err := d.EndOwn(t.Context(), anna.ID, session.ID, "device_ended"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[rally.SessionID]string{session.ID: "device_ended"}, d.ended()); diff != "" || d.opens(t, cookie) != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	fields(t, d.EndOwn(t.Context(), anna.ID, session.ID, "device_ended"), rally.ENotFound)
}

// Who goes on here ends what is live, and nothing else.
func TestSessionEndLive(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	live, liveCookie := d.open(t, "", anna.ID, rally.StageFull)
	_, idle := d.open(t, "", anna.ID, rally.StageFull)
	_, otp := d.open(t, "", anna.ID, rally.StageOTP)
	here, cookie := d.open(t, "", anna.ID, rally.StageFull)
	bertas, bertasCookie := d.open(t, "", berta.ID, rally.StageFull)
	places := d.store.Places("node")
	for user, session := range map[rally.UserID]rally.SessionID{anna.ID: live.ID, berta.ID: bertas.ID} {
		if ok, err := places.Claim(t.Context(), user, session); !ok || err != nil {
			t.Fatal(err)
		}
	}
	if !d.load(t, cookie).Elsewhere || !d.load(t, idle).Elsewhere || d.load(t, liveCookie).Elsewhere || d.load(t, bertasCookie).Elsewhere {
		t.Error("who is live elsewhere is wrong")
	}
	if n, err := d.EndLive(t.Context(), anna.ID, here.ID, "moved"); n != 1 || err != nil {
		t.Errorf("ended %d, %v", n, err)
	}
	if diff := cmp.Diff(map[rally.SessionID]string{live.ID: "moved"}, d.ended()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if d.opens(t, liveCookie) != "" || d.opens(t, idle) == "" || d.opens(t, otp) == "" || d.opens(t, bertasCookie) == "" {
		t.Error("too much has ended, or too little")
	}
	if d.load(t, cookie).Elsewhere {
		t.Error("there is still somebody elsewhere")
	}
	if ok, err := places.Claim(t.Context(), anna.ID, here.ID); !ok || err != nil {
		t.Errorf("claimed: %v, %v", ok, err)
	}
	for _, except := range []rally.SessionID{here.ID, "\x00"} {
		want := map[bool]int{true: 0, false: 1}[except == here.ID]
		if n, err := d.EndLive(t.Context(), anna.ID, except, "moved"); n != want || err != nil {
			t.Errorf("except %q ended %d, %v", except, n, err)
		}
	}
}

// A browser that signs in knows at once whether its owner is live elsewhere,
// for which the session that it had itself does not count.
func TestSessionOpenElsewhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")
	live, cookie := d.open(t, "", u.ID, rally.StageFull)
	if ok, err := d.store.Places("node").Claim(t.Context(), u.ID, live.ID); !ok || err != nil {
		t.Fatal(err)
	}
	other, otherCookie := d.open(t, "", u.ID, rally.StageOTP)
	if !other.Elsewhere {
		t.Error("another browser does not know of the first")
	}
	if renewed, _ := d.renew(t, otherCookie); !renewed.Elsewhere {
		t.Error("it does not know when it is signed in")
	}
	if again, _ := d.open(t, cookie, u.ID, rally.StageFull); again.Elsewhere {
		t.Error("a browser stands in its own way")
	}
}

// To know whether somebody is live elsewhere takes no query of its own.
func TestSessionElsewhereQueries(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")
	live, _ := d.open(t, "", u.ID, rally.StageFull)
	_, cookie := d.open(t, "", u.ID, rally.StageFull)
	if ok, err := d.store.Places("node").Claim(t.Context(), u.ID, live.ID); !ok || err != nil {
		t.Fatal(err)
	}
	counter := &queryCounter{}
	session, _, err := counter.open(t, d.url).Sessions().Load(httptest.NewRecorder(), request(t, cookie))
	if err != nil || !session.Elsewhere || len(counter.verbs()) != 1 {
		t.Errorf("%+v, %v, after %q", session, err, counter.verbs())
	}
}
