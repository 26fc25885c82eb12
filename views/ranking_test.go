package views_test

import (
	"bytes"
	"compress/gzip"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"rally"
	"rally/views"
)

// cardOf is somebody as anybody sees them.
func cardOf(u rally.User) views.PersonCard {
	return views.PersonCard{Person: rally.Person{User: u}}
}

// someHistory is a rating that falls and rises within three days.
func someHistory() []rally.RatingPoint {
	at := func(days int, value, deviation float64) rally.RatingPoint {
		return rally.RatingPoint{At: noon.AddDate(0, 0, days), Rating: rally.Rating{Value: value, Deviation: deviation, Volatility: 0.06}}
	}
	return []rally.RatingPoint{at(-3, 1500.4, 104), at(-2, 1451.6, 95), at(0, 1534.4, 82)}
}

func aLeaderboard() views.LeaderboardPage {
	sure := rally.Rating{Value: 1712.6, Deviation: 61.4, Volatility: 0.06}
	return views.LeaderboardPage{
		Page: member("/leaderboard"), Top: true, Next: "a&b",
		People: []rally.Ranked{
			{Rank: 1, User: rally.User{ID: 9, Name: "Ines", Rating: sure, Wins: 40, Losses: 12}},
			{Rank: 2, User: rally.User{ID: 7, Name: "Mina", Rating: rally.Rating{Value: 1534.4, Deviation: 182}, Wins: 3, Losses: 2}},
		},
	}
}

// rankingPages are the leaderboard and profiles in their more telling states.
func rankingPages() map[string]templ.Component {
	around, nowhere, later, nobody := aLeaderboard(), aLeaderboard(), aLeaderboard(), aLeaderboard()
	around.Me, around.Top, around.Next = true, false, ""
	nowhere.Me, nowhere.Top, nowhere.Next, nowhere.People = true, false, "", nil
	later.Page, later.Top, later.People, later.Next = anybody("/leaderboard?after=x"), false, nil, ""
	nobody.Page, nobody.People, nobody.Next = anybody("/leaderboard"), nil, ""
	return map[string]templ.Component{
		"leaderboard":            views.Leaderboard(aLeaderboard()),
		"leaderboard, around":    views.Leaderboard(around),
		"leaderboard, no rank":   views.Leaderboard(nowhere),
		"leaderboard, past end":  views.Leaderboard(later),
		"leaderboard, nobody":    views.Leaderboard(nobody),
		"profile, of a friend":   views.Profile(aFriendsProfile()),
		"profile, of a stranger": views.Profile(aStrangersProfile()),
	}
}

func rankingFragments() map[string]templ.Component {
	return map[string]templ.Component{
		"leaderboard rows": views.LeaderboardRows(aLeaderboard()),
		"person actions":   views.PersonActions(aFriendsProfile().PersonCard, "/players/8"),
	}
}

// aFriendsProfile is Joon's, whom Mina, its viewer, has played.
func aFriendsProfile() views.ProfilePage {
	p := aProfile()
	p.Page, p.Own = member("/players/8"), false
	p.PersonCard = cardOf(rally.User{ID: 8, Name: "Joon", Rating: rally.Rating{Value: 1498, Deviation: 130}, Wins: 210, Losses: 4, CreatedAt: noon})
	p.Relation = rally.RelationFriends
	p.Presence = rally.Presence{State: rally.PresencePlaying, Match: someMatch}
	p.Record = rally.Record{Wins: 3, Losses: 1}
	return p
}

// aStrangersProfile is somebody's who plays at the moment.
func aStrangersProfile() views.ProfilePage {
	p := aFriendsProfile()
	p.Relation, p.Presence, p.Live = rally.RelationNone, rally.Presence{}, someMatch
	return p
}

func TestLeaderboard(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Leaderboard(aLeaderboard()))
	rows := d.all(".board tbody tr")
	if len(rows) != 3 {
		t.Fatalf("%d rows, want two people and the button", len(rows))
	}
	for i, want := range []string{"1 I Ines 1713 ± 61 40 12", "2 M Mina you 1534 ± 182 provisional 3 2"} {
		if got := textOf(rows[i]); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
		if own := attr(rows[i], "aria-current") == "true"; own != (i == 1) {
			t.Errorf("row %d: own %v", i, own)
		}
	}
	d.has(".board th[scope=row] a[href='/players/9'] [data-name='9']", ".parts a[href='/leaderboard'][aria-current=page]",
		".parts a[href='/leaderboard?me=1#me'][aria-current=false]")
	more := d.one("tr.more a")
	if attr(more, "href") != "/leaderboard?after=a%26b" || attr(more, "data-hx-get") != attr(more, "href") {
		t.Errorf("the button is %v", more.Attr)
	}

	all := maps.Collect(maps.All(rankingPages()))
	around := render(t, "en", all["leaderboard, around"])
	around.has(".parts a[href='/leaderboard?me=1#me'][aria-current=page]", ".board tr[aria-current=true]")
	around.lacks("tr.more")
	nowhere := render(t, "en", all["leaderboard, no rank"])
	nowhere.says(".empty", "You are not on it yet")
	nowhere.has(".actions a[href='/play']")
	render(t, "en", all["leaderboard, past end"]).has(".actions a[href='/leaderboard']")
	nobody := render(t, "en", all["leaderboard, nobody"])
	nobody.has(".actions a[href='/sign-up']")
	nobody.lacks(".parts", "table")

	visitors := aLeaderboard()
	visitors.Viewer.Stage = rally.StageOTP // who still owes a code is nobody yet
	render(t, "en", views.Leaderboard(visitors)).lacks(".parts", "[aria-current=true]", ".board-you")
}

