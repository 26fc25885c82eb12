package handlers_test

import (
	"net/http"
	"testing"
	"time"

	"rally"
)

// TestLinking: requirements 10 and 23. An identity is linked by who is signed in
// and has just proved it, in the session that began it; one that is somebody
// else's is not; and the last way in stays (requirement 25).
func TestLinking(t *testing.T) {
	t.Parallel()
	const link = "/settings/identities/with/oidc"
	s := newSiteWith(t, withProvider(t))
	adaThere, beaThere, _ := accounts()
	other := s.newcomer(t, beaThere, "Bea")
	ada := s.member(t, "Ada")
	s.provider.Choose(adaThere)

	s.browser(t).get(link).leadsTo("/sign-in?next=%2Fsettings%2Fidentities%2Fwith%2Foidc&reason=needed")
	ada.get(link).leadsTo("/settings/proof?next=%2Fsettings%2Fidentities%2Fwith%2Foidc")
	ada.prove()
	// Another site cannot begin it.
	ada.get(link, header{"Sec-Fetch-Site", "cross-site"}).wants(http.StatusForbidden)
	// Another session does not finish it, nor one whose proof is too old.
	back := visit(ada.get(link))
	another := ada.again()
	another.prove()
	another.setCookie(oauthCookie, ada.cookie(oauthCookie))
	another.get(back).wants(http.StatusBadRequest)
	back = visit(ada.get(link))
	s.clock.forward(rally.ProofLife - 20*time.Second)
	mid := visit(ada.get(link))
	s.clock.forward(30 * time.Second)
	ada.get(mid).leadsTo("/settings/proof?next=%2Fsettings%2Fsecurity")
	ada.get(back).wants(http.StatusBadRequest) // its cookie is gone
	ada.prove()

	ada.arrive(link).leadsTo("/settings/security?done=linked")
	ada.get("/settings/security").has(`form[action="/settings/identities/unlink"]`)
	in := s.browser(t)
	in.arrive(withSchool).leadsTo("/play")
	in.get("/play").has(`a[href="/players/` + itoa(ada.user.ID) + `"]`)

	s.provider.Choose(beaThere)
	ada.arrive(link).wants(http.StatusConflict)
	linked, err := s.store.ListIdentities(t.Context(), ada.user.ID)
	if err != nil || len(linked) != 1 || linked[0].Subject != adaThere.Subject() || linked[0].Issuer != s.provider.URL() {
		t.Errorf("linked are %+v, %v", linked, err)
	}
	// The one way in cannot be taken away.
	other.prove()
	other.post("/settings/identities/unlink", "issuer", s.provider.URL(), "subject", beaThere.Subject()).wants(http.StatusConflict)
	ada.post("/settings/identities/unlink", "issuer", s.provider.URL(), "subject", adaThere.Subject()).
		leadsTo("/settings/security?done=unlinked")
	for event, user := range map[string]rally.UserID{"identity_linked": ada.user.ID, "identity_unlinked": ada.user.ID} {
		if n := len(s.log.with("security", map[string]any{"event": event, "user": float64(user)})); n != 1 {
			t.Errorf("%d lines say %s", n, event)
		}
	}
}

// TestProvingAtAProvider: requirement 10, for an account that has nothing which
// could be entered here.
func TestProvingAtAProvider(t *testing.T) {
	t.Parallel()
	s := newSiteWith(t, withProvider(t))
	adaThere, _, mallory := accounts()
	ada := s.newcomer(t, adaThere, "Ada")
	ada.get("/settings/password").leadsTo("/settings/proof?next=%2Fsettings%2Fpassword")
	const prove = "/settings/proof/with/oidc?next=%2Fsettings%2Fpassword"
	ada.get("/settings/proof?next=%2Fsettings%2Fpassword").has(`a[href="` + prove + `"]`)

	s.provider.Choose(mallory)
	ada.arrive(prove).wants(http.StatusForbidden)
	ada.get("/settings/password").leadsTo("/settings/proof?next=%2Fsettings%2Fpassword")

	s.provider.Choose(adaThere)
	back := visit(ada.get(prove))
	another := ada.again()
	another.setCookie(oauthCookie, ada.cookie(oauthCookie))
	another.get(back).wants(http.StatusBadRequest)
	ada.arrive(prove).leadsTo("/settings/password")
	ada.get("/settings/password").wants(http.StatusOK)
	// Who has a password enters that.
	ada.post("/settings/password", "password", password).leadsTo("/settings/security?done=password")
	s.clock.forward(rally.ProofLife)
	ada.get(prove).leadsTo("/settings/proof?next=%2Fsettings%2Fpassword")
}
