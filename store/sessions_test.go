package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/sessions"
	"github.com/jackc/pgx/v5"

	"rally"
	"rally/store"
	"rally/store/storetest"
)

// desk is a session store with a clock that the test moves and a record of
// what was published.
type desk struct {
	*store.SessionStore
	store *store.Store
	url   string
	ahead atomic.Int64 // of the real clock, in nanoseconds
	begin time.Time    // of a clock that stands still; zero for one that does not
	log   strings.Builder
	mu    sync.Mutex
	said  []rally.Event
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return newDeskAt(t, time.Time{})
}

// newStillDesk is a desk whose clock stands still but for move.
func newStillDesk(t *testing.T) *desk {
	t.Helper()
	return newDeskAt(t, time.Now())
}

func newDeskAt(t *testing.T, begin time.Time) *desk {
	t.Helper()
	d := &desk{begin: begin}
	d.store = storetest.New(t, func(c *store.Config) {
		d.url = c.URL
		c.Now = d.now
		c.Publish = func(e rally.Event) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.said = append(d.said, e)
		}
		c.Log = slog.New(slog.NewTextHandler(&d.log, nil)) // which takes one line at a time
		c.Address = func(r *http.Request) string { return r.Header.Get("X-Address") }
	})
	d.SessionStore = d.store.Sessions()
	return d
}

// now gives the time by the desk's clock.
func (d *desk) now() time.Time {
	begin := d.begin
	if begin.IsZero() {
		begin = time.Now()
	}
	return begin.Add(time.Duration(d.ahead.Load()))
}

// move moves the clock ahead.
func (d *desk) move(by time.Duration) { d.ahead.Add(int64(by)) }

// ended gives the sessions whose end was published, with the reasons.
func (d *desk) ended() map[rally.SessionID]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	ended := make(map[rally.SessionID]string)
	for _, e := range d.said {
		if e.Kind == rally.SessionEnded {
			ended[e.Session] = e.Reason
		}
	}
	return ended
}

// count gives the number that a query of the test's own gives.
func (d *desk) count(t *testing.T, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// request gives a request with this session cookie, "" for none.
func request(t *testing.T, cookie string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", store.SessionCookie+"="+cookie)
	}
	return r
}

// cookieOf gives the session cookie that a response sets, nil for none.
func cookieOf(w *httptest.ResponseRecorder) *http.Cookie {
	for _, c := range (&http.Response{Header: w.Header()}).Cookies() {
		if c.Name == store.SessionCookie {
			return c
		}
	}
	return nil
}

// open opens a session and gives it with its cookie's value.
func (d *desk) open(t *testing.T, before string, user rally.UserID, stage rally.Stage) (rally.Session, string) {
	t.Helper()
	w := httptest.NewRecorder()
	session, err := d.Open(w, request(t, before), user, stage)
	if err != nil {
		t.Fatal(err)
	}
	c := cookieOf(w)
	if c == nil {
		t.Fatal("no cookie was set")
	}
	return session, c.Value
}

// opens says which session a cookie opens, "" for none.
func (d *desk) opens(t *testing.T, cookie string) rally.SessionID {
	t.Helper()
	w := httptest.NewRecorder()
	session, _, err := d.Load(w, request(t, cookie))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Header()) > 0 {
		t.Errorf("to load a session set %v", w.Header())
	}
	if session == nil {
		return ""
	}
	return session.ID
}

