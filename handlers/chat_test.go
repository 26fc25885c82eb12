package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rally"
	"rally/handlers"
)

// chatWalk: see walkTable.
var chatWalk = map[string]walked{
	"GET /chat":           {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "200", "200"},
	"GET /chat/:id":       {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"GET /chat/:id/form":  {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /chat/:id":      {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /chat/:id/read": {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /chat/:id/mute": {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "404", "404"},
	"POST /settings/chat": {handlers.Member, "/sign-in", "/sign-in/code", "/sign-in/elsewhere", "422", "422"},
}

// mates makes two people friends, without the forms.
func (s *site) mates(t *testing.T, a, b *browser) {
	t.Helper()
	if _, err := s.store.Ask(t.Context(), a.user.ID, b.user.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Accept(t.Context(), b.user.ID, a.user.ID); err != nil {
		t.Fatal(err)
	}
}

// chat is where a browser's user finds the conversation with another's.
func (b *browser) chat() string { return "/chat/" + itoa(b.user.ID) }

// says sends a message without JavaScript.
func (b *browser) says(to *browser, text string) {
	b.t.Helper()
	b.post(to.chat(), "text", text).leadsTo(to.chat())
}

// hears fails unless a socket has been told as many times that there is news of
// a conversation, by all that has happened so far.
func (s *socket) hears(of *browser, times int) {
	s.t.Helper()
	mark := `[data-chat-news=&#34;` + itoa(of.user.ID) + `&#34;]`
	s.settled()
	n := 0
	for _, text := range s.all() {
		n += strings.Count(text, mark)
	}
	if n != times {
		s.t.Errorf("there were %d news of the conversation with %s, want %d", n, of.user.Name, times)
	}
}

// lines gives what a page's log has, as its sides and texts.
func (a *answer) lines() (said []string) {
	a.t.Helper()
	for _, line := range a.find(".line") {
		text := ""
		for n := range line.Descendants() {
			if n.Type == html.TextNode {
				text = n.Data // the last of a line
			}
		}
		for _, at := range line.Attr {
			if at.Key == "class" && strings.Contains(at.Val, "line-own") {
				text = "me: " + text
			}
		}
		said = append(said, text)
	}
	return said
}

// TestChat: what one says is on all pages of both once, and nobody else hears of
// it.
func TestChat(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, berta, carla, dora := s.insider(t, "Anna"), s.insider(t, "Berta"), s.insider(t, "Carla"), s.insider(t, "Dora")
	s.mates(t, anna, berta)
	s.mates(t, anna, carla)
	s.mates(t, dora, carla)
	bertas := []*socket{berta.open(), berta.open()}
	berta.post("/preferences", "locale", "ko")
	bertas = append(bertas, berta.open())
	annas, carlas, doras := []*socket{anna.open(), anna.open()}, carla.open(), dora.open()

	said := anna.postWith(partial(), berta.chat(), "text", "  Hello <b>Berta</b> ")
	said.wants(http.StatusOK)
	said.has(`form#chat-` + itoa(berta.user.ID) + `-form input[name=text][value=""]`)
	if got := said.lines(); len(got) != 1 || got[0] != "me: Hello <b>Berta</b>" {
		t.Errorf("Anna sees %q", got)
	}
	for _, socket := range bertas {
		socket.hears(anna, 1)
		parses(t, socket.waitText("data-chat-news"))
	}
	for _, socket := range annas {
		socket.hears(berta, 1)
	}
	asked := berta.get(anna.chat(), partial()...)
	asked.has(`[role=log] .line`)
	asked.hasNot("h1")
	if got := asked.lines(); len(got) != 1 || got[0] != "Hello <b>Berta</b>" {
		t.Errorf("Berta sees %q", got)
	}
	berta.says(anna, "Hi")
	anna.says(berta, "How are you?")
	if got, want := berta.get(anna.chat()).lines(), []string{"Hello <b>Berta</b>", "me: Hi", "How are you?"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Berta sees %q", got)
	}
	// What the others hear of comes after all of that.
	dora.says(carla, "and we?")
	for _, socket := range append(bertas, annas...) {
		if socket == annas[0] || socket == annas[1] {
			socket.hears(berta, 3)
		} else {
			socket.hears(anna, 3)
		}
	}
	carlas.hears(dora, 1)
	doras.hears(carla, 1)
	carlas.hears(anna, 0)
	doras.hears(anna, 0)
	carla.get(anna.chat()).has(".empty")

	// The lists have each conversation once, by its last message.
	list := anna.get("/chat")
	list.has(`a[href="` + berta.chat() + `"]`)
	list.hasNot(`a[href="` + carla.chat() + `"]`)
	if n := len(list.find(".chat-row")); n != 1 {
		t.Errorf("Anna has %d conversations", n)
	}
	if n := len(carla.get("/chat", partial()...).find("#chats .chat-row")); n != 1 {
		t.Errorf("Carla has %d conversations", n)
	}
	s.insider(t, "Emil").get("/chat").has("#chats .empty a[href='/friends']")
}

// TestChatLastSeen: friends see since when one is gone, others do not.
func TestChatLastSeen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, berta := s.insider(t, "Anna"), s.insider(t, "Berta")
	s.mates(t, anna, berta)
	anna.says(berta, "there?")
	at := s.clock.Now().Add(-time.Hour)
	if err := s.store.SetSeen(t.Context(), map[rally.UserID]time.Time{berta.user.ID: at}); err != nil {
		t.Fatal(err)
	}
	seen := `.badge .seen time[datetime="` + at.UTC().Format(time.RFC3339) + `"]`
	anna.get(berta.chat()).has("main " + seen)
	anna.get("/chat").has(".chat-row " + seen)
	if err := s.store.Remove(t.Context(), berta.user.ID, anna.user.ID); err != nil {
		t.Fatal(err)
	}
	anna.get(berta.chat()).hasNot("main .badge")
	anna.get("/chat").hasNot(".chat-row .badge")
}

// TestChatRead: what is looked at is read, with JavaScript and without.
func TestChatRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, berta := s.insider(t, "Anna"), s.insider(t, "Berta")
	s.mates(t, anna, berta)
	unread := func(b *browser, want int) {
		t.Helper()
		if in, err := s.store.Inbox(t.Context(), b.user.ID); err != nil || in.Messages != want {
			t.Errorf("%s has %d unread, want %d, %v", b.user.Name, in.Messages, want, err)
		}
	}
	anna.says(berta, "one")
	anna.says(berta, "two")
	unread(berta, 2)
	berta.get("/chat").has(".chat-count")
	page := berta.get(anna.chat())
	unread(berta, 2) // looking changes nothing
	upTo := page.attr("noscript input[name=up_to]", "value")
	if upTo == "" { // what is in noscript is text to this parser
		_, after, _ := strings.Cut(page.text, `name="up_to" value="`)
		upTo, _, _ = strings.Cut(after, `"`)
	}
	if got, want := page.attr(".chat-seen", "data-hx-vals"), `{"up_to":"`+upTo+`"}`; got != want || upTo == "" {
		t.Errorf("the page says %q, want %q", got, want)
	}
	anna.says(berta, "three")
	berta.postWith(partial(), anna.chat()+"/read", "up_to", upTo).has("hx-partial[data-hx-target='#message-count']")
	unread(berta, 1)
	berta.post(anna.chat()+"/read", "up_to", "999999").leadsTo(anna.chat())
	unread(berta, 0)
	berta.get(anna.chat()).hasNot(".chat-seen")
	berta.get("/chat").hasNot(".chat-count")
	anna.says(berta, "four")
	berta.says(anna, "five")
	unread(berta, 0)
	for _, upTo := range []string{"", "x", "-1", "1e9"} {
		berta.post(anna.chat()+"/read", "up_to", upTo).wants(http.StatusUnprocessableEntity)
	}
}

// TestChatMuted: nothing is heard of whoever is muted, and they are not told.
func TestChatMuted(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, berta, carla := s.insider(t, "Anna"), s.insider(t, "Berta"), s.insider(t, "Carla")
	s.mates(t, anna, berta)
	s.mates(t, carla, berta)
	annas, bertas := anna.open(), berta.open()
	muted := berta.postWith(partial(), anna.chat()+"/mute", "mute", "on")
	muted.wants(http.StatusOK)
	muted.has("form.chat-bar input[name=mute][value=off]")
	anna.says(berta, "one")
	annas.hears(berta, 1)
	if got := anna.get(berta.chat()).lines(); len(got) != 1 {
		t.Errorf("Anna sees %q", got)
	}
	carla.says(berta, "two")
	bertas.hears(carla, 1)
	bertas.hears(anna, 0)
	// Once for muting, and once for what Carla has said.
	if n := bertas.count(`"#message-count"`); n != 2 {
		t.Errorf("Berta's page was told %d times how much is unread", n)
	}
	if in, err := s.store.Inbox(t.Context(), berta.user.ID); err != nil || in.Messages != 1 {
		t.Errorf("Berta has %d unread, %v", in.Messages, err)
	}
	list := berta.get("/chat")
	list.has(".chat-note")
	if n := len(list.find(".chat-count")); n != 1 {
		t.Errorf("%d conversations say that there is something to read", n)
	}
	if got := berta.get(anna.chat()).lines(); len(got) != 1 {
		t.Errorf("Berta sees %q", got)
	}
	berta.post(anna.chat()+"/mute", "mute", "off").leadsTo(anna.chat())
	anna.says(berta, "three")
	bertas.hears(anna, 1)
	berta.post(anna.chat()+"/mute", "mute", "perhaps").wants(http.StatusUnprocessableEntity)
	berta.post("/chat/99999/mute", "mute", "on").wants(http.StatusNotFound)
}

// TestChatRefused: who may not write to whom, and that nobody can tell a block
// from a wish for quiet.
func TestChatRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, quiet, blocking, stranger := s.insider(t, "Anna"), s.insider(t, "Berta"), s.insider(t, "Carla"), s.insider(t, "Dora")
	s.mates(t, anna, quiet)
	s.mates(t, anna, blocking)
	quiet.post("/settings/chat", "chat", "off").leadsTo("/settings?done=chat_off")
	quiet.get("/settings?done=chat_off").has("#chat button[value=off][aria-pressed=true]")
	if err := s.store.Block(t.Context(), blocking.user.ID, anna.user.ID); err != nil {
		t.Fatal(err)
	}
	sockets := []*socket{quiet.open(), blocking.open(), stranger.open()}
	problem := func(res *answer) string {
		t.Helper()
		res.wants(http.StatusForbidden)
		for _, n := range res.find(".problem") {
			return strings.TrimSpace(n.FirstChild.Data)
		}
		return ""
	}
	words := problem(anna.postWith(partial(), quiet.chat(), "text", "hello"))
	if words == "" {
		t.Error("a friend who wants quiet: nothing is said")
	}
	for _, to := range []*browser{blocking, stranger} {
		res := anna.postWith(partial(), to.chat(), "text", "hello")
		res.wants(http.StatusForbidden)
		res.has("#chat-" + itoa(to.user.ID) + "-form.chat-closed[data-focus]")
		res.has(".chat-unsent:not([hidden])[role=alert]")
		if got := res.find("[data-unsent]")[0].FirstChild.Data; got != "hello" {
			t.Errorf("what was not sent is %q", got)
		}
		anna.get(to.chat()+"/form", partial()...).has(".chat-closed .chat-unsent[hidden]")
		anna.get(to.chat() + "/form").leadsTo(to.chat())
		anna.get(to.chat()).has(".chat-closed")
		anna.get(to.chat()).hasNot("input[name=text]")
	}
	if a, b := anna.get(blocking.chat()).find(".chat-closed .notice"), anna.get(stranger.chat()).find(".chat-closed .notice"); a[0].FirstChild.Data != b[0].FirstChild.Data {
		t.Error("who is blocked can tell")
	}
	own := quiet.postWith(partial(), anna.chat(), "text", "hello")
	own.wants(http.StatusConflict)
	own.has(".chat-closed a[href='/settings#chat']")
	blocking.get(anna.chat()).has(".chat-closed")
	anna.post("/chat/99999", "text", "hello").wants(http.StatusNotFound)
	for _, path := range []string{anna.chat(), "/chat/0", "/chat/-1", "/chat/x", "/chat/99999", "/chat/99999999999999999999"} {
		anna.get(path).wants(http.StatusNotFound)
	}
	for _, path := range []string{"/chat?before=x", "/chat?before=-1", quiet.chat() + "?before=0"} {
		anna.get(path).wants(http.StatusBadRequest)
	}
	quiet.post("/settings/chat", "chat", "on").leadsTo("/settings?done=chat_on")
	anna.says(quiet, "there?")
	sockets[0].hears(anna, 1)
	sockets[1].hears(anna, 0)
	sockets[2].hears(anna, 0)
	for _, how := range []string{"", "perhaps"} {
		quiet.post("/settings/chat", "chat", how).wants(http.StatusUnprocessableEntity)
	}
}

// TestChatHostile: whatever is sent is text, on its own, or refused.
func TestChatHostile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, berta := s.insider(t, "Anna"), s.insider(t, "Berta")
	s.mates(t, anna, berta)
	for text, want := range map[string]string{
		`<script>alert(1)</script>`:                         `<script>alert(1)</script>`,
		`"><img src=x onerror=alert(1)>`:                    `"><img src=x onerror=alert(1)>`,
		"</bdi></li><hx-partial data-hx-target=\"body\">":   "</bdi></li><hx-partial data-hx-target=\"body\">",
		"\u202egnp.exe\u202c \u2066x\u2069":                 "gnp.exe x",
		"a\u200bb\ufeffc\u00ad":                             "abc",
		"\u05e9\u05dc\u05d5\u05dd 1 < 2":                    "\u05e9\u05dc\u05d5\u05dd 1 < 2",
		"one\r\n\ttwo\u2028three":                           "one   two three",
		strings.Repeat("\U0001f3d3", 500):                   strings.Repeat("\U0001f3d3", 500),
		"javascript:alert(1) https://evil.example/?a=1&b=2": "javascript:alert(1) https://evil.example/?a=1&b=2",
	} {
		res := anna.postWith(partial(), berta.chat(), "text", text)
		res.wants(http.StatusOK)
		parses(t, res.text)
		page := berta.get(anna.chat())
		parses(t, strings.ReplaceAll(page.text, "<script ", "<hr "))
		if lines := page.lines(); lines[len(lines)-1] != want {
			t.Errorf("%q is shown as %q", text, lines[len(lines)-1])
		}
		for _, made := range []string{"a", "img", "script", "hx-partial"} {
			page.hasNot(".line " + made)
		}
		s.clock.forward(10 * time.Second)
	}
	before := len(berta.get(anna.chat()).lines())
	for _, text := range []string{
		"", "   ", "\u200b\u200d", "\u202e", "\u0301", "a\x00b", "\x1b[2J", "\xff\xfe", strings.Repeat("x", 501), strings.Repeat("\U0001f3d3", 501),
	} {
		res := anna.postWith(partial(), berta.chat(), "text", text)
		res.wants(http.StatusUnprocessableEntity)
		res.has("form.chat-form input[aria-invalid=true][aria-describedby]")
		res.has(".problem[role=alert]")
		if got := res.attr("input[name=text]", "value"); len(text) == 501 && got != text {
			t.Errorf("of %d characters %d are kept", len(text), len(got))
		}
	}
	anna.post(berta.chat()).wants(http.StatusUnprocessableEntity)
	huge := anna.post(berta.chat(), "text", strings.Repeat("x", 10<<20))
	huge.wants(http.StatusRequestEntityTooLarge)
	if after := len(berta.get(anna.chat()).lines()); after != before {
		t.Errorf("there are %d messages, and were %d", after, before)
	}
}

