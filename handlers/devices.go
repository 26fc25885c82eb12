package handlers

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// logPage is how many lines of a security log are shown at once.
const logPage = 50

// devices lists where the account is signed in, this browser first.
func (s *Server) devices(c echo.Context) error {
	viewer := of(c).viewer
	sessions, err := s.c.Sessions.List(c.Request().Context(), viewer.User.ID)
	if err != nil {
		return err
	}
	page := views.DevicesPage{Page: s.pageAt(c, "/settings/devices")}
	for _, v := range sessions {
		page.Devices = append(page.Devices, deviceOf(v, viewer.Session))
	}
	slices.SortStableFunc(page.Devices, func(a, b views.Device) int {
		switch {
		case a.Own == b.Own:
			return 0
		case a.Own:
			return -1
		default:
			return 1
		}
	})
	page.Notice = doneOf(c, map[string]string{"ended": "devices.ended", "others_ended": "devices.others_ended"})
	return s.html(c, http.StatusOK, views.Devices(page))
}

// endDevice signs one of the account's devices out.
func (s *Server) endDevice(c echo.Context) error {
	viewer, id := of(c).viewer, rally.SessionID(c.Param("id"))
	if id == viewer.Session {
		return s.signOut(c)
	}
	if err := s.c.Sessions.EndOwn(c.Request().Context(), viewer.User.ID, id, becauseDeviceEnded); err != nil {
		return err
	}
	s.securityEvent(c, rally.SecurityDeviceEnded, viewer.User.ID, "")
	return s.leave(c, "/settings/devices?done=ended")
}

// endOtherDevices signs every device but this one out.
func (s *Server) endOtherDevices(c echo.Context) error {
	viewer := of(c).viewer
	n, err := s.c.Sessions.EndAll(c.Request().Context(), viewer.User.ID, viewer.Session, becauseDeviceEnded)
	if err != nil {
		return err
	}
	if n > 0 {
		s.securityEvent(c, rally.SecurityDeviceEnded, viewer.User.ID, "")
	}
	return s.leave(c, "/settings/devices?done=others_ended")
}

// securityLog lists what has happened to the account, the newest first.
func (s *Server) securityLog(c echo.Context) error {
	cursor, err := before(c)
	if err != nil {
		return err
	}
	events, err := s.c.SecurityLog.ListSecurity(c.Request().Context(), of(c).viewer.User.ID, cursor, logPage+1)
	if err != nil {
		return err
	}
	page := views.SecurityLogPage{Page: s.page(c)}
	if len(events) > logPage {
		events = events[:logPage]
		page.Older = strconv.FormatInt(events[logPage-1].ID, 10)
	}
	for _, e := range events {
		line := views.SecurityLine{Kind: e.Kind, At: e.At, Address: e.Address, Detail: e.Detail}
		line.Browser, line.System = browserOf(e.Agent)
		page.Events = append(page.Events, line)
	}
	return s.html(c, http.StatusOK, views.SecurityLog(page))
}
