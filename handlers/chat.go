package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"rally"
	"rally/auth"
	"rally/views"
)

// Messages keeps what people say to each other.
type Messages interface {
	SendMessage(ctx context.Context, from, to rally.UserID, text string, opponents bool) (rally.Message, error)
	FindConversation(ctx context.Context, user, other rally.UserID, before int64, limit int) (rally.Conversation, error)
	ListConversations(ctx context.Context, user rally.UserID, before int64, limit int) ([]rally.Conversation, error)
	MarkMessagesRead(ctx context.Context, user, from rally.UserID, upTo int64) error
	Muted(ctx context.Context, user, other rally.UserID) (bool, error)
	SetMute(ctx context.Context, user, other rally.UserID, on bool) error
	Chats(ctx context.Context, user rally.UserID) (bool, error)
	SetChat(ctx context.Context, user rally.UserID, chat bool) error
}

// How many there are on a page.
const (
	messagesPage      = 50
	conversationsPage = 30
)

// chatPath is where the conversation with somebody is found.
func chatPath(other rally.UserID) string { return "/chat/" + strconv.FormatInt(int64(other), 10) }

// chatWith reads from the address with whom a conversation is.
func chatWith(c echo.Context) (rally.UserID, error) {
	id, err := personID(c)
	if err == nil && id == of(c).member() {
		return 0, notFound()
	}
	return id, err
}

// conversations lists whom the viewer has said something to, or heard from.
func (s *Server) conversations(c echo.Context) error {
	cursor, err := before(c)
	if err != nil {
		return err
	}
	all, err := s.c.Messages.ListConversations(c.Request().Context(), of(c).member(), cursor, conversationsPage+1)
	if err != nil {
		return err
	}
	page := views.ChatsPage{Page: s.page(c), Before: cursor, Presences: map[rally.UserID]rally.Presence{}}
	if len(all) > conversationsPage {
		all = all[:conversationsPage]
		page.Older = all[conversationsPage-1].Messages[0].ID
	}
	page.Conversations = all
	for _, one := range all {
		page.Presences[one.Other.ID] = s.presenceIn(one)
	}
	return s.show(c, http.StatusOK, views.Chats(page), views.ChatList(page))
}

// conversation is what the viewer and somebody else have said to each other.
func (s *Server) conversation(c echo.Context) error {
	other, err := chatWith(c)
	if err != nil {
		return err
	}
	page, err := s.chatPage(c, other)
	if err != nil {
		return err
	}
	return s.show(c, http.StatusOK, views.Chat(page), views.ChatNews(page))
}

// chatPage is the page as it stands.
func (s *Server) chatPage(c echo.Context, other rally.UserID) (page views.ChatPage, err error) {
	if page.Before, err = before(c); err != nil {
		return page, err
	}
	ctx, user := c.Request().Context(), of(c).member()
	if page.With, err = s.c.Messages.FindConversation(ctx, user, other, page.Before, messagesPage+1); err != nil {
		return page, err
	}
	page.Page = s.page(c)
	if c.Request().Method == http.MethodPost {
		page.Path = chatPath(other)
	}
	if said := page.With.Messages; len(said) > messagesPage {
		page.With.Messages = said[1:]
		page.Older = said[1].ID
	}
	page.Presence = s.presenceIn(page.With)
	page.Match, page.Opponents = s.opponents(user, other, rally.MatchID(c.FormValue("match")))
	return page, nil
}

// presenceIn is what the viewer sees of whom a conversation is with.
func (s *Server) presenceIn(c rally.Conversation) rally.Presence {
	return s.card(rally.Person{User: c.Other, Relation: c.Relation, SeenAt: c.SeenAt}).Presence
}

// chatForm gives a page where the viewer says something, or why they cannot any
// more.
func (s *Server) chatForm(c echo.Context) error {
	other, err := chatWith(c)
	if err != nil {
		return err
	}
	if !isPartial(c.Request()) {
		return s.leave(c, chatPath(other))
	}
	page, err := s.chatPage(c, other)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, views.ChatForm(page))
}

// opponents says whether two people play against each other, or have just done
// so: in the match whose page a form came from, which it gives, or in the one
// the user plays now.
func (s *Server) opponents(user, other rally.UserID, on rally.MatchID) (page rally.MatchID, they bool) {
	if on.Valid() && s.playEachOther(user, other, on) {
		return on, true
	}
	now, playing := s.c.Registry.Playing(user)
	return "", playing && s.playEachOther(user, other, now)
}

// playEachOther says whether two people are the players of a match that is not
// yet forgotten.
func (s *Server) playEachOther(user, other rally.UserID, id rally.MatchID) bool {
	info, ok := s.c.Registry.Find(id)
	return ok && info.Of(user) != rally.NoSide && info.Of(other) != rally.NoSide
}

