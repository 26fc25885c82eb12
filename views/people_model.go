package views

import "rally"

// PersonCard is somebody as their viewer may see them, with what can be done
// about them.
type PersonCard struct {
	rally.Person
	Presence rally.Presence // of a friend; State "" for anybody else
}
