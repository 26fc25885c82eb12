package handlers

import (
	"cmp"
	"context"
	"strings"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// tell has a letter written about what has just been done to an account, if its
// address is known to be theirs; other is as rally.Letter has it. It has been
// done, letter or not.
func (s *Server) tell(c echo.Context, kind rally.LetterKind, user rally.User, other string) {
	if s.c.Mailer == nil || !user.EmailVerified {
		return
	}
	err := s.c.Letters.QueueLetter(c.Request().Context(), rally.Letter{
		Kind: kind, User: user.ID, To: user.Email, Locale: cmp.Or(user.Locale, of(c).viewer.Locale), Other: other,
	})
	if err != nil {
		s.notQueued(c, kind, user.ID, err)
	}
}

// notQueued logs that a letter will not be written, where that undoes nothing.
func (s *Server) notQueued(c echo.Context, kind rally.LetterKind, user rally.UserID, err error) {
	s.c.Log.ErrorContext(c.Request().Context(), "letter not queued", "id", of(c).id, "letter", kind,
		"user", int64(user), "error", err.Error())
}

// WriteLetter writes a letter that was queued and has it sent. What a letter
// needs is looked up now: it may have waited for hours. One that has lost its
// reader or its point meanwhile is dropped without an error; after an error it
// may be written again, whatever links it has drawn are dead then.
func (s *Server) WriteLetter(ctx context.Context, l rally.Letter) error {
	if l.To == "" || l.User == 0 {
		return nil // queued for the sake of taking as long as one to somebody
	}
	if s.c.Mailer == nil {
		s.c.Log.InfoContext(ctx, "a letter was dropped, there is nothing to send it by", "letter", l.Kind, "user", l.User)
		return nil
	}
	user, err := s.c.Users.FindUser(ctx, l.User)
	if rally.ErrorCode(err) == rally.ENotFound || err == nil && pointless(l, user) {
		s.c.Log.InfoContext(ctx, "a letter was dropped, it has lost its point", "letter", l.Kind, "user", l.User)
		return nil
	}
	if err != nil {
		return err
	}
	link, err := s.letterLink(ctx, l)
	if err != nil {
		return err
	}
	subject, text, err := s.c.Views.Letter(cmp.Or(l.Locale, user.Locale, "en"), views.LetterText{
		Kind: l.Kind, Site: s.siteAddress(), Name: user.Name, Other: l.Other, Link: link, Day: user.DeleteAt,
	})
	if err != nil {
		return err
	}
	if err := s.c.Mailer.Send(ctx, rally.Mail{To: l.To, Subject: subject, Text: text}); err != nil {
		return err
	}
	s.c.Log.InfoContext(ctx, "letter", "letter", l.Kind, "user", l.User)
	return nil
}

// pointless says whether a letter would tell its reader what is not so any
// more, or give them what is not theirs any more.
func pointless(l rally.Letter, user rally.User) bool {
	own := strings.EqualFold(l.To, user.Email)
	switch l.Kind {
	case rally.LetterVerify:
		return own && user.EmailVerified
	case rally.LetterReset:
		return !own
	case rally.LetterDeletion:
		return user.DeleteAt.IsZero()
	default:
		return false
	}
}

// letterLink draws the link a letter carries; "" for one that carries none.
func (s *Server) letterLink(ctx context.Context, l rally.Letter) (string, error) {
	var kind rally.LinkKind
	switch l.Kind {
	case rally.LetterVerify:
		kind = rally.LinkEmail
	case rally.LetterReset:
		kind = rally.LinkReset
	default:
		return "", nil
	}
	token, err := s.c.Links.NewLink(ctx, l.User, kind, l.To)
	if err != nil {
		return "", err
	}
	return s.siteAddress() + "/links/" + token, nil
}

// siteAddress is where the site is, without a slash at its end.
func (s *Server) siteAddress() string { return strings.TrimSuffix(s.c.BaseURL.String(), "/") }
