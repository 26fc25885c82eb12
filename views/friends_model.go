package views

import "rally"

// PeopleList is part of a list of people.
type PeopleList struct {
	People []PersonCard
	More   string // cursor of those after these, "" for no more
}

// Which of the lists on the friends page.
const (
	ListFriends  = "friends"
	ListRequests = "requests" // of others, to the viewer
	ListAsked    = "asked"    // by the viewer
)

// FriendsPage is who somebody's friends are, and who would be.
type FriendsPage struct {
	Page
	Requests, Friends, Asked PeopleList

	Only  string       // the one list that is shown, from some cursor on; "" for all
	Acted rally.UserID // whom the viewer has just done something about; 0 for nobody
}

// BlockedPage lists whom somebody has blocked.
type BlockedPage struct {
	Page
	Blocked PeopleList
	Acted   rally.UserID // as in FriendsPage
}

// PeoplePage is the search for people.
type PeoplePage struct {
	Page
	Query   string // as it was typed
	Found   PeopleList
	Asked   bool   // something was looked for
	Problem string // message id
	Wait    int    // seconds until another try; 0: now
}
