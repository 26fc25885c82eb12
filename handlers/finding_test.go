package handlers_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rally"
)

// crowd makes accounts whose names begin alike.
func (s *site) crowd(t *testing.T, begins string, n int) (ids []rally.UserID) {
	t.Helper()
	for i := range n {
		ids = append(ids, s.named(t, fmt.Sprintf("%s %03d", begins, i)))
	}
	return ids
}

// named makes somebody of this name who has no browser.
func (s *site) named(t *testing.T, name string) rally.UserID {
	t.Helper()
	u, err := s.store.CreateUser(t.Context(), rally.NewUser{Name: name, Email: strings.ToLower(rand.Text()) + "@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID
}

// listed gives the names in a list of people, in order.
func (a *answer) listed(selector string) (names []string) {
	a.t.Helper()
	for _, n := range a.find(selector + " .person-name") {
		var text strings.Builder
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				text.WriteString(d.Data)
			}
		}
		names = append(names, strings.TrimSpace(text.String()))
	}
	return names
}

func TestPeopleAreFound(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina := s.insider(t, "Mina")
	for _, name := range []string{"Aleksandra", "Jonas Weber", "jonas_2", "박서연", "Zed"} {
		s.named(t, name)
	}
	for query, want := range map[string]string{
		"jonas":                      "Jonas Weber, jonas_2",
		"JONAS":                      "Jonas Weber, jonas_2",
		"  Jonas   we ":              "Jonas Weber",
		"Alexandra":                  "Aleksandra", // mistyped
		"weber":                      "Jonas Weber",
		"박서":                         "박서연",
		"mina":                       "", // not oneself
		"nobody at all":              "",
		"%":                          "",
		"_":                          "",
		`'; DROP TABLE --`:           "",
		"\x00":                       "",
		"\xff\xfe":                   "",
		"\u202e":                     "",
		strings.Repeat("jonas", 100): "",
	} {
		res := mina.get("/people?q=" + url.QueryEscape(query))
		res.wants(http.StatusOK)
		got := res.listed("main")
		if query == "jonas" || query == "JONAS" || strings.Contains(query, "we ") {
			if len(got) == 0 || got[0] != "Jonas Weber" && want != "" {
				t.Errorf("%q finds %q, want %q first", query, got, want)
			}
		} else if strings.Join(got, ", ") != want {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
		if asked := strings.TrimSpace(strings.ToValidUTF8(query, "")) != ""; asked && want == "" {
			res.has(".found .empty")
		}
	}
	res := mina.get("/people?q=" + url.QueryEscape(`"><img src=x onerror=alert(1)>`))
	parses(t, strings.SplitN(strings.SplitN(res.text, "<main", 2)[1], "</main>", 2)[0])
	if got := res.attr("#q", "value"); got != `"><img src=x onerror=alert(1)>` {
		t.Errorf("the field holds %q", got)
	}
	// Without anything to look for it is only the form.
	for _, path := range []string{"/people", "/people?q=", "/people?q=+"} {
		res := mina.get(path)
		res.has("form[role=search][method=get][action='/people'] input[name=q]")
		res.hasNot(".found")
	}
}

// Long lists come in parts, each person once, with JavaScript and without.
func TestPeopleInParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina := s.insider(t, "Mina")
	s.crowd(t, "Player", 120)
	for _, headers := range [][]header{nil, partial()} {
		seen := map[string]bool{}
		parts := 0
		for at := "/people?q=player"; at != ""; parts++ {
			res := mina.get(at, headers...)
			res.wants(http.StatusOK)
			if whole := len(res.find("main")) > 0 && len(res.find("header nav")) > 0; whole != (headers == nil) {
				t.Errorf("%s is a whole page: %v", at, whole)
			}
			for _, name := range res.listed("li") {
				if seen[name] {
					t.Errorf("%s is there twice", name)
				}
				seen[name] = true
			}
			at = res.attr(".older a", "href")
		}
		if len(seen) != 120 || parts != 4 {
			t.Errorf("%d people in %d parts", len(seen), parts)
		}
	}
	for _, cursor := range []string{"x", "%00", "AAAA", strings.Repeat("A", 1000)} {
		mina.get("/people?q=player&after=" + cursor).wants(http.StatusUnprocessableEntity)
	}
}

