package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"rally"
	"rally/live"
)

// TestDevices (5, 37): where somebody is signed in, and how to end that.
func TestDevices(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, eve := s.member(t, "Ada"), s.member(t, "Eve")
	second := s.browser(t)
	second.user = ada.user
	second.postWith([]header{{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"}},
		"/sign-in", "email", "Ada", "password", password).wants(http.StatusSeeOther)
	third := ada.again()

	page := ada.get("/settings/devices")
	page.wants(http.StatusOK)
	if got := len(page.find("ul.rows > li")); got != 3 {
		t.Errorf("%d devices", got)
	}
	page.has(`form[action="/settings/devices/` + string(second.session()) + `/end"]`)
	page.hasNot(`form[action="/settings/devices/` + string(ada.session()) + `/end"]`)
	if !strings.Contains(page.text, "Firefox") || !strings.Contains(page.text, "Linux") || !strings.Contains(page.text, "127.0.0.1") {
		t.Error("the page does not say what or where the other device is")
	}

	// 37: another's are not there.
	eve.post("/settings/devices/" + string(second.session()) + "/end").wants(http.StatusNotFound)
	eve.post("/settings/devices/"+string(second.session())+"/end", "user", itoa(ada.user.ID)).wants(http.StatusNotFound)
	ada.post("/settings/devices/nonsense/end").wants(http.StatusNotFound)
	ada.post("/settings/devices/%00%ff/end").wants(http.StatusNotFound)
	second.get("/settings").wants(http.StatusOK)

	ada.post("/settings/devices/" + string(second.session()) + "/end").leadsTo("/settings/devices?done=ended")
	second.get("/settings").leadsTo("/sign-in?next=%2Fsettings&reason=needed")
	third.get("/settings").wants(http.StatusOK)
	s.happened(t, ada.user.ID, rally.SecurityDeviceEnded)
	// A token that outlives its session opens nothing.
	if res, err := dialed(second); err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("the socket opens again: %v", err)
	}

	ada.post("/settings/devices/end-others", "user", itoa(eve.user.ID)).leadsTo("/settings/devices?done=others_ended")
	third.get("/settings").leadsTo("/sign-in?next=%2Fsettings&reason=needed")
	eve.get("/settings").wants(http.StatusOK)
	ada.get("/settings/devices?done=others_ended").has("p.notice")
	// One's own is simply signed out, and its socket closes.
	socket := ada.open()
	ada.post("/settings/devices/" + string(ada.session()) + "/end").leadsTo("/")
	socket.closesAtOnce(live.CodeSessionEnded)
	ada.get("/settings").leadsTo("/sign-in?next=%2Fsettings&reason=needed")
}

// dialed tries to open the socket of a browser's page.
func dialed(b *browser) (*http.Response, error) {
	_, res, err := b.dial()
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	return res, err
}

// TestPayloadsInAgents (30, 39): what a browser calls itself is not repeated in
// pages, and cannot forge a line of the log.
func TestPayloadsInAgents(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member(t, "Ada")
	for _, agent := range []string{
		`<script>alert(1)</script> Firefox/1`,
		`"><img src=x onerror=alert(1)>`,
		"\u202ekcah \u2066 Linux",
		`{"msg":"security","event":"forged"} ` + strings.Repeat("x", 4000),
		"\xff\xfe not UTF-8",
	} {
		other := s.browser(t)
		other.postWith([]header{{"User-Agent", agent}}, "/sign-in", "email", "Ada", "password", password).
			wants(http.StatusSeeOther)
	}
	for _, path := range []string{"/settings/devices", "/settings/log"} {
		page := b.get(path)
		page.wants(http.StatusOK)
		page.hasNot("main script")
		page.hasNot("main img[onerror]")
		if strings.Contains(page.text, "alert(1)") || strings.ContainsAny(page.text, "\u202e\u2066") {
			t.Errorf("%s repeats what a browser calls itself", path)
		}
	}
	if got := len(s.log.with("security", map[string]any{"event": "forged"})); got != 0 {
		t.Error("a line of the log is forged")
	}
	if got := len(s.log.with("security", map[string]any{"event": "sign_in"})); got != 6 {
		t.Errorf("%d sign-ins are in the log", got)
	}
}

// TestSecurityLog (37, 39): one's own, in pages, and nobody else's.
func TestSecurityLog(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, eve := s.member(t, "Ada"), s.member(t, "Eve")
	s.browser(t).post("/sign-in", "email", "Ada", "password", "wrong password").wants(http.StatusUnauthorized)
	page := ada.get("/settings/log")
	page.wants(http.StatusOK)
	if got := len(page.find("ul.log > li")); got != 3 { // sign-up, sign-in and the failure
		t.Errorf("%d lines", got)
	}
	if strings.Contains(page.text, "wrong password") {
		t.Error("what was tried is in the log")
	}
	for range 60 {
		err := s.store.RecordSecurity(t.Context(), rally.SecurityEvent{
			User: ada.user.ID, Kind: rally.SecurityRenamed, Address: "192.0.2.1", Detail: "<b>\r\n\x1b[2J\u202eold",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	newest := ada.get("/settings/log")
	newest.hasNot("main ul b")
	if strings.ContainsAny(newest.text, "\x1b\u202e") {
		t.Error("a detail comes with control characters")
	}
	older := newest.attr(`a[href^="/settings/log?before="]`, "href")
	if got := len(newest.find("ul.log > li")); got != 50 || older == "" {
		t.Fatalf("%d lines, and then %q", got, older)
	}
	rest := ada.get(older)
	if got := len(rest.find("ul.log > li")); got != 13 {
		t.Errorf("%d lines", got)
	}
	rest.hasNot(`a[href^="/settings/log?before="]`)
	// Eve sees her own from the same place on.
	if got := len(eve.get(older).find("ul.log > li")); got > 2 {
		t.Errorf("Eve sees %d lines", got)
	}
	for _, bad := range []string{"x", "-1", "0", "9999999999999999999", "1%27--"} {
		ada.get("/settings/log?before=" + bad).wants(http.StatusBadRequest)
	}
}