// chatBeside gives a match's page the conversation with the opponent, if there
// is one to talk to. The match goes on without.
func (s *Server) chatBeside(c echo.Context, match *views.MatchPage) {
	st := of(c)
	_, live := s.c.Registry.Find(match.ID)
	if !live || match.You == rally.NoSide || st.viewer.Elsewhere || isPartial(c.Request()) {
		return
	}
	other := match.Players[match.You.Other()].User
	if other == 0 {
		return // a bot
	}
	found, err := s.c.Messages.FindConversation(c.Request().Context(), st.member(), other, 0, messagesPage)
	if err != nil {
		s.c.Log.LogAttrs(c.Request().Context(), slog.LevelWarn, "chat beside a match",
			slog.String("id", st.id), slog.String("error", err.Error()))
		return
	}
	match.Chat = &views.ChatPage{Page: match.Page, With: found, Match: match.ID, Opponents: true}
}

// say sends a message.
func (s *Server) say(c echo.Context) error {
	ctx, user := c.Request().Context(), of(c).member()
	other, err := chatWith(c)
	if err != nil {
		return err
	}
	var said rally.Message
	text := c.Request().PostForm.Get("text")
	on, opponents := s.opponents(user, other, rally.MatchID(c.Request().PostForm.Get("match")))
	if _, problem := rally.CheckMessage(text); problem != "" {
		err = &rally.Error{Code: rally.EInvalid, Fields: map[string]string{"text": problem}}
	} else if err = s.c.Throttles.Charge(ctx, auth.MessageCharges(user, s.c.Now())...); err == nil {
		said, err = s.c.Messages.SendMessage(ctx, user, other, text, opponents)
	}
	switch {
	case err != nil:
		return s.sayAgain(c, other, text, err)
	case isPartial(c.Request()):
		page, err := s.chatPage(c, other)
		if err != nil {
			return err
		}
		return s.html(c, http.StatusOK, views.ChatSaid(page))
	}
	// Whoever answers has read what the page had; with JavaScript it has said so.
	if err := s.c.Messages.MarkMessagesRead(ctx, user, other, said.ID); err != nil {
		return err
	}
	if on != "" {
		return s.leave(c, matchPath(on))
	}
	return s.leave(c, chatPath(other))
}

// sayAgain shows the form once more, with what is wrong and what was typed.
func (s *Server) sayAgain(c echo.Context, other rally.UserID, text string, err error) error {
	status, words, ok := formProblem(c, err)
	if rally.ErrorCode(err) == rally.EForbidden {
		status, words, ok = http.StatusForbidden, &rally.Error{Code: rally.EForbidden, Message: "chat.not_allowed"}, true
		of(c).err = err
	}
	if !ok {
		return err
	}
	page, failed := s.chatPage(c, other)
	if failed != nil {
		return failed
	}
	page.Text = views.Field{Value: text, Problem: words.Fields["text"]}
	page.Problem, page.Wait = words.Message, wait(words)
	return s.show(c, status, views.Chat(page), views.ChatForm(page))
}

// readMessages says that the viewer has seen what somebody has said to them.
func (s *Server) readMessages(c echo.Context) error {
	ctx, user := c.Request().Context(), of(c).member()
	other, err := chatWith(c)
	if err != nil {
		return err
	}
	upTo, err := strconv.ParseInt(c.Request().PostForm.Get("up_to"), 10, 64)
	if err != nil || upTo < 0 {
		return rally.Errorf(rally.EInvalid, "error.invalid", "up to %q", c.Request().PostForm.Get("up_to"))
	}
	if err := s.c.Messages.MarkMessagesRead(ctx, user, other, upTo); err != nil {
		return err
	}
	if !isPartial(c.Request()) {
		return s.leave(c, chatPath(other))
	}
	page, err := s.chatPage(c, other)
	if err != nil {
		return err
	}
	// A page that has just been opened is asked to read before it has a socket.
	waiting, err := s.c.Notices.Inbox(ctx, user)
	if err != nil {
		return err
	}
	return s.html(c, http.StatusOK, templ.Join(views.ChatRead(page), views.PushInbox(waiting)))
}

// pushMessage has the pages of both show a message that one has sent to the
// other, and those of who has got it how many wait; those of whoever has muted
// the sender are left alone.
func (s *Server) pushMessage(ctx context.Context, e rally.Event) {
	if len(e.Users) != 2 {
		return
	}
	from, to := e.Users[0], e.Users[1]
	s.c.Hub.Push(from, func(locale string) ([]byte, error) {
		return s.c.Views.Render(ctx, locale, views.PushMessage(to))
	})
	// Asked for only if a page of theirs is open here, and once for all.
	muted := sync.OnceValues(func() (bool, error) { return s.c.Messages.Muted(ctx, to, from) })
	waiting := sync.OnceValues(func() (rally.Inbox, error) { return s.c.Notices.Inbox(ctx, to) })
	s.c.Hub.Push(to, func(locale string) ([]byte, error) {
		if quiet, err := muted(); err != nil || quiet {
			return nil, err
		}
		inbox, err := waiting()
		if err != nil {
			return nil, err
		}
		return s.c.Views.Render(ctx, locale, templ.Join(views.PushMessage(from), views.PushInbox(inbox)))
	})
}
