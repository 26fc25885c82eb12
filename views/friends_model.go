package views

import "rally"

// PeopleList is part of a list of people.
type PeopleList struct {
	People []PersonCard
	More   string // cursor of those after these, "" for no more
}

// The lists of the friends page, by the names they have in addresses.
const (
	ListRequests = "requests" // those who have asked the viewer
	ListFriends  = "friends"
	ListAsked    = "asked" // those whom the viewer has asked
)

// FriendsPage is who somebody's friends are, and who would be.
type FriendsPage struct {
	Page
	Requests, Friends, Asked PeopleList

	Only  string       // the one list that is shown, from some cursor on; "" for all
	Acted rally.UserID // about whom the viewer has just done something; 0 for nobody
	Near  rally.UserID // who stood beside them then; 0 for nobody
}

// BlockedPage lists whom somebody has blocked.
type BlockedPage struct {
	Page
	Blocked PeopleList
}

// PeoplePage is the search for people.
type PeoplePage struct {
	Page
	Query   string // as it was typed
	Looked  bool   // Found is what there is of it
	Found   PeopleList
	Problem string // message id
	Wait    int    // seconds until another try; 0: now
}

// Deed is what somebody has just done about a person.
type Deed struct {
	What string // as in the address: ask, accept, …
	Name string // of the person
}
