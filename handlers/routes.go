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
//	gate     anonymous         otp                    full, elsewhere              full
//	Bare     open, nobody asks who it is
//	Open     open              open, as anonymous     open                         open
//	Code     303 to /sign-in   open                   303 onwards                  303 onwards
//	Full     303 to /sign-in   303 to /sign-in/code   open                         open
//	Member   303 to /sign-in   303 to /sign-in/code   303 to /sign-in/elsewhere    open
//	Proven   303 to /sign-in   303 to /sign-in/code   303 to /sign-in/elsewhere    open, or 303 to /settings/proof
//	Socket   403               403                    open; the hub says 4001      open
//
// "Elsewhere" is a session whose owner is live by another one. Proven asks for
// the password or a code once more, unless that was within rally.ProofLife.
// A session that Decide ends gets 303 to /sign-in?reason=ended from every gate
// but two, whatever the method: 403 from Socket, and nothing from Bare.
const (
	// Bare routes are for machines: no cookie is read, no query is made.
	Bare Gate = iota
	// Open is for everybody.
	Open
	// Code is for those who still owe a one-time code.
	Code
	// Full is for those who are signed in, also while they are live on another
	// device: what is needed to settle that.
	Full
	// Member is for those who are signed in; others are sent to sign in, and
	// come back afterwards.
	Member
	// Proven is Member for what matters most: it wants a fresh proof of who is
	// sitting there.
	Proven
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
	case Code:
		return "code"
	case Full:
		return "full"
	case Member:
		return "member"
	case Proven:
		return "proven"
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
	limit   int64 // bytes of what it may be sent; 0: formLimit
}

