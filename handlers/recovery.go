package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// recoveryMax is how many recovery codes a form may hold: as many as there are
// at once, and then some.
const recoveryMax = 20

// recovery shows recovery codes, the one time they are known.
func (s *Server) recovery(c echo.Context, codes []string, first bool) error {
	return s.html(c, http.StatusOK, views.Recovery(views.RecoveryPage{
		Page: s.pageAt(c, codesPath), Codes: codes, First: first,
	}))
}

// renewRecovery draws new recovery codes; the old ones are dead, and every
// other device is signed out.
func (s *Server) renewRecovery(c echo.Context) error {
	ctx, viewer := c.Request().Context(), of(c).viewer
	if !viewer.User.Codes {
		return s.leave(c, codesPath)
	}
	codes, hashes := auth.NewRecoveryCodes()
	if err := s.c.Factors.ReplaceRecovery(ctx, viewer.User.ID, hashes, viewer.Session); err != nil {
		return err
	}
	s.securityEvent(c, rally.SecurityRecoveryRenewed, viewer.User.ID, "")
	if err := s.renew(c); err != nil {
		return err
	}
	return s.recovery(c, codes, false)
}

// recoveryFile gives the recovery codes back as a file to be kept. They come
// from the page that shows them: here only their hashes are known. Those of
// nobody, or of somebody else, are not put into a file that looks like ours.
func (s *Server) recoveryFile(c echo.Context) error {
	ctx, viewer := c.Request().Context(), of(c).viewer
	codes := strings.Fields(strings.Join(c.Request().PostForm["recovery"], " "))
	if len(codes) == 0 || len(codes) > recoveryMax {
		return rally.Errorf(rally.EInvalid, "error.invalid", "%d recovery codes", len(codes))
	}
	hashes := make([][]byte, len(codes))
	for i, code := range codes {
		hash, ok := auth.HashRecovery(code)
		if !ok {
			return rally.Errorf(rally.EInvalid, "error.invalid", "not a recovery code")
		}
		hashes[i] = hash
	}
	all, err := s.c.Factors.HasRecovery(ctx, viewer.User.ID, hashes)
	if err != nil {
		return err
	}
	if !all {
		return rally.Errorf(rally.EInvalid, "error.invalid", "not the account's recovery codes")
	}
	text := "Rally " + s.c.BaseURL.Host + "\r\n" + viewer.User.Name + "\r\n\r\n" + strings.Join(codes, "\r\n") + "\r\n"
	return s.download(c, "rally-recovery-codes.txt", echo.MIMETextPlainCharsetUTF8, []byte(text))
}

// download gives a file to be saved, and kept nowhere on the way.
func (s *Server) download(c echo.Context, name, kind string, data []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "no-store")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	return c.Blob(http.StatusOK, kind, data)
}