func TestSearchingIsThrottled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina := s.insider(t, "Mina")
	for range 60 {
		mina.get("/people?q=joon", partial()...).wants(http.StatusOK)
	}
	res := mina.get("/people?q=joon")
	res.wants(http.StatusTooManyRequests)
	res.has(".problem")
	if res.attr("#q", "value") != "joon" || res.Header.Get("Retry-After") == "" {
		t.Errorf("what was typed is lost, or when to try again: %q, %q", res.attr("#q", "value"), res.Header.Get("Retry-After"))
	}
	mina.get("/people?q=joon", partial()...).wants(http.StatusTooManyRequests)
	mina.get("/people").wants(http.StatusOK)
}

// Who is there comes first, with what friends see of them; the page asks anew
// for as many as it shows.
func TestFriendsInParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, zed := s.insider(t, "Mina"), s.insider(t, "Zed")
	for i, id := range s.crowd(t, "Player", 60) {
		var err error
		if _, err = s.store.Ask(t.Context(), id, mina.user.ID); err == nil && i < 55 {
			err = s.store.Accept(t.Context(), mina.user.ID, id)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	mina.befriends(zed)
	const own = ".own-friends"

	res := mina.get("/friends")
	if got := res.listed(own); len(got) != 30 || got[0] != "Player 000" {
		t.Errorf("%d friends: %q", len(got), got)
	}
	if got := res.listed(".requests"); len(got) != 5 || got[0] != "Player 059" {
		t.Errorf("requests of %q", got)
	}
	more := res.attr(own+" .older a", "href")
	if more != res.attr(own+" .older a", "data-hx-get") {
		t.Error("with JavaScript the link leads elsewhere")
	}
	res = mina.get(more, partial()...)
	if got := res.listed("li"); len(got) != 26 || got[25] != "Zed" || len(res.find("main")) > 0 {
		t.Errorf("then %q", got)
	}
	if res.attr("[data-shown]", "name") != "friends" || res.attr("[data-shown]", "value") != "26" {
		t.Error("it does not say how many came")
	}
	res = mina.get(more)
	if got := res.listed(own); len(got) != 26 || len(res.find(".requests")) > 0 {
		t.Errorf("the page after: %q", got)
	}
	res.has("main a[href='/friends']")

	zed.open()
	res = mina.get("/friends?friends=30&friends=26&requests=5", partial()...)
	if got := res.listed(own); len(got) != 56 || got[0] != "Zed" || got[1] != "Player 000" {
		t.Errorf("asked anew: %d, %q", len(got), got[:2])
	}
	res.has(person("own-friends", zed) + " [data-badge='" + itoa(zed.user.ID) + "'][data-state=online]")

	for _, bad := range []string{"friends=x", "friends=-1", "friends=" + strconv.Itoa(1<<40), "friends=9999999999999999999999", "friends="} {
		mina.get("/friends?" + bad).wants(http.StatusOK)
	}
	for _, bad := range []string{"list=nobody", "list=friends%00"} {
		mina.get("/friends?" + bad).wants(http.StatusNotFound)
	}
	for _, list := range []string{"friends", "requests", "asked"} {
		mina.get("/friends?list=" + list + "&after=nonsense").wants(http.StatusUnprocessableEntity)
	}
	mina.get("/friends/blocked?after=nonsense").wants(http.StatusUnprocessableEntity)
}

// A name from right to left reorders nothing beside it.
func TestNamesAreIsolated(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, daniel := s.insider(t, "Mina"), s.insider(t, "דניאל")
	mina.befriends(daniel)
	for _, path := range []string{"/friends", "/people?q=" + url.QueryEscape("דני")} {
		if got := mina.get(path).listed("main"); len(got) != 1 || got[0] != "\u2068דניאל\u2069" {
			t.Errorf("%s shows %q", path, got)
		}
	}
}
