package views_test

import (
	"strings"
	"testing"

	"rally"
	"rally/views"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Live = someMatch
	d := render(t, "en", views.Profile(p))
	d.says("h1", "Mina")
	d.says(".figures", "1534")
	d.says(".figures", "± 82")
	d.has(".notice a[href='/matches/abcdefghijkl']", "time[datetime='2026-11-22T12:00:00Z']", "th[scope=col]")
	rows := d.all(".profile-matches tbody tr")
	if len(rows) != 4 {
		t.Fatalf("%d rows, want three matches and the button", len(rows))
	}
	for i, want := range []string{"Won 22 Nov 2026 Joon 11–9 +12", "Lost 22 Nov 2026 Deleted player 2–3 –", "No result 22 Nov 2026 Ace 0–0 –"} {
		if got := textOf(rows[i]); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
	older := d.one("tr.older a")
	if attr(older, "href") != "/players/7?before=2026%26x%3D1" || attr(older, "data-hx-get") != attr(older, "href") {
		t.Errorf("the older button is %v", older.Attr)
	}
}

func TestProfileWithoutMatches(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Matches, p.Older, p.History, p.User.Rating = nil, "", nil, rally.NewRating()
	d := render(t, "en", views.Profile(p))
	d.lacks("table")
	d.says(".figures", "provisional")
	d.has(".profile a.button[href='/play']")

	p.Own = false
	d = render(t, "en", views.Profile(p))
	d.says(".empty", "Mina has not finished a match")
	d.lacks(".profile a.button")
}

func TestMatchRowsAreRowsAndNothingElse(t *testing.T) {
	t.Parallel()
	body, err := site(t).Render(t.Context(), "en", views.MatchRows(aProfile()))
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.TrimSpace(string(body)); !strings.HasPrefix(text, "<tr") || !strings.HasSuffix(text, "</tr>") {
		t.Errorf("rows are:\n%s", text)
	}
}

func TestErrorPages(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		400: "could not be read", 401: "Please sign in", 403: "Not allowed", 404: "Out of court", 405: "Wrong kind",
		409: "not possible", 413: "Too large", 422: "could not be read", 429: "Too fast", 500: "fault of ours", 503: "Back in a moment", 507: "fault of ours",
	} {
		d := render(t, "en", views.Error(views.ErrorPage{Page: anybody("/x"), Status: status, Message: "error.internal"}))
		d.says("h1", want)
		d.says("code", "01JREQUEST")
		d.has(".actions a")
	}
	d := render(t, "en", views.Error(views.ErrorPage{Page: anybody("/play?x=1"), Status: 401, Message: "sign_in.reason_needed"}))
	d.has("a[href='/sign-in?next=%2Fplay%3Fx%3D1']")
	p := anybody("/x")
	p.RequestID = ""
	d = render(t, "en", views.Error(views.ErrorPage{Page: p, Status: 503, Message: "error.database_away", RetryAfter: 5}))
	d.says("main", "try again in 5 seconds")
	d.has("a[href='/x']")
	d.lacks("code")
}