func TestProfileOfOthers(t *testing.T) {
	t.Parallel()
	d := render(t, "en", views.Profile(aFriendsProfile()))
	d.has("[data-seen='8'] [data-badge='8'][data-state=playing]", "[data-person='8']", "h1 [data-name='8']")
	d.lacks(".notice")
	d.says(".versus", "3 won, 1 lost")

	d = render(t, "en", views.Profile(aStrangersProfile()))
	d.has(".notice a[href='/matches/abcdefghijkl']", "[data-person='8']", "[data-seen='8']:empty")

	own := render(t, "en", views.Profile(aProfile()))
	own.has("dl a[href='/leaderboard?me=1#me']")
	own.lacks("[data-person]", "[data-seen]", ".versus")

	visitors := aStrangersProfile()
	visitors.Page, visitors.Live, visitors.Record = anybody("/players/8"), "", rally.Record{}
	d = render(t, "en", views.Profile(visitors))
	d.lacks("[data-person]", "[data-seen]", ".versus", ".notice")
	d.says(".figures", "12")
}

// The chart has a name and words of its own, and a table says all it shows.
func TestRatingChart(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.User.Wins, p.User.Losses = 2, 1
	d := render(t, "en", views.Profile(p))
	d.has("svg[role=img][aria-labelledby=rating-title][aria-describedby=rating-about]", "#rating-title", ".chart-line", ".chart-band")
	d.says("#rating-about", "Highest 1534, on 22 Nov 2026 Lowest 1452, on 20 Nov 2026")
	rows := d.all(".chart-numbers tbody tr")
	if len(rows) != 3 || textOf(rows[0]) != "22 Nov 2026, 12:00 UTC 1534 82" || textOf(rows[2]) != "19 Nov 2026, 12:00 UTC 1500 104" {
		t.Errorf("%d rows, the first %q", len(rows), textOf(rows[0]))
	}
	d.lacks(".chart-numbers .hint")

	p.User.Wins, p.User.Losses = 300, 200
	render(t, "en", views.Profile(p)).says(".chart-numbers .hint", "3 of 500 rated matches")
	for _, few := range [][]rally.RatingPoint{nil, p.History[:1]} { // a line has two ends
		p.History = few
		render(t, "ko", views.Profile(p)).lacks(".chart", ".chart-numbers", "#rating-title")
	}
}

// A name is text, and turns nothing round but itself.
func TestHostileNamesInRanking(t *testing.T) {
	t.Parallel()
	board, profile := aLeaderboard(), aFriendsProfile()
	profile.Matches = nil
	for _, name := range []string{`"'><img src=x onerror=alert(1)>`, "<script>alert(2)</script>", "אבג"} {
		board.People[0].User.Name, board.People[1].User.Name, profile.User.Name = name, name, name
		for _, page := range []templ.Component{views.Leaderboard(board), views.Profile(profile)} {
			d := render(t, "en", page)
			checkHarmless(t, d)
			d.lacks("main img", "main script", "[onerror]")
			for _, n := range d.all("main [data-name]") {
				if got := strings.Trim(rawText(n), "\u2068\u2069"); got != name {
					t.Errorf("%q is shown as %q", name, got)
				}
			}
			if name == "אבג" && !strings.Contains(d.text, ">\u2068"+name+"\u2069<") {
				t.Errorf("%q is not isolated", name)
			}
		}
	}
}

// A profile of many matches is still a small page.
func TestRatingChartIsSmall(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.History = nil
	for i := range 200 {
		p.History = append(p.History, rally.RatingPoint{
			At:     noon.Add(time.Duration(i*i) * 83 * time.Minute),
			Rating: rally.Rating{Value: 1500 + 7.3*float64(i*i*31%29), Deviation: 60 + float64(200-i)/3},
		})
	}
	for len(p.Matches) < 20 {
		p.Matches = append(p.Matches, p.Matches...)
	}
	d := render(t, "en", views.Profile(p))
	if n := len(d.all(".chart-numbers tbody tr")); n != 200 {
		t.Errorf("%d rows", n)
	}
	var sent bytes.Buffer
	w, _ := gzip.NewWriterLevel(&sent, gzip.BestSpeed) // as handlers do
	_, _ = w.Write([]byte(d.text))
	_ = w.Close()
	if sent.Len() > 12_000 {
		t.Errorf("%d bytes, %d compressed", len(d.text), sent.Len())
	}
}
