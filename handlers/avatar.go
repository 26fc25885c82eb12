package handlers

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/avatar"
	"rally/views"
)

const (
	// avatarLimit bounds the form that carries a picture, in bytes. Its other
	// parts are small.
	avatarLimit = avatar.MaxBytes + 16<<10
	// avatarNameLength is that of a picture's name: half a SHA-256 in hex.
	avatarNameLength = 32
)

// setAvatar takes a picture from a form, makes it small and square and shows
// it from now on.
func (s *Server) setAvatar(c echo.Context) error {
	data, err := sentFile(c.Request(), "avatar")
	if err != nil {
		return s.avatarAgain(c, err)
	}
	png, err := avatar.Make(data)
	if err != nil {
		return s.avatarAgain(c, err)
	}
	if _, err := s.c.Users.SetAvatar(c.Request().Context(), of(c).viewer.User.ID, png); err != nil {
		return s.avatarAgain(c, err)
	}
	return s.leave(c, "/settings?done=avatar")
}

// removeAvatar has the account shown by its initials.
func (s *Server) removeAvatar(c echo.Context) error {
	if _, err := s.c.Users.SetAvatar(c.Request().Context(), of(c).viewer.User.ID, nil); err != nil {
		return err
	}
	return s.leave(c, "/settings?done=avatar_removed")
}

// avatarAgain shows the form once more, with what is wrong.
func (s *Server) avatarAgain(c echo.Context, err error) error {
	status, words, ok := formProblem(c, err)
	if !ok {
		return err
	}
	page := s.settingsPage(c)
	if page.Avatar.Problem = words.Fields["avatar"]; page.Avatar.Problem == "" {
		page.Problem, page.Fault = words.Message, status >= http.StatusInternalServerError
	}
	return s.show(c, status, views.Settings(page), views.AvatarForm(page))
}

// sentFile gives the content of the file that a form's field carries. Without
// one it is EInvalid, with the field's problem.
func sentFile(r *http.Request, field string) ([]byte, error) {
	if r.MultipartForm == nil || len(r.MultipartForm.File[field]) == 0 || r.MultipartForm.File[field][0].Size == 0 {
		return nil, &rally.Error{
			Code: rally.EInvalid, Message: "error.invalid", Fields: map[string]string{field: "field.avatar_empty"},
			Cause: http.ErrMissingFile,
		}
	}
	file, err := r.MultipartForm.File[field][0].Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// avatar serves a picture. Its name is its content's, so that it never changes
// and may be kept for ever.
func (s *Server) avatar(c echo.Context) error {
	user, err := strconv.ParseInt(c.Param("user"), 10, 64)
	name, isPNG := strings.CutSuffix(c.Param("name"), ".png")
	if err != nil || user <= 0 || !isPNG || !isAvatarName(name) {
		return notFound()
	}
	png, err := s.c.Users.FindAvatar(c.Request().Context(), rally.UserID(user), name)
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "public, max-age=31536000, immutable")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	return c.Blob(http.StatusOK, "image/png", png)
}

// isAvatarName says whether name can be a picture's.
func isAvatarName(name string) bool {
	if len(name) != avatarNameLength {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}
