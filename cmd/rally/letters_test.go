package main

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"rally/mail/mailtest"
)

// person is a browser without scripts. Tests in which one enters a password are
// not parallel: a request has ten seconds, in which a busy machine, of whose time
// this process gets a part, hashes one password but does not run a bench as well.
type person struct {
	*running
	client *http.Client
}

// person gives a browser of the site's that has not been there before.
func (r *running) person() *person {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return &person{r, &http.Client{Transport: r.client.Transport, Jar: jar}}
}

// visit gives the page that a path, or a link of the site, leads to in the end.
func (p *person) visit(path string) (at, body string) {
	p.t.Helper()
	response, body := p.get(p.client, p.url+strings.TrimPrefix(path, p.url))
	return response.Request.URL.RequestURI(), body
}

// send sends a form, and gives the page that follows.
func (p *person) send(path string, form url.Values) (at string, status int, body string) {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.Request.URL.RequestURI(), response.StatusCode, string(text)
}

const password = "correct horse battery"

// signUp makes an account.
func (p *person) signUp(name, email string) {
	p.t.Helper()
	at, status, body := p.send("/sign-up", url.Values{"name": {name}, "email": {email}, "password": {password}})
	if status != http.StatusOK || strings.HasPrefix(at, "/sign-") {
		p.t.Fatalf("signing up leads to %s, %d:\n%s", at, status, body)
	}
}

// signIn gives where signing in leads.
func (p *person) signIn(login, password string) (at string) {
	p.t.Helper()
	at, status, body := p.send("/sign-in", url.Values{"email": {login}, "password": {password}})
	if status >= http.StatusInternalServerError {
		p.t.Fatalf("signing in answers %d:\n%s", status, body)
	}
	return at
}

// newPassword follows a link to a new password, and sets one.
func (p *person) newPassword(link, password string) {
	p.t.Helper()
	at, body := p.visit(link)
	if at != "/reset" || !strings.Contains(body, `name="password"`) {
		p.t.Fatalf("the link leads to %s:\n%s", at, body)
	}
	if at, status, body := p.send("/reset", url.Values{"password": {password}}); status != http.StatusOK || !strings.HasPrefix(at, "/sign-in") {
		p.t.Fatalf("the new password leads to %s, %d:\n%s", at, status, body)
	}
}

func TestRunSendsLetters(t *testing.T) {
	server := mailtest.New(t, mailtest.Config{User: "rally", Password: "hunter2-of-smtp"})
	c := testConfig(t)
	host, port := server.Addr()
	c.mailConfig = mailConfig{
		SMTPHost: host, SMTPPort: port, SMTPUser: "rally", SMTPPassword: "hunter2-of-smtp",
		SMTPFrom: "Rally <rally@pong.example.org>", SMTPTLS: "off",
	}
	r := start(t, c)
	r.expect("/dev/mail", http.StatusNotFound, "")
	ada := r.person()
	ada.signUp("Ada", "ada@example.org")
	verify := letter(t, server, "ada@example.org", 1).Link("/links/")
	if at, body := ada.visit(verify); at != "/confirm-email" || !strings.Contains(body, "ada@example.org") {
		t.Errorf("the letter's link leads to %s:\n%s", at, body)
	}
	if at, status, body := ada.send("/confirm-email", nil); status != http.StatusOK || !strings.HasPrefix(at, "/settings") {
		t.Errorf("verifying leads to %s, %d:\n%s", at, status, body)
	}

	forgetful := r.person()
	if _, status, _ := forgetful.send("/forgot", url.Values{"email": {"ada@example.org"}}); status != http.StatusOK {
		t.Errorf("asking for a new password answers %d", status)
	}
	reset := letter(t, server, "ada@example.org", 2).Link("/links/")
	forgetful.newPassword(reset, "another horse battery")
	if at := forgetful.signIn("Ada", password); !strings.HasPrefix(at, "/sign-in") {
		t.Errorf("the old password leads to %s", at)
	}
	if at := forgetful.signIn("Ada", "another horse battery"); strings.HasPrefix(at, "/sign-in") {
		t.Errorf("the new password leads to %s", at)
	}
	letter(t, server, "ada@example.org", 3) // that it was changed
	r.stopWell()
	logs := r.logs.String()
	for _, secret := range []string{
		"hunter2-of-smtp", password, "another horse", strings.TrimPrefix(verify, r.url+"/links/"),
		strings.TrimPrefix(reset, r.url+"/links/"),
	} {
		if strings.Contains(logs, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// letter waits for the n-th letter to somebody.
func letter(t *testing.T, s *mailtest.Server, to string, n int) mailtest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := s.Nth(ctx, n, mailtest.To(to))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRunKeepsLettersInDevelopment(t *testing.T) {
	c := testConfig(t)
	c.Dev = true
	r := start(t, c)
	if want := "Letters are kept at " + r.url + "/dev/mail"; r.greeting[1] != want {
		t.Errorf("it greets with %q", r.greeting)
	}
	ada := r.person()
	ada.signUp("Ada", "ada@example.org")
	link := regexp.MustCompile(regexp.QuoteMeta(r.url) + `/links/[\w-]+`)
	deadline, tick := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		_, body := ada.visit("/dev/mail")
		if found := link.FindString(body); found != "" {
			if at, _ := ada.visit(found); at != "/confirm-email" {
				t.Errorf("the letter's link leads to %s", at)
			}
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no letter comes:\n%s", body)
		}
	}
}

func TestRunWithoutMailSaysSo(t *testing.T) {
	t.Parallel()
	r := start(t, testConfig(t))
	r.expect("/dev/mail", http.StatusNotFound, "")
	if _, body := r.person().visit("/forgot"); strings.Contains(body, `name="email"`) {
		t.Errorf("it offers to send letters:\n%s", body)
	}
}
