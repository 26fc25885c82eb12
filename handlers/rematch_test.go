package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"rally"
	"rally/match"
)

// forfeited has two play a casual match that the first of them gives up. It
// gives its path, and an open page of each.
func (s *site) forfeited(t *testing.T, a, b *browser) (path string, pages [2]*socket) {
	t.Helper()
	players := [2]match.Entrant{{User: a.user.ID, Name: a.user.Name}, {User: b.user.ID, Name: b.user.Name}}
	id, err := s.registry.Create(rally.Casual, 1, players)
	if err != nil {
		t.Fatal(err)
	}
	path = "/matches/" + string(id)
	for i, one := range []*browser{a, b} {
		pages[i] = one.open()
		pages[i].join(id)
		pages[i].waitWelcome()
		one.post(path + "/ready").leadsTo(path)
	}
	pages[0].waitText("panel-playing")
	a.post(path + "/resign").leadsTo(path)
	for _, page := range pages {
		page.waitText("panel-over", "/rematch")
	}
	until(t, "the result", func() bool { info, _ := s.registry.Find(id); return info.Stored })
	pages[0].settled()
	pages[1].settled()
	return path, pages
}

// TestRematchWithSomebodyWhoBlocks: whoever is blocked by their opponent may
// want to play again, and only they are told so; the one who blocks them has to
// take that back first. Nothing pairs the two.
func TestRematchWithSomebodyWhoBlocks(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mina, joon, lea := s.insider(t, "Mina"), s.insider(t, "Joon"), s.insider(t, "Lea")
	path, pages := s.forfeited(t, mina, joon)
	mina.does("block", joon.user.ID)
	pages[0].settled()
	pages[0].forget()
	pages[1].forget()

	res := joon.post(path + "/rematch")
	res.leadsTo(path)
	pages[1].waitText("#match-panel", "to accept the rematch") // on every page of his
	part := joon.postWith(partial(), path+"/rematch")
	part.wants(http.StatusOK)
	for _, shown := range []*answer{part, joon.get(path)} {
		shown.hasNot("form[action$='/rematch']")
		if !strings.Contains(shown.text, "to accept the rematch") {
			t.Errorf("he is not told what he has asked for: %s", shown.text)
		}
	}
	pages[0].settled()
	if texts := pages[0].all(); len(texts) > 1 { // the mark
		t.Errorf("she was told: %q", texts)
	}
	shown := mina.get(path)
	shown.has("form[action$='/rematch']")
	if strings.Contains(shown.text, "would like a rematch") {
		t.Errorf("she is told what he wants: %s", shown.text)
	}
	for _, headers := range [][]header{nil, partial()} {
		refused := mina.postWith(headers, path+"/rematch")
		refused.wants(http.StatusConflict)
		if !strings.Contains(refused.text, "You have blocked this person.") {
			t.Errorf("it does not say why: %s", refused.text)
		}
	}
	if id, busy := s.registry.Playing(joon.user.ID); busy {
		t.Errorf("he plays %s", id)
	}

	// She unblocks him, and wants to play.
	mina.does("unblock", joon.user.ID)
	mina.post(path + "/rematch")
	next, busy := s.registry.Playing(joon.user.ID)
	if with, _ := s.registry.Playing(mina.user.ID); !busy || with != next {
		t.Errorf("he plays %q and she %q", next, with)
	}
	joon.post("/matches/" + string(next) + "/resign")

	// Who has asked before they blocked the other is out of reach, as somebody who
	// plays already.
	path, pages = s.forfeited(t, lea, joon)
	lea.post(path + "/rematch").leadsTo(path)
	lea.does("block", joon.user.ID)
	pages[0].settled()
	pages[0].forget()
	joon.post(path + "/rematch").wants(http.StatusConflict)
	pages[0].settled()
	if _, busy := s.registry.Playing(joon.user.ID); busy || len(pages[0].all()) > 1 {
		t.Errorf("he plays: %v, and she was told: %q", busy, pages[0].all())
	}
}
