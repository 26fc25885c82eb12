package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"rally/mail/mailtest"
)

// Of the tests here, each is somebody's whole story with their account, with
// every page on the way held against axe.

// prove enters the password once more on the page that asks for it.
func (p *person) prove(word string) {
	p.t.Helper()
	p.until(at("/settings/proof"))
	p.look("proof")
	p.do(fill("password", word), press("/settings/proof"))
	p.until(`location.pathname !== "/settings/proof"`)
}

// signInWith fills in the sign-in form; what comes next differs.
func (p *person) signInWith(word string) {
	p.t.Helper()
	p.open("/sign-in")
	p.do(fill("email", p.email), fill("password", word), press("/sign-in"))
	p.until(`location.pathname !== "/sign-in"`)
	p.noteCookies()
}

// put gives a field of the page's main form another value. It asks the page and
// not the browser's tree of nodes, which a page that is still loading replaces.
func put(field, value string) chromedp.Action[chromedp.Void] {
	set := chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector('main [name="%s"]').value = %q`, field, value))
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		_, err = set(ctx, target)
		return none, err
	}
}

// signOut presses the button in the header.
func (p *person) signOut() {
	p.t.Helper()
	p.do(signOut()...)
	p.until(`document.querySelector('header a[href="/sign-in"]')`)
}

// codeAt gives the code of a secret for now, moved by some steps.
func codeAt(t *testing.T, base32 string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCode(base32, time.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// letter waits for the newest letter to an address with a word in its subject
// or text, and gives it.
func letter(t *testing.T, want func(mailtest.Message) bool) mailtest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m, err := letterbox.Wait(ctx, want)
	if err != nil {
		t.Fatalf("no such letter came: %v", err)
	}
	if _, token, ok := strings.Cut(m.Link("/links/"), "/links/"); ok {
		secret(token)
	}
	return m
}

func TestOneTimeCodes(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.expect("status of 422")
	p.expect("status of 401")
	p.signUp()
	p.open("/settings/security")
	p.look("security")
	p.do(click(`a[href="/settings/codes"]`))
	p.prove(password)
	p.until(at("/settings/codes"))
	p.look("turning codes on")
	shown := secret(strings.ReplaceAll(p.see(`document.querySelector("main code").innerText`), " ", ""))
	shown = secret(strings.ReplaceAll(shown, "\u00a0", ""))

	t.Log("a wrong code is said at the field, and the secret stays")
	p.do(fill("code", "000000"), press("/settings/codes"))
	p.until(`document.querySelector('main [name="code"][aria-invalid="true"]')`)
	if again := strings.ReplaceAll(p.see(`document.querySelector("main code").innerText`), " ", ""); again != shown {
		t.Errorf("the secret changed from one that is in somebody's app by now")
	}
	p.do(put("code", codeAt(t, shown, -1)), press("/settings/codes"))
	p.until(`document.querySelectorAll("main ol li").length === 10`)
	p.look("recovery codes")
	recovery := strings.Fields(p.see(`[...document.querySelectorAll("main ol li")].map(li => li.innerText.trim()).join(" ")`))
	if len(recovery) != 10 {
		t.Fatalf("recovery codes: %q", recovery)
	}
	secret(recovery...)

	t.Log("signing in owes a code from now on, and opens nothing before")
	p.signOut()
	p.signInWith(password)
	p.until(at("/sign-in/code"))
	p.look("code")
	p.open("/play")
	p.until(at("/sign-in/code"))
	if n := p.see(`document.querySelectorAll("[data-hx-ws\\:connect]").length`); n != "0" {
		t.Error("a socket is tried before the code")
	}
	p.do(fill("code", "000000"), press("/sign-in/code"))
	p.until(`document.querySelector('main [name="code"][aria-invalid="true"]')`)
	p.look("a wrong code")
	p.do(put("code", codeAt(t, shown, 0)), press("/sign-in/code"))
	p.until(at("/play"))
	p.noteCookies()

	t.Log("a recovery code does, too, once")
	p.signOut()
	p.signInWith(password)
	p.do(put("code", recovery[3]), press("/sign-in/code"))
	p.until(at("/play"))
	p.signOut()
	p.signInWith(password)
	p.do(put("code", recovery[3]), press("/sign-in/code"))
	p.until(`document.querySelector('main [name="code"][aria-invalid="true"]')`)
	p.do(put("code", recovery[4]), press("/sign-in/code"))
	p.until(at("/play"))

	t.Log("and the account's log has it all")
	p.open("/settings/log")
	p.look("security log")
}

func TestForgottenPassword(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.signUp()
	confirm := letter(t, mailtest.To(p.email))

	t.Log("the letter of the sign-up shows that the address is theirs")
	p.do(chromedp.Navigate(confirm.Link("/links/")))
	p.until(at("/confirm-email"))
	p.look("confirm email")
	p.do(press("/confirm-email"))
	p.until(`location.pathname !== "/confirm-email" || document.querySelector("main .notice")`)

	t.Log("somebody at another device has forgotten the password")
	other := p.otherDevice()
	other.expect("status of 401")
	other.expect("status of 422")
	other.expect("status of 410")
	other.open("/sign-in")
	other.do(click(`main a[href^="/forgot"]`))
	other.until(at("/forgot"))
	other.look("forgot")
	other.do(fill("email", p.email), press("/forgot"))
	other.until(`!document.querySelector('main [name="email"]')`)
	other.look("forgotten, and a letter on its way")
	reset := letter(t, func(m mailtest.Message) bool { return m.To == p.email && m.Raw != nil && m.Subject != confirm.Subject })
	other.do(chromedp.Navigate(reset.Link("/links/")))
	other.until(at("/reset"))
	other.look("reset")
	if strings.Contains(other.see("location.href"), "links") {
		t.Error("the link's secret stays in the address")
	}
	other.do(fill("password", "short"), press("/reset"))
	other.until(`document.querySelector('main [name="password"][aria-invalid="true"]')`)
	fresh := secret("a-new-and-better-password")
	other.do(put("password", fresh), press("/reset"))
	other.until(at("/sign-in"))

	t.Log("whoever was signed in is told why that is over")
	p.isTold("password_changed")
	p.look("signed out by a new password")

	t.Log("the link is dead, and the old password")
	other.do(chromedp.Navigate(reset.Link("/links/")))
	other.until(at("/reset") + ` && !document.querySelector('main [name="password"]')`)
	other.look("a dead link")
	other.open("/sign-in")
	other.do(fill("email", p.email), fill("password", password), press("/sign-in"))
	other.until(`document.querySelector("#form-problem")`)
	other.signInWith(fresh)
	other.until(at("/play"))
	letter(t, func(m mailtest.Message) bool {
		return m.To == p.email && m.Subject != confirm.Subject && m.Subject != reset.Subject
	})
}

func TestSignInWithAProvider(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.expect("/favicon.ico") // the provider's, which has none
	p.open("/sign-in")
	p.do(click(`main a[href^="/sign-in/with/oidc"]`))
	p.until(`!location.href.startsWith("` + site.URL + `") && document.readyState === "complete"`)
	login := strings.ToLower(strings.ReplaceAll(p.name, " ", "."))
	p.do(chromedp.SendKeys(chromedp.CSS(`input:not([type="hidden"])`), login), click(`button, input[type="submit"]`))
	p.until(at("/sign-in/name"))
	p.look("newcomer")
	p.do(put("name", p.name), press("/sign-in/name"))
	p.until(at("/play"))
	p.noteCookies()

	t.Log("the only way in stays")
	p.open("/settings/security")
	p.look("security of an account without a password")
	if n := p.see(`document.querySelectorAll('main form[action="/settings/identities/unlink"]').length`); n != "0" {
		t.Error("the last way in can be removed")
	}

	t.Log("signing in again needs no name")
	p.signOut()
	p.open("/sign-in")
	p.do(click(`main a[href^="/sign-in/with/oidc"]`))
	p.until(`!location.href.startsWith("` + site.URL + `") && document.readyState === "complete"`)
	p.do(chromedp.SendKeys(chromedp.CSS(`input:not([type="hidden"])`), login), click(`button, input[type="submit"]`))
	p.until(at("/play"))
}

func TestDevicesAndLeaving(t *testing.T) {
	t.Parallel()
	p := newPerson(t)
	p.expect("status of 422")
	p.signUp()
	p.until(socketIsOpen)
	other := p.otherDevice()
	other.signIn()
	other.until(at("/sign-in/elsewhere"))
	other.look("live elsewhere")

	t.Log("one's other devices can be signed out")
	p.open("/settings/devices")
	p.look("devices")
	p.do(press("/settings/devices/end-others"))
	p.until(`document.querySelectorAll('main form[action^="/settings/devices/"][action$="/end"]').length === 0`)
	other.open("/play")
	other.until(at("/sign-in"))

	t.Log("everything that is held can be taken away")
	p.open("/settings/data")
	p.look("data")

	t.Log("leaving takes the password, the name, and seven days")
	p.open("/settings/delete")
	p.prove(password)
	p.until(at("/settings/delete"))
	p.look("delete")
	p.do(fill("name", "somebody else"), press("/settings/delete"))
	p.until(`document.querySelector('main [name="name"][aria-invalid="true"]')`)
	p.do(put("name", p.name), press("/settings/delete"))
	p.until(`document.querySelector('header a[href="/sign-in"]')`)
	p.signInWith(password)
	p.until(`document.querySelector('form[action="/settings/delete/stop"] button')`)
	p.look("an account that is to be deleted")
	p.do(press("/settings/delete/stop"))
	p.until(`!document.querySelector('form[action="/settings/delete/stop"]')`)
}

// The settings ask for no JavaScript: a name, codes, and a sign-in with one.
func TestAccountWithoutJavaScript(t *testing.T) {
	t.Parallel()
	p := newPerson(t, withoutJavaScript)
	p.expect("status of 422")
	p.signUp()
	p.open("/settings")
	p.do(put("name", ""), press("/settings/name"))
	p.until(`document.querySelector('main [name="name"][aria-invalid="true"]')`)
	p.name += " B"
	p.do(put("name", p.name), press("/settings/name"))
	p.until(`document.querySelector("header").innerText.includes("` + p.name + `") && document.querySelector("main .notice")`)
	p.open("/settings/codes")
	p.do(fill("password", password), press("/settings/proof"))
	p.until(`document.querySelector("main code")`)
	shown := secret(strings.ReplaceAll(p.see(`document.querySelector("main code").innerText`), " ", ""))
	p.do(fill("code", codeAt(t, shown, -1)), press("/settings/codes"))
	p.until(`document.querySelectorAll("main ol li").length === 10`)
	secret(strings.Fields(p.see(`[...document.querySelectorAll("main ol li")].map(li => li.innerText.trim()).join(" ")`))...)
	p.signOut()
	p.signInWith(password)
	p.do(fill("code", codeAt(t, shown, 0)), press("/sign-in/code"))
	p.until(`location.pathname === "/play"`)
	p.open("/settings/devices")
	p.until(`document.querySelector('main form[action="/sign-out"] button')`)
}