func TestSessionOpen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")

	r := request(t, "")
	r.Header.Set("User-Agent", "\x00\xff"+strings.Repeat("é", 300))
	r.Header.Set("X-Address", "192.0.2.7")
	w := httptest.NewRecorder()
	opened, err := d.Open(w, r, u.ID, rally.StageFull)
	if err != nil {
		t.Fatal(err)
	}
	want := rally.Session{
		ID: opened.ID, UserID: u.ID, Stage: rally.StageFull, CreatedAt: opened.CreatedAt, SeenAt: opened.CreatedAt,
		UserAgent: "\uFFFD\uFFFD" + strings.Repeat("é", 198), Address: "192.0.2.7",
	}
	if diff := cmp.Diff(want, opened); diff != "" {
		t.Errorf("opened (-want +got):\n%s", diff)
	}

	c := cookieOf(w)
	if c == nil || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
		c.MaxAge != int(rally.SessionAbsolute/time.Second) {
		t.Fatalf("the cookie is %v", c)
	}
	if !strings.HasPrefix(c.Value, string(opened.ID)+".") {
		t.Errorf("the cookie %q does not begin with the id %s", c.Value, opened.ID)
	}

	// The same request knows it now, and so does the next.
	for _, r := range []*http.Request{r, request(t, c.Value)} {
		session, user, err := d.Load(httptest.NewRecorder(), r)
		if err != nil || session == nil {
			t.Fatalf("loaded %v, %v", session, err)
		}
		if diff := cmp.Diff(want, *session) + cmp.Diff(u, user); diff != "" {
			t.Errorf("loaded (-want +got):\n%s", diff)
		}
	}

	if _, err := d.Open(httptest.NewRecorder(), request(t, ""), 12345, rally.StageFull); rally.ErrorCode(err) != rally.ENotFound {
		t.Errorf("for nobody: %v", err)
	}
	if _, err := d.Open(httptest.NewRecorder(), request(t, ""), u.ID, rally.StageAnonymous); err == nil {
		t.Error("an anonymous session was opened")
	}
}

// Nothing in the database opens a session: not the secret, in any spelling.
func TestSessionSecretNotKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageFull)
	_, text, _ := strings.Cut(cookie, ".")
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 32 {
		t.Fatalf("the secret has %d bytes, %v", len(raw), err)
	}
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var dump string
	var hash []byte
	if err := conn.QueryRow(t.Context(), "SELECT s::text, s.secret_hash FROM sessions s").Scan(&dump, &hash); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(hash, raw) || strings.Contains(dump, text) || strings.Contains(dump, string(raw)) {
		t.Errorf("the secret is in the row: %s", dump)
	}
	id, _, _ := strings.Cut(cookie, ".")
	if got := d.opens(t, id+"."+base64.RawURLEncoding.EncodeToString(hash)); got != "" {
		t.Error("the hash opens the session")
	}
}

func TestSessionForged(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	session, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageFull)
	_, other := d.open(t, "", newUser(t, d.store, "Berta").ID, rally.StageFull)
	if d.log.Len() > 0 {
		t.Errorf("logged:\n%s", d.log.String())
	}
	id, secret, _ := strings.Cut(cookie, ".")
	otherID, otherSecret, _ := strings.Cut(other, ".")
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for _, forged := range []string{
		id + "." + otherSecret, otherID + "." + secret, id + "." + zero,
		id + "." + strings.ToLower(secret), base64.RawURLEncoding.EncodeToString(make([]byte, 16)) + "." + secret,
	} {
		if forged == cookie {
			continue
		}
		if got := d.opens(t, forged); got != "" {
			t.Errorf("%q opens %s", forged, got)
		}
	}
	if got := strings.Count(d.log.String(), "event=session_forged session="+id); got < 2 || strings.Contains(d.log.String(), secret) {
		t.Errorf("logged:\n%s", d.log.String())
	}
	// Trying does not harm whose it is.
	if got := d.opens(t, cookie); got != session.ID {
		t.Errorf("the true cookie opens %q", got)
	}
}

