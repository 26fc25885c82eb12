package handlers

import (
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"rally/views"
)

// devMail shows the letters that a development server has kept instead of
// sending them. They hold links into other people's accounts, so they are shown
// on the machine itself alone, however many others can reach the site.
func (s *Server) devMail(c echo.Context) error {
	address, err := netip.ParseAddr(of(c).address)
	if err != nil || !address.Unmap().IsLoopback() {
		return notFound()
	}
	page := views.DevMailPage{Page: s.page(c)}
	mails, at := s.c.Mailbox.Mails()
	for i, m := range mails {
		page.Mails = append(page.Mails, views.DevMail{ID: len(mails) - i, At: at[i], Mail: m})
	}
	return s.html(c, http.StatusOK, views.DevMails(page))
}