// Routes gives the table that the router is made from. There is no other way
// in.
func (s *Server) Routes() []Route {
	const (
		get  = http.MethodGet
		post = http.MethodPost
	)
	routes := []Route{
		{get, "/", Open, s.landing, 0},

		{get, "/sign-up", Open, s.signUpForm, 0},
		{post, "/sign-up", Open, s.signUp, 0},
		{get, "/sign-in", Open, s.signInForm, 0},
		{post, "/sign-in", Open, s.signIn, 0},
		{get, "/sign-in/code", Code, s.codeForm, 0},
		{post, "/sign-in/code", Code, s.code, 0},
		{get, "/sign-in/elsewhere", Full, s.elsewhere, 0},
		{post, "/sign-in/elsewhere", Full, s.continueHere, 0},
		{get, "/sign-in/with/:provider", Open, s.signInWith, 0},
		{get, "/sign-in/with/:provider/callback", Open, s.callback, 0},
		{get, "/sign-in/name", Open, s.newcomerForm, 0},
		{post, "/sign-in/name", Open, s.newcomer, 0},
		{post, "/sign-out", Open, s.signOut, 0},

		{get, "/forgot", Open, s.forgotForm, 0},
		{post, "/forgot", Open, s.forgot, 0},
		{get, "/links/:token", Open, s.followLink, 0},
		{get, "/reset", Open, s.resetForm, 0},
		{post, "/reset", Open, s.reset, 0},
		{get, "/confirm-email", Open, s.confirmEmailForm, 0},
		{post, "/confirm-email", Open, s.confirmEmail, 0},

		{get, "/settings", Member, s.settings, 0},
		{post, "/settings/name", Member, s.rename, 0},
		{post, "/settings/avatar", Member, s.setAvatar, avatarLimit},
		{post, "/settings/avatar/remove", Member, s.removeAvatar, 0},
		{post, "/settings/chat", Member, s.setChat, 0},
		{get, "/settings/proof", Member, s.proofForm, 0},
		{post, "/settings/proof", Member, s.prove, 0},
		{get, "/settings/proof/with/:provider", Member, s.proveWith, 0},
		{get, "/settings/security", Member, s.security, 0},
		{get, "/settings/password", Proven, s.passwordForm, 0},
		{post, "/settings/password", Proven, s.changePassword, 0},
		{get, "/settings/email", Proven, s.emailForm, 0},
		{post, "/settings/email", Proven, s.changeEmail, 0},
		{post, "/settings/email/again", Member, s.sendVerification, 0},
		{get, "/settings/codes", Proven, s.codesForm, 0},
		{post, "/settings/codes", Proven, s.turnOnCodes, 0},
		{post, "/settings/codes/off", Proven, s.turnOffCodes, 0},
		{post, "/settings/codes/recovery", Proven, s.renewRecovery, 0},
		{post, "/settings/codes/recovery/file", Member, s.recoveryFile, 0},
		{get, "/settings/identities/with/:provider", Proven, s.linkWith, 0},
		{post, "/settings/identities/unlink", Proven, s.unlink, 0},
		{get, "/settings/devices", Member, s.devices, 0},
		{post, "/settings/devices/:id/end", Member, s.endDevice, 0},
		{post, "/settings/devices/end-others", Member, s.endOtherDevices, 0},
		{get, "/settings/log", Member, s.securityLog, 0},
		{get, "/settings/data", Member, s.data, 0},
		{post, "/settings/data", Proven, s.export, 0},
		{get, "/settings/delete", Proven, s.deleteForm, 0},
		{post, "/settings/delete", Proven, s.deleteAccount, 0},
		{post, "/settings/delete/stop", Member, s.keepAccount, 0},

		{get, "/play", Member, s.play, 0},
		{post, "/play", Member, s.enterQueue, 0},
		{post, "/play/leave", Member, s.leaveQueue, 0},
		{post, "/practice", Member, s.practice, 0},

		{get, "/matches/:id", Open, s.match, 0},
		{post, "/matches/:id/ready", Member, s.ready, 0},
		{post, "/matches/:id/resign", Member, s.resign, 0},
		{post, "/matches/:id/rematch", Member, s.rematch, 0},

		{get, "/challenges", Member, s.challenges, 0},
		{post, "/challenges", Member, s.createChallenge, 0},
		{get, "/challenges/new", Member, s.challengeForm, 0},
		{get, "/challenges/:id", Member, s.challenge, 0},
		{post, "/challenges/:id/accept", Member, s.acceptChallenge, 0},
		{post, "/challenges/:id/decline", Member, s.declineChallenge, 0},
		{post, "/challenges/:id/withdraw", Member, s.withdrawChallenge, 0},

		{get, friendsPath, Member, s.friends, 0},
		{get, "/friends/blocked", Member, s.blocked, 0},
		{get, "/people", Member, s.people, 0},
		{get, "/people/:id/actions", Member, s.personActions, 0},
		{post, "/people/:id/ask", Member, s.ask, 0},
		{post, "/people/:id/accept", Member, s.deed("accept", s.c.People.Accept), 0},
		{post, "/people/:id/decline", Member, s.deed("decline", s.c.People.Decline), 0},
		{post, "/people/:id/withdraw", Member, s.deed("withdraw", s.c.People.Withdraw), 0},
		{post, "/people/:id/remove", Member, s.deed("remove", s.c.People.Remove), 0},
		{post, "/people/:id/block", Member, s.deed("block", s.c.People.Block), 0},
		{post, "/people/:id/unblock", Member, s.deed("unblock", s.c.People.Unblock), 0},

		{get, "/chat", Member, s.conversations, 0},
		{get, "/chat/:id", Member, s.conversation, 0},
		{post, "/chat/:id", Member, s.say, 0},
		{get, "/chat/:id/form", Member, s.chatForm, 0},
		{post, "/chat/:id/read", Member, s.readMessages, 0},
		{post, "/chat/:id/mute", Member, s.mute, 0},
		{get, "/notices", Member, s.notices, 0},
		{post, "/notices/read", Member, s.readNotices, 0},

		{get, "/leaderboard", Open, s.leaderboard, 0},
		{get, "/players/:id", Open, s.player, 0},
		{get, "/avatars/:user/:name", Bare, s.avatar, 0},
		{post, "/preferences", Open, s.setPreferences, 0},

		{get, "/live", Socket, s.live, 0},
		{post, "/live/token", Full, s.renewToken, 0},
		{post, "/live/active", Full, s.active, 0},
		{get, "/live/inbox", Member, s.inbox, 0},

		{get, "/static/*", Bare, s.file, 0},
		{get, "/favicon.ico", Bare, s.plainFile("favicon.ico"), 0},
		{get, "/robots.txt", Bare, s.plainFile("robots.txt"), 0},
		{get, "/healthz", Bare, s.healthz, 0},
		{get, "/readyz", Bare, s.readyz, 0},
	}
	if s.c.Dev && s.c.Mailbox != nil {
		routes = append(routes, Route{get, "/dev/mail", Open, s.devMail, 0})
	}
	return routes
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
			s.routes[method+" "+r.Path] = r
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

// routeOf gives the route a request was found to take; one that takes none is
// shown its error page by Open.
func (s *Server) routeOf(c echo.Context) Route {
	route, ok := s.routes[c.Request().Method+" "+c.Path()]
	if !ok {
		route.Gate = Open
	}
	route.limit = max(route.limit, formLimit)
	return route
}