// What cannot be a cookie of ours is nobody's, and is not even looked up: the
// database may be away.
func TestSessionGarbage(t *testing.T) {
	t.Parallel()
	ss := storetest.Open(t, "postgres://nobody@127.0.0.1:1/nothing").Sessions()
	id, secret := strings.Repeat("A", 22), strings.Repeat("A", 43)
	for _, garbage := range []string{
		"", ".", "x", id, id + ".", "." + secret, id + "." + secret + "A", id + "A." + secret, secret + "." + id,
		id + "." + secret + ".", id + "+" + secret, strings.Repeat("%", 22) + "." + secret,
		id + "." + strings.Repeat("A", 42) + "B", // bits that no 32 bytes give
		strings.Repeat("A", 21) + "B." + secret, id + "." + strings.Repeat("=", 43), strings.Repeat("A", 1<<16),
	} {
		r := request(t, garbage)
		session, _, err := ss.Load(httptest.NewRecorder(), r)
		if session != nil || err != nil {
			t.Errorf("%.80q: %v, %v", garbage, session, err)
		}
		anonymous, err := ss.Get(r, store.SessionCookie)
		if err != nil || !anonymous.IsNew {
			t.Errorf("%.80q: %+v, %v", garbage, anonymous, err)
		}
	}
	// But with a cookie that may be somebody's, being unable to look it up is
	// not the same as nobody.
	if _, _, err := ss.Load(httptest.NewRecorder(), request(t, id+"."+secret)); rally.ErrorCode(err) != rally.EUnavailable {
		t.Errorf("with the database away: %v", err)
	}
}

