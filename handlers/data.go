package handlers

import (
	"archive/zip"
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// data offers everything that is held about someone, and the end of it.
func (s *Server) data(c echo.Context) error {
	return s.html(c, http.StatusOK, views.Data(views.DataPage{Page: s.pageAt(c, "/settings/data")}))
}

// export gives everything that is held about the account, as files in a zip.
func (s *Server) export(c echo.Context) error {
	user := of(c).viewer.User
	files, err := s.c.Users.Export(c.Request().Context(), user.ID)
	if err != nil {
		return err
	}
	archive, err := zipped(files, s.c.Now())
	if err != nil {
		return err
	}
	s.securityEvent(c, rally.SecurityExported, user.ID, "")
	return s.download(c, "rally-data.zip", "application/zip", archive)
}

// zipped packs files, by name.
func zipped(files map[string][]byte, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
		if err != nil {
			return nil, err
		}
		if _, err := file.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// deletePage is the page with the day on which the account would go.
func (s *Server) deletePage(c echo.Context) views.DeletePage {
	return views.DeletePage{
		Page: s.pageAt(c, "/settings/delete"), Day: s.c.Now().Add(rally.DeletionDelay),
	}
}

// deleteForm asks whether the account shall really go.
func (s *Server) deleteForm(c echo.Context) error {
	return s.html(c, http.StatusOK, views.Delete(s.deletePage(c)))
}

// deleteAccount has the account deleted after the days in which its owner may
// change their mind, and signs it out everywhere.
func (s *Server) deleteAccount(c echo.Context) error {
	ctx, st := c.Request().Context(), of(c)
	user, page := st.viewer.User, s.deletePage(c)
	page.Name.Value = strings.Join(strings.Fields(c.Request().PostForm.Get("name")), " ")
	if !strings.EqualFold(page.Name.Value, user.Name) {
		page.Name.Problem = "delete.name_wrong"
		return s.show(c, http.StatusUnprocessableEntity, views.Delete(page), views.DeleteForm(page))
	}
	if err := s.c.Users.ScheduleDeletion(ctx, user.ID, page.Day); err != nil {
		return err
	}
	s.securityEvent(c, rally.SecurityDeletionAsked, user.ID, "")
	s.tell(c, rally.LetterDeletion, user, "")
	if err := s.c.Sessions.End(c.Response(), c.Request(), st.session.ID, becauseAccountDeleted); err != nil {
		return err
	}
	clearCookie(c, tokenCookie)
	return s.leave(c, signInPath+"?reason="+becauseAccountDeleted)
}

// keepAccount takes back that the account shall go.
func (s *Server) keepAccount(c echo.Context) error {
	user := of(c).viewer.User
	if err := s.c.Users.KeepAccount(c.Request().Context(), user.ID); err != nil {
		return err
	}
	if !user.DeleteAt.IsZero() {
		s.securityEvent(c, rally.SecurityDeletionStopped, user.ID, "")
	}
	return s.leave(c, "/settings?done=kept")
}