// TestChatFlood: whoever sends too much at once has to wait, and keeps what they
// have typed.
func TestChatFlood(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, berta := s.insider(t, "Anna"), s.insider(t, "Berta")
	s.mates(t, anna, berta)
	sent := 0
	var res *answer
	for ; sent < 30; sent++ {
		if res = anna.postWith(partial(), berta.chat(), "text", "message "+itoa(rally.UserID(sent))); res.StatusCode != http.StatusOK {
			break
		}
	}
	res.wants(http.StatusTooManyRequests)
	if sent < 10 || sent > 20 { // ten more when ten seconds are over meanwhile
		t.Errorf("%d went through", sent)
	}
	if got, want := res.attr("input[name=text]", "value"), "message "+itoa(rally.UserID(sent)); got != want || res.Header.Get("Retry-After") == "" {
		t.Errorf("kept %q, retry after %q", got, res.Header.Get("Retry-After"))
	}
	res.has(".problem[role=alert]")
	whole := anna.post(berta.chat(), "text", "still me")
	whole.wants(http.StatusTooManyRequests)
	whole.has("h1")
	if got := whole.attr("input[name=text]", "value"); got != "still me" {
		t.Errorf("kept %q", got)
	}
	if got := len(whole.lines()); got != sent {
		t.Errorf("there are %d messages, want %d", got, sent)
	}
	s.clock.forward(10 * time.Second)
	anna.says(berta, "again")
}

