package live

import (
	"context"
	"time"

	"rally"
)

// Sighting is what one node knows of somebody. Names change nothing about
// whether there is anything to know.
type Sighting struct {
	Name  string
	Here  bool          // has a page open there, or had within Config.OfflineAfter
	Awake bool          // has done something there within Config.AwayAfter
	Match rally.MatchID // that runs there, is theirs, and is not over
}

// Empty says whether the node knows nothing of them.
func (s Sighting) Empty() bool { return !s.Here && !s.Awake && s.Match == "" }

// Nodes is how the nodes of a site tell each other whom they see. What a node
// has told stands until it tells something else or Config.GoneAfter has passed
// since it last gave a sign of life. Its methods may wait for the network.
type Nodes interface {
	// Tell has the others know what this node knows of a user, from now on.
	// With an empty Sighting it is nothing any more.
	Tell(ctx context.Context, user rally.UserID, s Sighting) error
	// Forget takes away what a node that is gone has told of a user.
	Forget(ctx context.Context, node string, user rally.UserID) error
	// Listen hands over what the others have told and tell from now on, until
	// stop is called, which waits. It returns once everything that had been
	// told has been handed over, or that takes too long, or ctx ends.
	Listen(ctx context.Context, ear Ear) (stop func(), err error)
}

// Ear takes what other nodes tell. Its methods may be called from any
// goroutine, and do not wait.
type Ear interface {
	// Told is what a node knows of a user from now on; an empty Sighting when
	// that is nothing. at is when it told so, if it is known.
	Told(node string, user rally.UserID, s Sighting, at time.Time)
	// Alive says whether a node lives, and when it last gave a sign of life.
	Alive(node string, alive bool, at time.Time)
	// Cleared says that somebody has taken away what this node had told of a
	// user, because it seemed to be gone.
	Cleared(user rally.UserID)
}

// sight is what all nodes together know of somebody.
type sight struct {
	here, awake bool
	match       rally.MatchID
}

// add puts in what one node knows.
func (t *sight) add(s Sighting) {
	t.here = t.here || s.Here
	t.awake = t.awake || s.Awake
	t.match = max(t.match, s.Match) // any, as long as all nodes choose the same
}

// presence gives what friends see.
func (t sight) presence() rally.Presence {
	switch {
	case t.match != "" && t.here:
		return rally.Presence{State: rally.PresencePlaying, Match: t.match}
	case t.match != "":
		return rally.Presence{State: rally.PresenceReconnecting, Match: t.match}
	case t.here && t.awake:
		return rally.Presence{State: rally.PresenceOnline}
	case t.here:
		return rally.Presence{State: rally.PresenceAway}
	default:
		return rally.Presence{State: rally.PresenceOffline}
	}
}
