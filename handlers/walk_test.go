package handlers_test

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/handlers"
)

// walked is what a route answers, without a form or with an empty one, by who
// asks: a status, or the path that 303 leads to. A route that is added must be
// added here as well, by someone who has thought about who may use it.
type walked struct {
	gate      handlers.Gate
	anonymous string
	otp       string // a one-time code is still owed
	elsewhere string // signed in, and live on another device
	full      string
	proven    string // full, having just proved it again
}

// walkTable has the lines of all routes; each area of people's has its own.
var walkTable = joined(siteWalk, friendWalk, rankingWalk, challengeWalk, noticeWalk, chatWalk, presenceWalk)

// joined puts tables together.
func joined(tables ...map[string]walked) map[string]walked {
	all := map[string]walked{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

var siteWalk = map[string]walked{
	"GET /":                                   {handlers.Open, "200", "200", "200", "200", "200"},
	"GET /sign-up":                            {handlers.Open, "200", "200", "/play", "/play", "/play"},
	"POST /sign-up":                           {handlers.Open, "422", "422", "/play", "/play", "/play"},
	"GET /sign-in":                            {handlers.Open, "200", "200", "/play", "/play", "/play"},
	"POST /sign-in":                           {handlers.Open, "422", "422", "422", "422", "422"},
	"GET /sign-in/code":                       {handlers.Code, "/sign-in", "200", "/play", "/play", "/play"},
	"POST /sign-in/code":                      {handlers.Code, "/sign-in", "422", "/play", "/play", "/play"},
	"GET /sign-in/elsewhere":                  {handlers.Full, "/sign-in", "/sign-in/code", "200", "/play", "/play"},
	"POST /sign-in/elsewhere":                 {handlers.Full, "/sign-in", "/sign-in/code", "/play", "/play", "/play"},
	"GET /sign-in/with/:provider":             {handlers.Open, "away", "away", "/play", "/play", "/play"},
	"GET /sign-in/with/:provider/callback":    {handlers.Open, "400", "400", "400", "400", "400"},
	"GET /sign-in/name":                       {handlers.Open, "/sign-in", "/sign-in", "/sign-in", "/sign-in", "/sign-in"},
	"POST /sign-in/name":                      {handlers.Open, "/sign-in", "/sign-in", "/sign-in", "/sign-in", "/sign-in"},
	"POST /sign-out":                          {handlers.Open, "/", "/", "/", "/", "/"},
	"GET /forgot":                             {handlers.Open, "200", "200", "200", "200", "200"},
	"POST /forgot":                            {handlers.Open, "422", "422", "422", "422", "422"},
	"GET /links/:token":                       {handlers.Open, "/reset", "/reset", "/reset", "/reset", "/reset"},
	"GET /reset":                              {handlers.Open, "410", "410", "410", "410", "410"},
	"POST /reset":                             {handlers.Open, "410", "410", "410", "410", "410"},
	"GET /confirm-email":                      {handlers.Open, "410", "410", "410", "410", "410"},
	"POST /confirm-email":                     {handlers.Open, "410", "410", "410", "410", "410"},
	"GET /settings":                           {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"POST /settings/name":                     {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
	"POST /settings/avatar":                   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
	"POST /settings/avatar/remove":            {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings", "/settings"},
	"GET /settings/proof":                     {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "/settings/security"},
	"POST /settings/proof":                    {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
	"GET /settings/proof/with/:provider":      {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "away", "away"},
	"GET /settings/security":                  {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"GET /settings/password":                  {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "200"},
	"POST /settings/password":                 {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "422"},
	"GET /settings/email":                     {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "200"},
	"POST /settings/email":                    {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "422"},
	"POST /settings/email/again":              {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/security", "/settings/security"},
	"GET /settings/codes":                     {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "200"},
	"POST /settings/codes":                    {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "422"},
	"POST /settings/codes/off":                {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "/settings/codes"},
	"POST /settings/codes/recovery":           {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "/settings/codes"},
	"POST /settings/codes/recovery/file":      {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
	"GET /settings/identities/with/:provider": {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "away"},
	"POST /settings/identities/unlink":        {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "404"},
	"GET /settings/devices":                   {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"POST /settings/devices/:id/end":          {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /settings/devices/end-others":       {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/devices", "/settings/devices"},
	"GET /settings/log":                       {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"GET /settings/data":                      {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"POST /settings/data":                     {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "200"},
	"GET /settings/delete":                    {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "200"},
	"POST /settings/delete":                   {handlers.Proven, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings/proof", "422"},
	"POST /settings/delete/stop":              {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/settings", "/settings"},
	"GET /play":                               {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"POST /play":                              {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/play", "/play"},
	"POST /play/leave":                        {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "/play", "/play"},
	"POST /practice":                          {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
	"GET /matches/:id":                        {handlers.Open, "404", "404", "404", "404", "404"},
	"POST /matches/:id/ready":                 {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /matches/:id/resign":                {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /matches/:id/rematch":               {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"GET /players/:id":                        {handlers.Open, "200", "200", "200", "200", "200"},
	"GET /avatars/:user/:name":                {handlers.Bare, "404", "404", "404", "404", "404"},
	"POST /preferences":                       {handlers.Open, "/", "/", "/", "/", "/"},
	"GET /live":                               {handlers.Socket, "403", "403", "422", "422", "422"},
	"POST /live/token":                        {handlers.Full, "/sign-in", "/sign-in/code", "204", "204", "204"},
	"GET /static/*":                           {handlers.Bare, "200", "200", "200", "200", "200"},
	"GET /favicon.ico":                        {handlers.Bare, "200", "200", "200", "200", "200"},
	"GET /robots.txt":                         {handlers.Bare, "200", "200", "200", "200", "200"},
	"GET /healthz":                            {handlers.Bare, "200", "200", "200", "200", "200"},
	"GET /readyz":                             {handlers.Bare, "200", "200", "200", "200", "200"},
	"GET /dev/mail":                           {handlers.Open, "200", "200", "200", "200", "200"},
}

// TestRoutesAreTheTable holds the router against the table: what is not in it
// is no way in.
func TestRoutesAreTheTable(t *testing.T) {
	t.Parallel()
	s := walkSite(t)
	table := map[string]bool{}
	for _, r := range s.handlers.Routes() {
		key := r.Method + " " + r.Path
		want, known := walkTable[key]
		if !known {
			t.Errorf("%s is not in this test's table", key)
		} else if want.gate != r.Gate {
			t.Errorf("%s has gate %s, want %s", key, r.Gate, want.gate)
		}
		table[key] = true
		if r.Method == http.MethodGet {
			table["HEAD "+r.Path] = true
		}
	}
	if len(s.handlers.Routes()) != len(walkTable) {
		t.Errorf("%d routes, want %d", len(s.handlers.Routes()), len(walkTable))
	}
	for _, r := range s.handlers.Handler().(*echo.Echo).Routes() {
		if !table[r.Method+" "+r.Path] {
			t.Errorf("%s %s is routed and not in the table", r.Method, r.Path)
		}
	}
	// Letters are shown by a development server and by no other.
	for _, r := range newSite(t).handlers.Routes() {
		if r.Path == "/dev/mail" {
			t.Error("/dev/mail is there without Dev")
		}
	}
}

// walkSite is a site with every route there can be.
func walkSite(t *testing.T) *site {
	t.Helper()
	return newSiteWith(t, withProvider(t), func(c *handlers.Config) {
		c.Dev, c.Mailbox = true, c.Mailer.(handlers.Mailbox)
	})
}

// TestRoutesByIdentity walks every route with everything a browser may hold:
// requirements 1, 2, 3 and 7.
func TestRoutesByIdentity(t *testing.T) {
	t.Parallel()
	s := walkSite(t)
	for n, who := range identities() {
		t.Run(who.name, func(t *testing.T) {
			t.Parallel()
			node := s.store.Places("walk-" + strconv.Itoa(n))
			for i, route := range s.handlers.Routes() {
				for _, method := range methods(route.Method) {
					b := s.insider(t, fmt.Sprintf("%s-%d-%d", method, n, i))
					b.node = node
					session := b.session()
					who.give(b)
					if given := b.session(); given != "" {
						session = given
					}
					checkWalk(t, who, route, session, b, b.walk(method, route.Path))
				}
			}
		})
	}
}

// walk sends a request that a route would take.
func (b *browser) walk(method, route string) *answer {
	b.t.Helper()
	path := strings.NewReplacer(
		":id", "abcdefghijkl", ":provider", "oidc", ":token", "nonsense", ":user", "1", ":name", "x.png", "*", "x/css/rally.css",
	).Replace(route)
	if strings.HasPrefix(route, "/players/") {
		path = "/players/1"
	}
	if method == http.MethodPost {
		return b.post(path)
	}
	return b.do(method, path, nil, header{"Origin", b.site.URL})
}

func methods(method string) []string {
	if method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{method}
}

// outcome is an answer as the table writes it. Where a provider is found is not
// known before the test runs.
func outcome(res *answer) string {
	if res.StatusCode != http.StatusSeeOther {
		return strconv.Itoa(res.StatusCode)
	}
	to, err := res.Location()
	switch {
	case err != nil:
		return "nowhere"
	case to.Host != res.Request.URL.Host:
		return "away"
	default:
		return to.Path
	}
}

// checkWalk holds an answer against the table.
func checkWalk(t *testing.T, who identity, route handlers.Route, session rally.SessionID, b *browser, res *answer) {
	t.Helper()
	line := walkTable[route.Method+" "+route.Path]
	at := res.Request.Method + " " + route.Path
	alive, _, err := b.site.sessions.Standing(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	want := who.column(line)
	if who.ends {
		switch route.Gate {
		case handlers.Bare:
			want = line.anonymous
		case handlers.Socket:
			want = "403"
		default:
			want = "/sign-in"
		}
	}
	if got := outcome(res); got != want {
		t.Errorf("%s gave %s, want %s", at, got, want)
	}
	if route.Gate == handlers.Bare {
		if !alive || len(res.Cookies()) > 0 {
			t.Errorf("%s looked at who it was", at)
		}
		return
	}
	if who.ends {
		if alive {
			t.Errorf("%s left the session alive", at)
		}
		if b.cookie(sessionCookie) != "" || b.cookie(tokenCookie) != "" {
			t.Errorf("%s left cookies in the browser", at)
		}
		return
	}
	signsOut := at == "POST /sign-out"
	minted := res.setsCookie(tokenCookie)
	switch {
	case who.mints && !signsOut:
		if minted == nil || minted.Value == "" {
			t.Errorf("%s minted no token", at)
		}
	case minted != nil && minted.Value != "" && at != "POST /live/token":
		t.Errorf("%s gave a token", at)
	}
	if !alive && !signsOut {
		t.Errorf("%s ended the session", at)
	}
}

// TestWalkTableIsComplete: every line says something about everybody.
func TestWalkTableIsComplete(t *testing.T) {
	t.Parallel()
	for at, line := range maps.All(walkTable) {
		for _, want := range []string{line.anonymous, line.otp, line.elsewhere, line.full, line.proven} {
			if want == "" {
				t.Errorf("%s says nothing about somebody", at)
			}
		}
	}
}