func TestSessionRenew(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")
	before, oldCookie := d.open(t, "", u.ID, rally.StageOTP)
	d.move(time.Hour)

	r, w := request(t, oldCookie), httptest.NewRecorder()
	after, err := d.Renew(w, r, rally.StageFull)
	if err != nil {
		t.Fatal(err)
	}
	newCookie := cookieOf(w)
	if newCookie == nil {
		t.Fatal("no cookie was set")
	}
	if left := rally.SessionAbsolute - time.Duration(newCookie.MaxAge)*time.Second; left < time.Hour || left > 2*time.Hour {
		t.Errorf("the cookie's age is that of %s ago", left)
	}
	if after.ID == before.ID || after.Stage != rally.StageFull || !after.CreatedAt.Equal(before.CreatedAt) {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	_, oldSecret, _ := strings.Cut(oldCookie, ".")
	for _, dead := range []string{oldCookie, string(after.ID) + "." + oldSecret} {
		if got := d.opens(t, dead); got != "" {
			t.Errorf("the old secret opens %s", got)
		}
	}
	if got := d.opens(t, newCookie.Value); got != after.ID {
		t.Errorf("the new cookie opens %q", got)
	}
	if session, _, err := d.Load(w, r); err != nil || session.ID != after.ID {
		t.Errorf("the same request has %+v, %v", session, err)
	}
	if diff := cmp.Diff(map[rally.SessionID]string{before.ID: "renewed"}, d.ended()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if alive, _, err := d.Standing(t.Context(), before.ID); alive || err != nil {
		t.Errorf("the old id is alive: %v, %v", alive, err)
	}

	for _, dead := range []string{"", oldCookie} {
		w := httptest.NewRecorder()
		if _, err := d.Renew(w, request(t, dead), rally.StageFull); rally.ErrorCode(err) != rally.EUnauthorized || cookieOf(w) != nil {
			t.Errorf("renewed with %q: %v", dead, err)
		}
	}
}

// Of many who renew one session at once, one has it.
func TestSessionRenewConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageOTP)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		r := request(t, cookie)
		wg.Go(func() {
			switch _, err := d.Renew(httptest.NewRecorder(), r, rally.StageFull); rally.ErrorCode(err) {
			case "":
				won.Add(1)
			case rally.EUnauthorized:
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := d.count(t, "SELECT count(*) FROM sessions"); won.Load() != 1 || n != 1 {
		t.Errorf("%d have renewed it, and there are %d sessions", won.Load(), n)
	}
}

// Who signs in again, or as somebody else, leaves nothing behind.
func TestSessionReplace(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	first, cookie1 := d.open(t, "", anna.ID, rally.StageFull)
	second, cookie2 := d.open(t, cookie1, anna.ID, rally.StageFull)
	third, cookie3 := d.open(t, cookie2, berta.ID, rally.StageFull)
	if d.opens(t, cookie1) != "" || d.opens(t, cookie2) != "" || d.opens(t, cookie3) != third.ID || third.UserID != berta.ID {
		t.Errorf("first %+v, second %+v, third %+v", first, second, third)
	}
	want := map[rally.SessionID]string{first.ID: "replaced", second.ID: "replaced"}
	if diff := cmp.Diff(want, d.ended()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
}

func TestSessionEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	u := newUser(t, d.store, "Anna")
	session, cookie := d.open(t, "", u.ID, rally.StageFull)
	r, w := request(t, cookie), httptest.NewRecorder()
	if err := d.End(w, r, session.ID, "signed_out"); err != nil {
		t.Fatal(err)
	}
	if c := cookieOf(w); c == nil || c.MaxAge >= 0 || c.Value != "" || !c.Secure || c.Path != "/" {
		t.Errorf("the cookie is %v", c)
	}
	if got, _, err := d.Load(w, r); got != nil || err != nil {
		t.Errorf("the same request has %+v, %v", got, err)
	}
	if got := d.opens(t, cookie); got != "" {
		t.Errorf("the cookie opens %s", got)
	}
	want := []rally.Event{{
		Kind: rally.SessionEnded, Users: []rally.UserID{u.ID}, Session: session.ID, Reason: "signed_out",
	}}
	if diff := cmp.Diff(want, d.said); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	// Again, and with what never was: nothing happens, and nobody is told.
	if err := d.End(httptest.NewRecorder(), request(t, cookie), session.ID, "signed_out"); err != nil {
		t.Error(err)
	}
	if err := d.EndID(t.Context(), "\x00\xff", "signed_out"); err != nil {
		t.Error(err)
	}
	if len(d.said) != 1 {
		t.Errorf("published %v", d.said)
	}
}

func TestSessionEndAll(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	var annas []rally.Session
	for range 3 {
		s, _ := d.open(t, "", anna.ID, rally.StageFull)
		annas = append(annas, s)
	}
	_, bertas := d.open(t, "", berta.ID, rally.StageFull)
	n, err := d.EndAll(t.Context(), anna.ID, annas[1].ID, "password")
	if err != nil || n != 2 {
		t.Errorf("ended %d, %v", n, err)
	}
	want := map[rally.SessionID]string{annas[0].ID: "password", annas[2].ID: "password"}
	if diff := cmp.Diff(want, d.ended()); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	if alive, _, err := d.Standing(t.Context(), annas[1].ID); !alive || err != nil || d.opens(t, bertas) == "" {
		t.Errorf("the one to be kept: %v, %v", alive, err)
	}
	if n, err := d.EndAll(t.Context(), anna.ID, "", "password"); err != nil || n != 1 {
		t.Errorf("then ended %d, %v", n, err)
	}
}

func TestSessionIdle(t *testing.T) {
	t.Parallel()
	d := newStillDesk(t)
	session, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageFull)
	seen := func() time.Time {
		t.Helper()
		return time.UnixMicro(int64(d.count(t, "SELECT (extract(epoch FROM seen_at) * 1000000)::bigint FROM sessions"))).UTC()
	}
	first := seen()
	d.move(time.Minute - time.Second)
	if d.opens(t, cookie); !seen().Equal(first) {
		t.Error("a use within a minute was written")
	}
	d.move(time.Second)
	if d.opens(t, cookie); seen().Sub(first) < time.Minute {
		t.Error("a use after a minute was not written")
	}
	d.move(rally.SessionIdle - time.Minute)
	if got := d.opens(t, cookie); got != session.ID {
		t.Errorf("just before it is idle for too long it opens %q", got)
	}
	d.move(rally.SessionIdle + time.Second)
	if got := d.opens(t, cookie); got != "" {
		t.Errorf("idle for too long it opens %s", got)
	}
	if alive, _, err := d.Standing(t.Context(), session.ID); alive || err != nil {
		t.Errorf("alive: %v, %v", alive, err)
	}
	if n, err := d.PurgeSessions(t.Context()); n != 1 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
}

// However busy, a session ends 90 days after it was opened; renewing it does
// not help.
func TestSessionAbsolute(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageOTP)
	const step = 10 * 24 * time.Hour
	for age := step; age < rally.SessionAbsolute; age += step {
		d.move(step)
		if d.opens(t, cookie) == "" {
			t.Fatalf("it opens nothing after %s", age)
		}
		w := httptest.NewRecorder()
		if _, err := d.Renew(w, request(t, cookie), rally.StageFull); err != nil {
			t.Fatal(err)
		}
		cookie = cookieOf(w).Value
	}
	if n, err := d.PurgeSessions(t.Context()); n != 0 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	r := request(t, cookie)
	if session, _, err := d.Load(httptest.NewRecorder(), r); session == nil || err != nil {
		t.Fatal("it opens nothing before its time")
	}
	d.move(step + time.Second)
	if got := d.opens(t, cookie); got != "" {
		t.Errorf("too old, it opens %s", got)
	}
	// Looked up while it was good, renewed when it no longer is.
	if _, err := d.Renew(httptest.NewRecorder(), r, rally.StageFull); rally.ErrorCode(err) != rally.EUnauthorized {
		t.Errorf("renewed: %v", err)
	}
	if n, err := d.PurgeSessions(t.Context()); n != 1 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
}

// As a sessions.Store: what gorilla's own users do.
func TestSessionGorilla(t *testing.T) {
	t.Parallel()
	d := newDesk(t)

	// Anonymous: nothing is written, whatever is put into it.
	r, w := request(t, ""), httptest.NewRecorder()
	anonymous, err := d.Get(r, store.SessionCookie)
	if err != nil || !anonymous.IsNew || anonymous.ID != "" {
		t.Fatalf("got %+v, %v", anonymous, err)
	}
	anonymous.Values["visits"] = 3
	if err := sessions.Save(r, w); err != nil {
		t.Fatal(err)
	}
	if c := cookieOf(w); c != nil || d.count(t, "SELECT count(*) FROM sessions") != 0 {
		t.Errorf("an anonymous session was written: %v", c)
	}

	_, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageFull)
	r, w = request(t, cookie), httptest.NewRecorder()
	known, err := d.Get(r, store.SessionCookie)
	if err != nil || known.IsNew || !strings.HasPrefix(cookie, known.ID+".") {
		t.Fatalf("got %+v, %v", known, err)
	}
	if again, err := d.Get(r, store.SessionCookie); again != known || err != nil {
		t.Error("the session is not kept with the request")
	}
	if fresh, err := d.New(r, store.SessionCookie); fresh == known || err != nil || fresh.ID != known.ID {
		t.Errorf("New gives %+v, %v", fresh, err)
	}
	// Unchanged: nothing happens.
	if err := known.Save(r, w); err != nil || cookieOf(w) != nil || d.opens(t, cookie) == "" {
		t.Errorf("saved: %v, %v", cookieOf(w), err)
	}
	// The way to end one.
	known.Options.MaxAge = -1
	if err := known.Save(r, w); err != nil {
		t.Fatal(err)
	}
	if c := cookieOf(w); c == nil || c.MaxAge >= 0 || d.opens(t, cookie) != "" {
		t.Errorf("ended: %v", c)
	}
}

// One query a request, however often it is asked who is looking.
func TestSessionQueries(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, cookie := d.open(t, "", newUser(t, d.store, "Anna").ID, rally.StageFull)
	counter := &queryCounter{}
	ss := counter.open(t, d.url).Sessions()
	for _, c := range []struct {
		cookie string
		want   []string
	}{
		{"", nil},
		{"garbage", nil},
		{cookie, []string{"SELECT"}},
	} {
		counter.reset()
		r := request(t, c.cookie)
		for range 3 {
			if _, _, err := ss.Load(httptest.NewRecorder(), r); err != nil {
				t.Fatal(err)
			}
		}
		if got := counter.verbs(); !slices.Equal(got, c.want) {
			t.Errorf("with the cookie %q: %q, want %q", c.cookie, got, c.want)
		}
	}
}
