package handlers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// newcomerCookie holds, sealed, with what identity somebody has come who still
// has to say under which name they will play.
const (
	newcomerCookie    = "__Host-rally_newcomer"
	newcomerCookieAge = 30 * time.Minute
	newcomerSeal      = "newcomer"
	// nextMax is the longest way back that it remembers, in bytes: browsers take
	// cookies of 4 kB.
	nextMax = 200
)

// arrived is what is in it.
type arrived struct {
	Identity rally.Identity `json:"identity"`
	Email    string         `json:"email"` // that the provider vouches for; "" for none
	Name     string         `json:"name"`  // there
	Next     string         `json:"next"`
	Until    time.Time      `json:"until"`
}

// welcome sends somebody whose identity is nobody's yet to choose a name.
func (s *Server) welcome(c echo.Context, a auth.Arrival) error {
	next := nextFrom(a.Next)
	if len(next) > nextMax {
		next = ""
	}
	a.Identity.Label = strings.ToValidUTF8(clip(a.Identity.Label, 100), "")
	plain, err := json.Marshal(arrived{
		Identity: a.Identity, Email: a.Email, Name: strings.ToValidUTF8(clip(a.Name, 100), ""), Next: next,
		Until: s.c.Now().Add(newcomerCookieAge),
	})
	if err != nil {
		return err
	}
	sealed := base64.RawURLEncoding.EncodeToString(s.c.Sealer.Seal(plain, newcomerSeal))
	setCookie(c, newcomerCookie, sealed, newcomerCookieAge)
	return s.leave(c, "/sign-in/name")
}

// arrivedOf gives what the browser brought from a provider; ok is false when
// that is nothing, or too long ago.
func (s *Server) arrivedOf(c echo.Context) (a arrived, ok bool) {
	of(c).private = true
	sealed, err := base64.RawURLEncoding.DecodeString(cookieValue(c.Request(), newcomerCookie))
	if err != nil {
		return arrived{}, false
	}
	plain, err := s.c.Sealer.Open(sealed, newcomerSeal)
	if err != nil || json.Unmarshal(plain, &a) != nil || !s.c.Now().Before(a.Until) {
		return arrived{}, false
	}
	return a, true
}

// newcomerForm asks somebody who has come from a provider for the first time
// for a name.
func (s *Server) newcomerForm(c echo.Context) error {
	a, ok := s.arrivedOf(c)
	if !ok {
		return s.leave(c, signInPath)
	}
	page := s.newcomerPage(c, a)
	var err error
	if page.Name.Value, err = s.suggest(c.Request().Context(), a.Name); err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.Newcomer(page))
}

// newcomerPage is the page without what was entered.
func (s *Server) newcomerPage(c echo.Context, a arrived) views.NewcomerPage {
	page := views.NewcomerPage{Page: s.page(c), Label: a.Identity.Label}
	if p, ok := s.c.OAuth.Find(a.Identity.Provider); ok {
		page.Provider = views.Provider{Name: p.Name, Label: p.Label}
	}
	return page
}

// suggest makes a name for here of the one that somebody has elsewhere: one
// that is allowed and that nobody has at the moment.
func (s *Server) suggest(ctx context.Context, elsewhere string) (string, error) {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" -_.", r) {
			return r
		}
		return -1
	}, elsewhere)
	const room = 4 // for a number
	runes := []rune(plain)
	name, problem := rally.NormalizeName(string(runes[:min(len(runes), rally.NameMax-room)]))
	if problem != "" {
		name = "Player"
	}
	suggestion := name
	for range 5 {
		taken, err := s.c.Users.FindCandidates(ctx, suggestion)
		if err != nil || len(taken) == 0 {
			return suggestion, err
		}
		suggestion = name + " " + strconv.Itoa(rand.IntN(900)+100)
	}
	return suggestion, nil // it may be free; the form says so if not
}

// newcomer makes the account and signs it in. If the identity has become
// somebody's meanwhile, perhaps by the same form sent twice, nothing is made.
func (s *Server) newcomer(c echo.Context) error {
	ctx, viewer := c.Request().Context(), of(c).viewer
	a, ok := s.arrivedOf(c)
	if !ok {
		return s.leave(c, signInPath)
	}
	page := s.newcomerPage(c, a)
	page.Name.Value, page.Name.Problem = rally.NormalizeName(c.Request().PostForm.Get("name"))
	if page.Name.Problem != "" {
		return s.newcomerAgain(c, page, &rally.Error{Code: rally.EInvalid})
	}
	if err := s.c.Throttles.Charge(ctx, auth.SignUpCharges(of(c).address)...); err != nil {
		return s.newcomerAgain(c, page, err)
	}
	user, err := s.c.Users.CreateUser(ctx, rally.NewUser{
		Name: page.Name.Value, Email: a.Email, EmailVerified: a.Email != "", Identity: &a.Identity,
		Locale: cookieLocale(c, viewer), Theme: viewer.Theme,
	})
	if err != nil {
		return s.newcomerAgain(c, page, err)
	}
	clearCookie(c, newcomerCookie)
	s.securityEvent(c, rally.SecuritySignUp, user.ID, a.Identity.Provider)
	return s.accept(c, rally.Credentials{User: user}, a.Next)
}

// newcomerAgain shows the form once more, with what is wrong.
func (s *Server) newcomerAgain(c echo.Context, page views.NewcomerPage, err error) error {
	status, words, ok := formProblem(c, err)
	switch {
	case !ok:
		return err
	case words.Message == "oauth.taken":
		clearCookie(c, newcomerCookie)
		return s.leave(c, signInPath)
	}
	if page.Name.Problem == "" {
		page.Name.Problem = words.Fields["name"]
	}
	if len(words.Fields) == 0 {
		page.Problem, page.Wait, page.Fault = words.Message, wait(words), status >= http.StatusInternalServerError
	}
	return s.show(c, status, views.Newcomer(page), views.NewcomerForm(page))
}
