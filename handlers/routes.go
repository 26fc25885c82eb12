package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Gate says who may come through a route.
type Gate uint8

// The gates. What a browser's cookies amount to is decided by
// auth.Tokens.Decide; see its table. The stage that comes out of it opens:
//
//	gate     anonymous             otp                   full
//	Bare     open, nobody asks who it is
//	Open     open                  open, as anonymous    open
//	Member   303 to /sign-in       303 to /sign-in       open
//	Socket   403                   403                   open
//
// A session that Decide ends gets 303 to /sign-in?reason=ended from Open and
// Member, whatever the method, 403 from Socket, and nothing from Bare.
const (
	// Bare routes are for machines: no cookie is read, no query is made.
	Bare Gate = iota
	// Open is for everybody.
	Open
	// Member is for those who are signed in; others are sent to sign in, and
	// come back afterwards.
	Member
	// Socket is Member for the WebSocket, which can follow no redirect.
	Socket
)

// String gives the gate's name.
func (g Gate) String() string {
	switch g {
	case Bare:
		return "bare"
	case Open:
		return "open"
	case Member:
		return "member"
	case Socket:
		return "socket"
	default:
		return "closed"
	}
}

// Route is one line of the route table. GET answers HEAD as well.
type Route struct {
	Method  string
	Path    string
	Gate    Gate
	handler echo.HandlerFunc
}

// Routes gives the table that the router is made from. There is no other way
// in.
func (s *Server) Routes() []Route {
	const (
		get  = http.MethodGet
		post = http.MethodPost
	)
	return []Route{
		{get, "/", Open, s.landing},

		{get, "/sign-up", Open, s.signUpForm},
		{post, "/sign-up", Open, s.signUp},
		{get, "/sign-in", Open, s.signInForm},
		{post, "/sign-in", Open, s.signIn},
		{post, "/sign-out", Open, s.signOut},

		{get, "/play", Member, s.play},
		{post, "/play", Member, s.enterQueue},
		{post, "/play/leave", Member, s.leaveQueue},
		{post, "/practice", Member, s.practice},

		{get, "/matches/:id", Open, s.match},
		{post, "/matches/:id/ready", Member, s.ready},
		{post, "/matches/:id/resign", Member, s.resign},
		{post, "/matches/:id/rematch", Member, s.rematch},

		{get, "/players/:id", Open, s.player},
		{post, "/preferences", Open, s.setPreferences},

		{get, "/live", Socket, s.live},

		{get, "/static/*", Bare, s.file},
		{get, "/favicon.ico", Bare, s.plainFile("favicon.ico")},
		{get, "/robots.txt", Bare, s.plainFile("robots.txt")},
		{get, "/healthz", Bare, s.healthz},
		{get, "/readyz", Bare, s.readyz},
	}
}

// router makes the router from the table.
func (s *Server) router() *echo.Echo {
	e := echo.New()
	e.HideBanner = true
	e.HidePort = true
	e.IPExtractor = AddressReader(s.c.TrustedProxies)
	e.Use(s.middleware()...)
	for _, r := range s.Routes() {
		for _, method := range r.methods() {
			e.Add(method, r.Path, r.handler)
			s.gates[method+" "+r.Path] = r.Gate
		}
	}
	return e
}

// methods gives what the route answers to.
func (r Route) methods() []string {
	if r.Method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{r.Method}
}

// gateOf gives the gate of the route a request was found to take; a request
// that takes none is shown its error page by Open.
func (s *Server) gateOf(c echo.Context) Gate {
	if g, ok := s.gates[c.Request().Method+" "+c.Path()]; ok {
		return g
	}
	return Open
}
