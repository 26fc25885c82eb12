package handlers

import (
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"rally"
	"rally/views"
)

// mute has the viewer told no more of what somebody says to them, or again.
func (s *Server) mute(c echo.Context) error {
	other, err := chatWith(c)
	if err != nil {
		return err
	}
	how := c.Request().PostForm.Get("mute")
	if how != "on" && how != "off" {
		return rally.Errorf(rally.EInvalid, "error.invalid", "mute %q", how)
	}
	if err := s.c.Messages.SetMute(c.Request().Context(), of(c).member(), other, how == "on"); err != nil {
		return err
	}
	if !isPartial(c.Request()) {
		on, _ := s.opponents(of(c).member(), other, rally.MatchID(c.Request().PostForm.Get("match")))
		if on != "" {
			return s.leave(c, matchPath(on))
		}
		return s.leave(c, chatPath(other))
	}
	page, err := s.chatPage(c, other)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.ChatMuted(page))
}

// setChat turns chat on or off.
func (s *Server) setChat(c echo.Context) error {
	how := c.Request().PostForm.Get("chat")
	if how != string(views.ChatOn) && how != string(views.ChatOff) {
		return rally.Errorf(rally.EInvalid, "error.invalid", "chat %q", how)
	}
	if err := s.c.Messages.SetChat(c.Request().Context(), of(c).member(), how == string(views.ChatOn)); err != nil {
		return err
	}
	return s.leave(c, "/settings?done=chat_"+how)
}

// chatSetting says whether the viewer chats, as far as that can be known now.
func (s *Server) chatSetting(c echo.Context) views.ChatSetting {
	chats, err := s.c.Messages.Chats(c.Request().Context(), of(c).member())
	switch {
	case err != nil:
		s.c.Log.LogAttrs(c.Request().Context(), slog.LevelWarn, "chat setting",
			slog.String("id", of(c).id), slog.String("error", err.Error()))
		return ""
	case chats:
		return views.ChatOn
	default:
		return views.ChatOff
	}
}
