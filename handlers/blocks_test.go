package handlers_test

import (
	"strings"
	"testing"
)

// Somebody who is blocked cannot tell: asking works as ever, and they hear
// nothing back; who has blocked them hears nothing at all.
func TestBlockedCannotTell(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon, lea := s.insider(t, "Mina"), s.insider(t, "Joon"), s.insider(t, "Lea")
	mina.does("block", joon.user.ID)
	page := mina.open()

	texts := func() int { page.mu.Lock(); defer page.mu.Unlock(); return len(page.texts) }
	before := texts()
	blocked := joon.postWith(partial(), "/people/"+itoa(mina.user.ID)+"/ask", "next", "/players/1")
	asked := joon.postWith(partial(), "/people/"+itoa(lea.user.ID)+"/ask", "next", "/players/1")
	minas, leas := itoa(mina.user.ID), itoa(lea.user.ID)
	same := strings.NewReplacer("Lea", "Mina", "/"+leas+"/", "/"+minas+"/", `"`+leas+`"`, `"`+minas+`"`, "&#34;"+leas+"&#34;", "&#34;"+minas+"&#34;")
	if blocked.StatusCode != asked.StatusCode || blocked.text != same.Replace(asked.text) {
		t.Errorf("the answers differ:\n%d %s\n%d %s", blocked.StatusCode, blocked.text, asked.StatusCode, asked.text)
	}
	joon.get("/friends").has(person("asked", mina))
	joon.get("/people?q=mina").has("main .person:has([href='/players/" + minas + "'])")
	mina.get("/friends").hasNot(".requests")

	// Nothing has come by her socket: what is pushed after it comes first.
	lea.does("ask", mina.user.ID)
	page.waitText("data-asks", itoa(lea.user.ID))
	page.mu.Lock()
	defer page.mu.Unlock()
	for _, text := range page.texts[before:] {
		if strings.Contains(text, `"`+itoa(joon.user.ID)+`"`) || strings.Contains(text, "/"+itoa(joon.user.ID)+"/") {
			t.Errorf("she was told: %s", text)
		}
	}
}

// Two of whom one has blocked the other are not put into a match.
func TestBlockedAreNotPaired(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon, lea := s.insider(t, "Mina"), s.insider(t, "Joon"), s.insider(t, "Lea")
	joon.does("block", mina.user.ID)
	mina.open()
	joon.open()
	mina.post("/play").leadsTo("/play")
	joon.post("/play").leadsTo("/play")
	lea.open()
	lea.post("/play")
	until(t, "Lea to be paired", func() bool { _, ok := s.registry.Playing(lea.user.ID); return ok })
	id, _ := s.registry.Playing(lea.user.ID)
	info, _ := s.registry.Find(id)
	for _, p := range info.Players {
		if p.User == lea.user.ID {
			continue
		}
		for _, b := range []*browser{mina, joon} {
			if _, waits := s.queue.Waiting(b.user.ID); waits == (b.user.ID == p.User) {
				t.Errorf("user %d waits: %v, and Lea plays %d", b.user.ID, waits, p.User)
			}
		}
	}
}
