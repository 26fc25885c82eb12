// Package handlers is where HTTP comes in: one route table, one chain of
// middleware, one place where errors become answers, and a file for each area
// of the site. A handler parses, makes one call into the domain and gives a
// view model to be rendered. What one user's action shows on another's page
// goes through OnEvent alone.
package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/live"
	"rally/match"
	"rally/static"
	"rally/views"
)

// Users keeps accounts.
type Users interface {
	CreateUser(ctx context.Context, u rally.NewUser) (rally.User, error)
	FindUser(ctx context.Context, id rally.UserID) (rally.User, error)
	FindCredentials(ctx context.Context, email string) (u rally.User, hash string, err error)
	SetPasswordHash(ctx context.Context, id rally.UserID, hash string) error
	SetPreferences(ctx context.Context, id rally.UserID, locale, theme string) error
}

// Results keeps finished matches.
type Results interface {
	FindMatch(ctx context.Context, id rally.MatchID) (rally.Match, error)
	ListMatches(ctx context.Context, user rally.UserID, before string, limit int) (matches []rally.Match, older string, err error)
}

// Registry runs live matches.
type Registry interface {
	Find(id rally.MatchID) (match.Info, bool)
	Playing(user rally.UserID) (rally.MatchID, bool)
	Practice(e match.Entrant, level rally.BotLevel, points int) (rally.MatchID, error)
	Ready(id rally.MatchID, user rally.UserID) error
	Resign(id rally.MatchID, user rally.UserID) error
	Rematch(id rally.MatchID, user rally.UserID) (rally.MatchID, error)
	Open(user rally.UserID, a match.Audience) *match.Link
	Stats() match.Stats
}

// Matchmaker pairs those who wait.
type Matchmaker interface {
	Enter(e match.Entrant) error
	Leave(user rally.UserID)
	Waiting(user rally.UserID) (waited time.Duration, ok bool)
	Seen(user rally.UserID)
	Len() int
}

// Hub holds the sockets of open pages.
type Hub interface {
	Serve(w http.ResponseWriter, r *http.Request, v rally.Viewer, open func(*live.Conn) live.Receiver) error
	Push(user rally.UserID, render func(locale string) ([]byte, error))
	CloseSession(id rally.SessionID, code int, reason string)
}

// Config is all that a Server needs. Everything without a default must be set.
type Config struct {
	BaseURL        *url.URL       // of the site as browsers know it; https turns HSTS on
	TrustedProxies []netip.Prefix // whose X-Forwarded-For and X-Request-Id are believed; usually none
	Points         int            // of a practice match; 0: 11
	Dev            bool

	Views  *views.Views
	Static *static.Files

	Users      Users
	Sessions   Sessions
	Results    Results
	Passwords  *auth.Passwords
	Tokens     *auth.Tokens
	Registry   Registry
	Matchmaker Matchmaker
	Hub        Hub

	// Ready says whether the parts that pages need are there: the database,
	// the bus. It must answer within two seconds.
	Ready func(ctx context.Context) error
	Log   *slog.Logger // nil discards
}

// Server answers every request of the site. It is safe for concurrent use.
type Server struct {
	c        Config
	echo     *echo.Echo
	gates    map[string]Gate // by method and path
	foreign  *http.CrossOriginProtection
	squeezer *sync.Pool
	stopping atomic.Bool
}

// New makes a Server.
func New(c Config) (*Server, error) {
	if c.BaseURL == nil || c.Views == nil || c.Static == nil || c.Users == nil || c.Sessions == nil ||
		c.Results == nil || c.Passwords == nil || c.Tokens == nil || c.Registry == nil ||
		c.Matchmaker == nil || c.Hub == nil || c.Ready == nil {
		return nil, errors.New("handlers: a part is missing from Config")
	}
	if c.Points == 0 {
		c.Points = 11
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		c:        c,
		gates:    map[string]Gate{},
		foreign:  http.NewCrossOriginProtection(),
		squeezer: newSqueezer(),
	}
	s.echo = s.router()
	return s, nil
}

// Handler gives the site.
func (s *Server) Handler() http.Handler { return s.echo }

// Drain makes /readyz say that this server is about to stop, so that whoever
// balances load sends nothing more. Requests are still answered.
func (s *Server) Drain() { s.stopping.Store(true) }
