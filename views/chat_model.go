package views

import "rally"

// ChatsPage lists the viewer's conversations, the newest first.
type ChatsPage struct {
	Page
	Conversations []rally.Conversation // each with its newest message
	Presences     map[rally.UserID]rally.Presence
	Before        int64 // they are older than the message with this ID; 0: the newest
	Older         int64 // what the next page is before; 0: there is none
}

// ChatPage is what the viewer and somebody else say to each other, on its own
// page or on that of their match.
type ChatPage struct {
	Page
	With      rally.Conversation // the oldest message first
	Presence  rally.Presence     // of a friend
	Opponents bool               // they may write to each other for that
	Match     rally.MatchID      // the match whose page it is on; "" for its own
	Before    int64              // as in ChatsPage; older messages are only looked at
	Older     int64
	Text      Field  // as it was sent
	Problem   string // message id for the form as a whole
	Wait      int    // seconds until another try
}

// ChatSetting says whether the viewer chats.
type ChatSetting string

// The settings; "" is for not known.
const (
	ChatOn  ChatSetting = "on"
	ChatOff ChatSetting = "off"
)