// TestChatOlder: what is older is reached by links, without JavaScript.
func TestChatOlder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anna, berta := s.insider(t, "Anna"), s.insider(t, "Berta")
	s.mates(t, anna, berta)
	for n := range 120 {
		if _, err := s.store.SendMessage(t.Context(), anna.user.ID, berta.user.ID, fmt.Sprint(n), false); err != nil {
			t.Fatal(err)
		}
	}
	next, page := 120, berta.get(anna.chat())
	page.has("form.chat-form")
	for {
		said := page.lines()
		for i, text := range said {
			if want := fmt.Sprint(next - len(said) + i); text != want {
				t.Fatalf("there is %s, want %s", text, want)
			}
		}
		next -= len(said)
		older := page.attr(".chat-older a", "href")
		if older == "" {
			break
		}
		page = berta.get(older)
		for _, live := range []string{"form.chat-form", "[role=log]", ".chat-seen", "[data-chat-news]"} {
			page.hasNot(live)
		}
		page.has(`a[href="` + anna.chat() + `"]`)
	}
	if next != 0 {
		t.Errorf("%d are missing", next)
	}
}

// TestChatInMatch: opponents may write to each other on the match's page while
// it lasts and just after, and those who only look on may not.
func TestChatInMatch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bea, cea := s.insider(t, "Ada"), s.insider(t, "Bea"), s.insider(t, "Cea")
	ada.postWith(partial(), bea.chat(), "text", "before").wants(http.StatusForbidden)
	adas, beas := ada.open(), bea.open()
	ada.post("/play").leadsTo("/play")
	bea.postWith(partial(), "/play").wants(http.StatusOK)
	adas.waitText("#call")
	id, _ := s.registry.Playing(ada.user.ID)
	path := "/matches/" + string(id)

	page := ada.get(path)
	page.has(`.match-chat #chat-` + itoa(bea.user.ID) + ` form.chat-form input[name=match][value="` + string(id) + `"]`)
	page.hasNot("#court .match-chat")
	page.hasNot("#match-panel .match-chat")
	page.hasNot(".match-chat[open]")
	ada.get(path, partial()...).hasNot(".match-chat")
	cea.get(path).hasNot(".match-chat")
	cea.postWith(partial(), bea.chat(), "text", "psst", "match", string(id)).wants(http.StatusForbidden)
	s.browser(t).post(bea.chat(), "text", "psst", "match", string(id)).wants(http.StatusSeeOther)

	ada.post(bea.chat(), "text", "good luck", "match", string(id)).leadsTo(path)
	bea.postWith(partial(), ada.chat(), "text", "you too", "match", string(id)).has("#chat-" + itoa(ada.user.ID) + "-form input[name=match]")
	ada.says(bea, "from the other page")
	adas.hears(bea, 3)
	beas.hears(ada, 3)
	bea.get(path).has(".match-chat summary .chat-count")
	bea.post(ada.chat()+"/mute", "mute", "on", "match", string(id)).leadsTo(path)
	bea.get(path).has(".match-chat input[name=mute][value=off]")

	ada.post(path + "/resign").leadsTo(path)
	bea.postWith(partial(), ada.chat(), "text", "good game", "match", string(id)).wants(http.StatusOK)
	adas.hears(bea, 4)
	ada.get(path).has(".match-chat form.chat-form")
	bea.postWith(partial(), ada.chat(), "text", "and?").wants(http.StatusForbidden)
	bea.postWith(partial(), ada.chat(), "text", "and?", "match", "abcdefghijkl").wants(http.StatusForbidden)
	bea.postWith(partial(), ada.chat(), "text", "and?", "match", "../../x").wants(http.StatusForbidden)

	// Bots have nothing to say.
	bots := cea.post("/practice", "level", "1").Header.Get("Location")
	cea.get(bots).hasNot(".match-chat")
	cea.post(bots + "/resign").leadsTo(bots)
}
