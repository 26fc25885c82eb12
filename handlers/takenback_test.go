package handlers_test

import (
	"errors"
	"net/http"
	"testing"

	"rally"
	"rally/handlers"
)

// TestChallengeTakenBack: who has made a challenge can take it back for as long
// as accepting it has led to nothing, and no longer.
func TestChallengeTakenBack(t *testing.T) {
	t.Parallel()
	f := &faults{}
	s := newSite(t, func(c *handlers.Config) {
		f.Challenges = c.Challenges
		c.Challenges = f
	})
	away := func() error { return errors.New("the line broke") }
	const withdraw = `#challenge form[action$="/withdraw"]`

	ada, bea := s.pals(t, "Ada", "Bea")
	ada.open()
	path := ada.challenge(bea.user.ID)
	f.take = away
	bea.post(path + "/accept").wants(http.StatusInternalServerError)
	f.take = nil
	ada.get(path).has(withdraw)
	ada.post(path + "/withdraw").leadsTo(path)
	ada.get(path).hasNot(withdraw)
	bea.get(path).hasNot("#challenge form")
	bea.post(path + "/accept").wants(http.StatusNotFound)
	if id, busy := s.registry.Playing(ada.user.ID); busy {
		t.Errorf("Ada plays %s", id)
	}

	// Of a match that could not be noted the page of the challenge knows.
	cea, dea := s.pals(t, "Cea", "Dea")
	cea.open()
	path = cea.challenge(dea.user.ID)
	to := "/matches/" + string(idOf(path))
	f.set = away
	dea.post(path + "/accept").leadsTo(to)
	cea.post(path + "/withdraw").leadsTo(path)
	cea.get(path).leadsTo(to)
	c, err := s.store.FindChallenge(t.Context(), idOf(path), cea.user.ID)
	if err != nil || c.State != rally.ChallengeAccepted {
		t.Errorf("it is %q, %v", c.State, err)
	}
}
